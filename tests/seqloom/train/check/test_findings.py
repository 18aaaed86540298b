"""What is odd about texts and batches, each with the examples that it is about."""

from __future__ import annotations

import pytest

from seqloom.data.collate import EncodedExample
from seqloom.data.encoded import EncodedSplit
from seqloom.interfaces import Example
from seqloom.plugins import resolve
from seqloom.train.check import memory
from seqloom.train.check.characters import characters
from seqloom.train.check.finding import SHOWN, Finding
from seqloom.train.check.raw_text import raw_text
from seqloom.train.check.sizes import FULL, MANY, padding


def rows(*values: object) -> dict[str, EncodedSplit]:
    """Return a split whose examples have these texts or tokens."""
    examples = [Example(str(n), {"text": one, "count": n}) for n, one in enumerate(values)]
    return {"train": EncodedSplit([EncodedExample(one, {}) for one in examples])}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dÃ©jÃ  vu", "1 of 2 examples contains UTF-8 that was read as Latin-1"),
        ("a\x07b", "1 of 2 examples contains control characters. Remove them."),
        ("a\ufffdb", "1 of 2 examples contains U+FFFD"),
        ("a\u200bb", "1 of 2 examples contains invisible characters"),
        ("cafe\u0301", "1 of 2 examples contains letters with separate accents"),
    ],
)
@pytest.mark.parametrize("tokens", [False, True])
def test_odd_characters_are_found(text: str, said: str, tokens: bool) -> None:
    (found,) = characters(rows([text] if tokens else text, "na\u00efve", None, ""))
    assert found.text.startswith(said)
    assert found.places == ["example 0"]


def test_one_form_of_accents_is_not_odd() -> None:
    assert not [*characters(rows("cafe\u0301", "re\u0301"))]
    assert not [*characters(rows("plain", "\u0645\u06cc\u200c\u062e"))]


def test_the_first_places_are_listed_and_the_others_counted() -> None:
    places = [f"line {number}" for number in range(SHOWN + 1234)]
    lines = str(Finding("x", error=False, text="It is odd.", places=places)).splitlines()
    assert lines[:2] == ["Warning: It is odd.", "  line 0"]
    assert lines[-1] == "  … and 1,234 more; --json prints all of them"
    assert len(lines) == SHOWN + 2


def test_much_padding_is_told_where_it_costs() -> None:
    def said(fill: float, batches: int) -> list[Finding]:
        return [*padding({"batches": {"fill": fill, "in_an_epoch": batches}})]

    (found,) = said(0.25, MANY)
    assert found.text.startswith("Only 25% of the training batches is data: padding wastes 75% of")
    assert not said(0.25, MANY - 1)
    assert not said(FULL, MANY)


@pytest.mark.parametrize("name", ["characters", "line_image"])
def test_frontends_that_cut_no_texts_into_tokens_have_nothing_to_compare(name: str) -> None:
    codec = resolve("frontend", name).make_codec()
    example = Example("1", {"tokens": ["don't", "stop"]})
    found = {"train": EncodedSplit([EncodedExample(example, {})])}
    assert not [*raw_text(found, codec)]


def test_a_status_that_the_system_does_not_tell_is_none() -> None:
    assert memory._status("VmNothing") is None
    assert (memory._status("VmRSS") or 0) > 1_000_000
