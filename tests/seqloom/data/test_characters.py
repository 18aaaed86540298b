"""Lone surrogates are refused with their place."""

from __future__ import annotations

from typing import Any

import pytest

from seqloom.data.characters import refuse_surrogates
from seqloom.errors import ExampleError
from seqloom.interfaces import Example, Origin


def test_whole_characters_of_any_script_are_fine() -> None:
    fields = {"text": "\U0001f600 ünï", "tokens": ["日本", ""], "strokes": [[1, 2]], "label": None}
    refuse_surrogates(Example("é", fields))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"text": "ab\ud83d"},
            r"the field 'text' has '\ud83d' at character 3: half of a surrogate",
        ),
        ({"tokens": ["é", "x\udc00"]}, r"'tokens' has '\udc00' at character 2 of item 2: half of"),
        ({"label": "\ud800"}, r"'label' has '\ud800' at character 1"),
        ({"labels": ("a", "\ud800\udc00")}, r"'labels' has '\ud800' at character 1 of item 2"),
    ],
)
def test_a_lone_surrogate_is_refused(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(ExampleError) as found:
        refuse_surrogates(Example("a", fields, Origin("a.jsonl", 3)))
    assert str(found.value).startswith("a.jsonl:3: ")
    assert expected in str(found.value)


def test_the_error_itself_can_be_written() -> None:
    with pytest.raises(ExampleError, match=r"^example \\ud83d: the id has '\\ud83d'") as found:
        refuse_surrogates(Example("\ud83d", {}))
    assert (str(found.value) + found.value.example_id).encode()


def test_a_byte_in_the_name_of_a_file_is_called_so() -> None:
    with pytest.raises(ExampleError, match=r"has '\\udce9' at character 4: the byte 0xe9 in"):
        refuse_surrogates(Example("caf\udce9.wav", {}))
