"""Formats of predictions: JSON lines, TSV, text, CoNLL, and those of plugins."""

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
    """Return the names of formats; those of plugins with ``module:Class``."""
    components = [registry().find("data", name) for name in registry().names("data")]
    return dict.fromkeys(FORMS, "") | {k: v for one in components for k, v in one.writers.items()}


def refuse_unknown(form: str) -> None:
    """Reject an unknown format.

    Raises:
        ConfigError: The format is unknown; the message lists those that are installed.
    """
    known = forms()
    if form not in known:
        raise ConfigError(f"--to {form}: no such format. {did_you_mean(form, known)}")


@contextmanager
def writing(form: str, out: Path | None, codec: HeadCodec) -> Iterator[Writer]:
    """Provide a writer of predictions in a format; close it at the end unless there was an error.

    Raises:
        ConfigError: The format is unknown, or the codec's predictions do not have it.
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
    """Writes text to a stream, and flushes it after each prediction."""

    def __init__(self, formatted: Format, stream: TextIO) -> None:
        self.formatted = formatted
        self.stream = stream

    def begin(self, reader: Reader) -> None:
        """Do nothing: the reader has no influence."""

    def write(self, example: Example, prediction: Prediction) -> None:
        self.stream.write(self.formatted(example, prediction))
        self.stream.flush()

    def close(self) -> None:
        """Do nothing: everything is written."""


@contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    """Provide standard output, or a file that is created once it is complete."""
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
    """One or more rows for each example, which start with its id, after a header."""

    def __init__(self, codec: HeadCodec) -> None:
        self.codec = codec
        self.header = "\t".join(("id", *codec.column_names)) + "\n"

    def __call__(self, example: Example, prediction: Prediction) -> str:
        rows = self.codec.columns(example, prediction)
        header, self.header = self.header, ""
        return header + "".join("\t".join(map(_cell, (example.id, *row))) + "\n" for row in rows)


class _Text:
    """The first column: the text that was read, or the label."""

    def __init__(self, codec: HeadCodec) -> None:
        self.codec = codec

    def __call__(self, example: Example, prediction: Prediction) -> str:
        rows = self.codec.columns(example, prediction)
        return "".join(f"{_cell(row[0])}\n" for row in rows)


class _Conll:
    """One row for each token, and a blank line after each example."""

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
    """Return a text without tabs and line breaks."""
    return text.translate({ord("\t"): " ", ord("\n"): " ", ord("\r"): " "})


FORMS: dict[str, Callable[[HeadCodec], Format]] = {
    "jsonl": _json,
    "tsv": _Tsv,
    "text": _Text,
    "conll": _Conll,
}
"""The formats of the core; CoNLL requires one row for each token."""
