"""Names that are probably one name in several spellings."""

from __future__ import annotations

import logging

import pytest

from seqloom.checks import warn_of_similar_names
from seqloom.interfaces import Example
from seqloom.plugins import resolve


def told(counts: dict[str, int], caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING, "seqloom"):
        warn_of_similar_names("The classes", counts)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("pos", "Pos"), "'pos' (1), 'Pos' (2)"),
        (("caf\u00e9", "cafe\u0301"), r"'caf\xe9' (1), 'cafe\u0301' (2)"),
        (("\ufb01n", "fin"), r"'\ufb01n' (1), 'fin' (2)"),
        (("New York", "New  York"), "'New York' (1), 'New  York' (2)"),
        (("New York", "New\u00a0York"), r"'New York' (1), 'New\xa0York' (2)"),
        (("a", "a\u200b"), r"'a' (1), 'a\u200b' (2)"),
        (("1", "1.0"), "'1' (1), '1.0' (2)"),
        (("7", "07"), "'7' (1), '07' (2)"),
        (("stra\u00dfe", "STRASSE"), "'stra\u00dfe' (1), 'STRASSE' (2)"),
    ],
)
def test_names_that_are_alike(
    names: tuple[str, str], shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    (message,) = told({**dict(zip(names, (1, 2), strict=True)), "else": 9}, caplog)
    assert message == (
        f"The classes {shown} differ only in how they are written, but are treated as different. "
        "If they mean the same, unify them in the data."
    )


def test_they_are_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    counts = {f"{spelling}{n}": 1 for n in range(12) for spelling in ("a", "A")}
    (message,) = told(counts, caplog)
    assert message.startswith("The classes 'a0' (1), 'A0' (1); 'a1' (1), 'A1' (1); ")
    assert "; and 2 more differ only in how" in message


def test_names_that_are_not(caplog: pytest.LogCaptureFixture) -> None:
    assert not told({"a": 1, "\u00e4": 2, "b": 3, "a-b": 1, "1": 1, "1.5": 1, "1-0": 1}, caplog)


@pytest.mark.parametrize(
    ("head", "field", "values"),
    [
        ("classification", "label", ("Ham", "ham", "eggs")),
        ("ner", "tags", (["B-Per"], ["B-PER", "I-PER"], ["B-LOC"])),
    ],
)
def test_the_heads_say_it(
    head: str, field: str, values: tuple[object, ...], caplog: pytest.LogCaptureFixture
) -> None:
    codec = resolve("head", head).make_codec()
    with caplog.at_level(logging.WARNING, "seqloom"):
        codec.fit([Example(str(n), {field: value}) for n, value in enumerate(values)])
    (record,) = caplog.records
    assert record.getMessage().startswith(f"head={head}: the ")
    assert "(1), " in record.getMessage()
