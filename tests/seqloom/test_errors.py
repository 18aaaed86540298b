"""Errors as texts: what a terminal would obey is escaped."""

from __future__ import annotations

import pytest

from seqloom.errors import did_you_mean, printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ärger – 文字 \\n", "Ärger – 文字 \\n"),
        ("1\n2\t3", "1\\n2\\t3"),
        ("\x1b[2J\x9b\u202e\u2028", "\\x1b[2J\\x9b\\u202e\\u2028"),
    ],
)
def test_only_what_is_printable_stays(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_names_that_differ_in_case_are_alike() -> None:
    assert did_you_mean("NEG", ["pos", "neg"]) == "Did you mean 'neg'? There are: neg, pos."
