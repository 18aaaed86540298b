from __future__ import annotations

import re
from typing import Any

import pytest

from seqloom.errors import ExampleError
from seqloom.interfaces import Example, Origin
from seqloom_text.frontends.characters import CharactersCodec
from seqloom_text.frontends.fields import choose_field, read_field
from seqloom_text.frontends.words import WordsCodec


def example(**fields: Any) -> Example:
    return Example("e1", fields, Origin("a.csv", 7))


def test_the_preferred_field_that_is_there() -> None:
    assert choose_field(example(text="a", tokens=["a"]), None, ("tokens", "text")) == "tokens"
    assert choose_field(example(text="a", tokens=None), None, ("tokens", "text")) == "text"
    assert choose_field(example(text="a", body="b"), "body", ("tokens", "text")) == "body"


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        (
            None,
            "a.csv:7: nothing to read in 'tokens' or 'text'; set frontend.field to a "
            "field with tokens or a text. There are: body, label.",
        ),
        (
            "bodi",
            "a.csv:7: nothing to read in 'bodi'; set frontend.field to a field with "
            "tokens or a text. Did you mean 'body'? There are: body, label.",
        ),
    ],
)
def test_no_such_field(field: str | None, problem: str) -> None:
    with pytest.raises(ExampleError) as caught:
        choose_field(example(body="a", label="b"), field, ("tokens", "text"))
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (3, "'x' holds an int; expected a text or a list of tokens."),
        ({"a": 1}, "'x' holds a dict; expected a text or a list of tokens."),
        ([], "'x' has no token; leave out examples without tokens."),
        (["a", 3], "token 2 of 'x' is 3, an int; every token must be a text."),
    ],
)
def test_not_tokens(value: Any, problem: str) -> None:
    with pytest.raises(ExampleError, match=re.escape(f"a.csv:7: {problem}")):
        read_field(example(x=value), "x")


def test_tokens_and_texts() -> None:
    assert read_field(example(x=("a", "")), "x") == ["a", ""]
    assert read_field(example(x=""), "x") == ""


@pytest.mark.parametrize("codec", [WordsCodec, CharactersCodec])
def test_a_bare_value_is_the_field_that_is_read(codec: type[WordsCodec | CharactersCodec]) -> None:
    assert codec().fields("a b") == {"text": "a b"}
    assert codec(field="residues").fields(["M", "K"]) == {"residues": ["M", "K"]}
    assert codec(field="body").fields("a b") == {"body": "a b"}
    assert codec(field="body").fields(3) is None
