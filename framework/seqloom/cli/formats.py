"""How predictions are written: JSON lines, TSV, text, CoNLL, and what plugins have besides."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from seqloom.errors import ConfigError, did_you_mean
from seqloom.files import atomic_file, finite
from seqloom.interfaces import Example, HeadCodec, Prediction, Reader, Writer
from seqloom.plugins import registry
from seqloom.plugins.registry import import_target

Format = Callable[[Example, Prediction], str]


def forms() -> dict[str, str]:
    """Return the forms that there are: name → ``module:Class`` of those that plugins have."""
    parts = [registry().find("data", name) for name in registry().names("data")]
    return dict.fromkeys(FORMS, "") | {k: v for part in parts for k, v in part.writers.items()}


def refuse_unknown(form: str) -> None:
    """Refuse a form that nothing installed writes.

    Raises:
        ConfigError: says which there are.
    """
    known = forms()
    if form not in known:
        raise ConfigError(f"--to {form}: no such form. {did_you_mean(form, known)}")


@contextmanager
def writing(form: str, out: Path | None, codec: HeadCodec) -> Iterator[Writer]:
    """Give a writer of predictions in a form, and finish what it wrote unless an error came.

    Raises:
        ConfigError: If the format is unknown, or the codec's predictions do not have it.
    """
    refuse_unknown(form)
    target = forms()[form]
    if not target:
        formatted = FORMS[form](codec)
        with _output(out) as stream:
            yield _Lines(formatted, stream)
        return
    writer: Writer = import_target(target, f"--to {form}")(out, codec)
    yield writer
    writer.close()


class _Lines:
    """Writes text to a stream at once, so that each prediction is out before the next is made."""

    def __init__(self, formatted: Format, stream: TextIO) -> None:
        self.formatted = formatted
        self.stream = stream

    def begin(self, reader: Reader) -> None:
        """Any reader will do."""

    def write(self, example: Example, prediction: Prediction) -> None:
        self.stream.write(self.formatted(example, prediction))
        self.stream.flush()

    def close(self) -> None:
        """Nothing is left to write."""


@contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    """Give standard output, or a file that appears whole when all is written."""
    if path is None:
        yield sys.stdout
    elif path.is_fifo() or path.is_char_device():  # these cannot be replaced
        with path.open("w", encoding="utf-8") as stream:
            yield stream
    else:
        with atomic_file(path) as draft, draft.open("w", encoding="utf-8") as stream:
            yield stream


def _json(_: HeadCodec) -> Format:
    return _json_line


def _json_line(example: Example, prediction: Prediction) -> str:
    return json.dumps(finite({"id": example.id, **prediction}), ensure_ascii=False) + "\n"


class _Tsv:
    """Rows with the example's id in front, under one header."""

    def __init__(self, codec: HeadCodec) -> None:
        self.codec = codec
        self.header = "\t".join(("id", *codec.column_names)) + "\n"

    def __call__(self, example: Example, prediction: Prediction) -> str:
        rows = self.codec.columns(example, prediction)
        header, self.header = self.header, ""
        return header + "".join("\t".join(map(_cell, (example.id, *row))) + "\n" for row in rows)


class _Text:
    """The first column alone: what was read, or the label."""

    def __init__(self, codec: HeadCodec) -> None:
        self.codec = codec

    def __call__(self, example: Example, prediction: Prediction) -> str:
        rows = self.codec.columns(example, prediction)
        return "".join(f"{_cell(row[0])}\n" for row in rows)


class _Conll:
    """A row a token, and a blank line after each example."""

    def __init__(self, codec: HeadCodec) -> None:
        if not codec.row_per_token:
            raise ConfigError(
                "The model does not predict a tag for each token, so there is no "
                "CoNLL output; use --to jsonl or --to tsv."
            )
        self.codec = codec

    def __call__(self, example: Example, prediction: Prediction) -> str:
        rows = self.codec.columns(example, prediction)
        return "".join("\t".join(map(_cell, row)) + "\n" for row in rows) + "\n"


def _cell(text: str) -> str:
    """Return a text that cannot break its row."""
    return text.translate({ord("\t"): " ", ord("\n"): " ", ord("\r"): " "})


FORMS: dict[str, Callable[[HeadCodec], Format]] = {
    "jsonl": _json,
    "tsv": _Tsv,
    "text": _Text,
    "conll": _Conll,
}
"""The forms that any head's predictions have, but for CoNLL, which is a row for each token."""
