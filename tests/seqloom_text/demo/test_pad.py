"""What the text box sends."""

from __future__ import annotations

import json

import pytest

from seqloom.errors import DataError, TooLargeError
from seqloom_text.demo.pad import TextPad


def test_a_text_comes_through() -> None:
    assert TextPad().value('{"text": " Zoë\\n2 "}'.encode()) == " Zoë\n2 "


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", 'The request is not JSON. Expected JSON: {"text": "…"}.'),
        (b"\xff", "The request is not JSON"),
        (b"[" * 50_000, "The request is not JSON"),
        (b'{"text": "a", "text": "b"}', "The request is not JSON"),
        (b'{"words": "a"}', "The request has no text"),
        (b'{"text": 1}', "The request has no text"),
        (b'["text"]', "The request has no text"),
    ],
)
def test_what_is_no_text(body: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        TextPad().value(body)
    assert str(caught.value).startswith(message)


def test_a_text_that_is_too_long() -> None:
    assert TextPad().value(json.dumps({"text": "a" * 20_000}).encode())
    with pytest.raises(TooLargeError, match=r"^The text has 20001 characters; up to 20000 can"):
        TextPad().value(json.dumps({"text": "a" * 20_001}).encode())
