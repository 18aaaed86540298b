"""How predictions are written: JSON lines, TSV, CoNLL."""

from __future__ import annotations

import json
from collections.abc import Callable

from seqloom.errors import ConfigError
from seqloom.files import finite
from seqloom.interfaces import Example, Head, Prediction

Write = Callable[[Example, Prediction], str]


def writer(form: str, head: Head) -> Write:
    """Return a function from an example and its prediction to text.

    Raises:
        ConfigError: the head's predictions have no such form.
    """
    if form == "jsonl":
        return _json
    if form == "tsv":
        return _Tsv(head)
    if not head.row_per_token:
        raise ConfigError(
            f"{type(head).__name__} does not predict a tag for each token, so there is no CoNLL "
            "output; use --to jsonl or --to tsv."
        )
    return _Conll(head)


def _json(example: Example, prediction: Prediction) -> str:
    return json.dumps(finite({"id": example.id, **prediction}), ensure_ascii=False) + "\n"


class _Tsv:
    """Rows with the example's id in front, under one header."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.header = "\t".join(("id", *head.column_names)) + "\n"

    def __call__(self, example: Example, prediction: Prediction) -> str:
        rows = self.head.columns(example, prediction)
        header, self.header = self.header, ""
        return header + "".join("\t".join(map(_cell, (example.id, *row))) + "\n" for row in rows)


class _Conll:
    """A row a token, and a blank line after each example."""

    def __init__(self, head: Head) -> None:
        self.head = head

    def __call__(self, example: Example, prediction: Prediction) -> str:
        rows = self.head.columns(example, prediction)
        return "".join("\t".join(map(_cell, row)) + "\n" for row in rows) + "\n"


def _cell(text: str) -> str:
    """Return a text that cannot break its row."""
    return text.translate({ord("\t"): " ", ord("\n"): " ", ord("\r"): " "})
