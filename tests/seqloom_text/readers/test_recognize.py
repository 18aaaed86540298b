"""Readers recognize the data that they read by its first lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from seqloom.interfaces import Reader
from seqloom_text.readers.conll import ConllReader
from seqloom_text.readers.csv import CsvReader
from seqloom_text.readers.jsonl import JsonlReader
from seqloom_text.readers.lines import LinesReader

CSV = CsvReader(columns={"text": "body", "label": "kind"})
BARE = CsvReader(columns={"text": "2", "label": "1"}, header=False)
PIPES = CsvReader(columns={"text": "2"}, header=False, delimiter="|")
JSONL = JsonlReader(columns={"text": "body"})
CONLL = ConllReader()
COMMENTED = ConllReader(comment="%")
SWAPPED = ConllReader(columns={"tokens": 2, "tags": 1})
NUMBERED = ConllReader(train="a.conllu", columns={"tokens": 2, "tags": 3})
FEATURES = ConllReader(features={"tags": "NER"})


@pytest.mark.parametrize(
    ("reader", "text", "expected"),
    [
        (CSV, "body\tkind\na b\tx", {"delimiter": "\t"}),
        (CSV, "kind,body", {"delimiter": ","}),
        (CSV, 'n;"body"\n1;a', {"delimiter": ";"}),
        (CSV, "n,body", None),  # it may be a text
        (CSV, "body", None),
        (CSV, "body\na, b", {"delimiter": "\t"}),
        (CSV, '"body"\n"a, b"', {"delimiter": "\t"}),
        (CSV, "a body\na b", None),
        (CSV, "Kind, Body\nx,a", {"delimiter": ","}),  # reading it says what they are called
        (CSV, "Body, mind\na,b", None),
        (CSV, "Body\na, b\nc", None),
        (CSV, "the body, and a kind\nof,body", None),
        (BARE, "x\ta b\ny\tc", {"delimiter": "\t"}),
        (BARE, "x,a b\ny,c", None),
        (BARE, '"x","a, b"\n"y","c"', {"delimiter": ","}),
        (BARE, '"x, y"\n"a, b"', None),
        (BARE, "x\ta\nb", None),
        (PIPES, "x|a|b\ny|c|d", {"delimiter": "|"}),
        (JSONL, '{"body": "a"}', {}),
        (JSONL, '{"text": "a"}', None),
        (JSONL, "{body}", None),
        (CONLL, "Ann\tB-PER\nmet\tO\n\nBob\tB-PER", {}),
        (CONLL, "-DOCSTART- O\n\nAnn NNP B-PER\nmet VB O", {}),
        (CONLL, "vitamin B-12", None),
        (CONLL, "% by hand\nAnn B-PER\nmet O", None),
        (COMMENTED, "% by hand\nAnn B-PER\nmet O", {}),
        (COMMENTED, "% by hand\n%Ann B-PER", None),
        (CONLL, "Ann PER-B\nmet O", {}),
        (CONLL, "Ann\tB-PER\n\t\nmet\tO", {}),
        (CONLL, "Ann B_PER\nmet O", {}),
        (SWAPPED, "B-PER Ann\nO met", {}),
        (NUMBERED, "# text = a b\n1\ta\tDET\n2\tb\tNOUN", {}),
        (NUMBERED, "a\tx\tDET\nb\ty\tNOUN", None),
        (FEATURES, "a\tNER=O\nb\t_", {}),
        (FEATURES, "a b\nc d", None),
        (CONLL, "a b c\nd e", None),
        (CONLL, "", None),
        (LinesReader(), "a b", None),
    ],
)
def test_recognize(reader: Reader, text: str, expected: Mapping[str, Any] | None) -> None:
    assert reader.recognize(text.split("\n")) == expected
