"""Errors as texts: what a terminal would obey is escaped."""

from __future__ import annotations

import pytest

from seqloom.errors import printable


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
