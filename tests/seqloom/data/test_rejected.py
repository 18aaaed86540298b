"""What is raised, or logged, of the examples that cannot be used."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from seqloom.data.rejected import Rejected, raise_or_warn
from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example, Origin


def _example(number: int, text: str, **fields: Any) -> Example:
    return Example(str(number), {"text": text, **fields}, Origin("data.txt", number))


def test_the_first_are_listed_and_the_rest_counted(caplog: pytest.LogCaptureFixture) -> None:
    errors = [ExampleError(_example(number, ""), "is bad") for number in range(1, 13)]
    refusing, skipping = Rejected(skip=False), Rejected(skip=True)
    refusing.errors, skipping.errors = errors, errors
    with pytest.raises(DataError) as caught:
        refusing.raise_or_warn("the val split")
    lines = str(caught.value).splitlines()
    assert lines[0] == "12 examples of the val split cannot be used:"
    assert lines[1:11] == [f"  data.txt:{number}: is bad" for number in range(1, 11)]
    assert lines[11:] == [
        "  … and 2 more",
        "Fix the data, or leave these examples out with on_bad=skip.",
    ]
    with caplog.at_level(logging.WARNING, "seqloom"):
        skipping.raise_or_warn("the val split")
    assert caplog.messages[0].startswith("Skipped 12 examples of the val split:\n  data.txt:1:")


class OddError(ExampleError):
    """An error that has a remedy."""

    @classmethod
    def remedy(cls, errors: Sequence[ExampleError]) -> str:
        return f"Fix {', '.join(error.example_id for error in errors)} at once."


@pytest.mark.parametrize("skip", [True, False])
def test_what_fixes_many_is_said_once_over_all_splits(
    skip: bool, caplog: pytest.LogCaptureFixture
) -> None:
    found = {name: Rejected(skip) for name in ("train", "val", "test")}
    found["train"].errors = [OddError(_example(1, ""), "is odd")]
    found["test"].errors = [
        ExampleError(_example(2, ""), "is bad"),
        OddError(_example(3, ""), "is odd"),
    ]
    if skip:
        raise_or_warn(found)
        assert caplog.messages == [
            "Skipped 1 example of the train split:\n  data.txt:1: is odd",
            "Skipped 2 examples of the test split:\n  data.txt:2: is bad\n  data.txt:3: is odd",
            "Fix 1, 3 at once.",
        ]
        return
    with pytest.raises(DataError) as caught:
        raise_or_warn(found)
    assert str(caught.value).splitlines() == [
        "1 example of the train split cannot be used:",
        "  data.txt:1: is odd",
        "2 examples of the test split cannot be used:",
        "  data.txt:2: is bad",
        "  data.txt:3: is odd",
        "Fix 1, 3 at once.",
        "Fix the data, or leave these examples out with on_bad=skip.",
    ]


@pytest.mark.parametrize("skip", [True, False])
def test_without_rejected_examples_nothing_is_said(
    skip: bool, caplog: pytest.LogCaptureFixture
) -> None:
    Rejected(skip).raise_or_warn("the val split")
    assert not caplog.messages
