"""The how-to pages: the web app answers whatever it is sent, and sizes called equal are equal."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqloom
from seqloom_recurrent.encoders import LSTM, BiLSTM

PAGES = Path(__file__).parent.parent / "docs" / "howto"
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
WORDS_SIZE = 150  # frontend=words: 100 of a word and 50 of its characters

Ask = Callable[..., tuple[str, Any]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Return a function that sends a request to the app of the page."""
    page = (PAGES / "ner-in-production.md").read_text(encoding="utf-8")
    (code,) = (one for one in PYTHON.findall(page) if "make_server" in one)
    monkeypatch.setattr(seqloom, "load", lambda path: lambda text: {"entities": [text]})
    names: dict[str, Any] = {}
    exec(compile(code, "page", "exec"), names)
    names["server"].server_close()

    def asked(body: bytes, length: str | None = None) -> tuple[str, Any]:
        said: list[str] = []
        request = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": length or str(len(body))}
        answer = names["app"](request, lambda status, headers: said.append(status))
        return said[0], json.loads(b"".join(answer))

    return asked


def test_the_web_app_answers_whatever_it_is_sent(ask: Ask) -> None:
    assert ask(b"Apple is here") == ("200 OK", ["Apple is here"])
    assert ask(b" \n") == ("200 OK", [])
    assert ask(b"\xff Apple") == ("200 OK", ["\ufffd Apple"])
    assert ask(b"a" * 10_000)[0] == "200 OK"
    for body, length in ((b"a" * 10_001, None), (b"a", "-1"), (b"a", "many")):
        assert ask(body, length) == ("413 Content Too Large", [])


def test_sizes_that_are_called_equal_are_equal() -> None:
    page = (PAGES / "sweep-cookbook.md").read_text(encoding="utf-8")
    small, wide = map(int, re.findall(r"lstm,bilstm encoder.hidden_size=(\d+),(\d+)", page)[0])
    weights = [
        sum(one.numel() for one in encoder.parameters())
        for encoder in (BiLSTM(WORDS_SIZE, small), LSTM(WORDS_SIZE, wide))
    ]
    assert weights[0] == pytest.approx(weights[1], rel=0.02)
