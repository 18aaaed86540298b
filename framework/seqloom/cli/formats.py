"""Formats of predictions: JSON lines, TSV, CSV, text, CoNLL, spans, and those of plugins."""

from __future__ import annotations

import csv
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from seqloom.data import entity_spans
from seqloom.errors import ConfigError, ExampleError, did_you_mean, plural
from seqloom.files import atomic_file, finite
from seqloom.interfaces import Example, FrontendCodec, HeadCodec, Prediction, Reader, Writer
from seqloom.plugins import registry
from seqloom.plugins.registry import import_target

log = logging.getLogger("seqloom")

Format = Callable[[Example, Prediction], str]

DOCUMENT = "-DOCSTART-"
"""First cell of the line that begins a document in CoNLL."""


def forms() -> dict[str, str]:
    """Return the names of formats; those of plugins with ``module:Class``."""
    components = [registry().find("data", name) for name in registry().names("data")]
    return dict.fromkeys(FORMS, "") | {k: v for one in components for k, v in one.writers.items()}


def refuse_unknown_form(form: str) -> None:
    """Reject an unknown format.

    Raises:
        ConfigError: The format is unknown; the message lists those that are installed.
    """
    known = forms()
    if form not in known:
        raise ConfigError(f"--to {form}: unknown format. {did_you_mean(form, known)}")


@contextmanager
def writing(
    form: str,
    out: Path | None,
    codec: HeadCodec,
    gold: bool = False,
    frontend: FrontendCodec | None = None,
) -> Iterator[Writer]:
    """Provide a writer of predictions in a format; close it at the end unless there was an error.

    Args:
        form: Name of the format.
        out: File to write; None: standard output.
        codec: Codec of the head that predicts.
        gold: Whether the targets of the inputs are written too.
        frontend: Codec of the frontend, whose cells are written too.

    Raises:
        ConfigError: The format is unknown, or the codec's predictions do not have it.
    """
    refuse_unknown_form(form)
    target = forms()[form]
    if gold and form not in WITH_GOLD:
        raise ConfigError(f"--gold does not work with --to {form}; use {', '.join(WITH_GOLD)}.")
    if not target:
        head = _WithGold(codec) if gold else codec
        placed = frontend if form in WITH_INPUT and frontend and frontend.cell_names else None
        formatted = FORMS[form](_WithInput(head, placed) if placed else head)
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


class _WithGold:
    """A head's codec whose rows have the target of the example before what is predicted."""

    def __init__(self, codec: HeadCodec) -> None:
        self.row_per_token = codec.row_per_token
        place = int(codec.row_per_token)
        self.column_names = (*codec.column_names[:place], "gold", *codec.column_names[place:])
        self._codec, self._place = codec, place

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return the rows of the codec with the target as a cell of each."""
        rows = self._codec.columns(example, prediction)
        gold = self.target(example)
        cells = gold if self.row_per_token else ["|".join(gold)] * len(rows)
        if len(cells) != len(rows):
            raise ExampleError(
                example,
                f"it has {len(cells)} {plural(len(cells), 'tag')} for {len(rows)} "
                f"{plural(len(rows), 'token')}; --gold needs one tag per token.",
            )
        place = self._place
        return [[*row[:place], one, *row[place:]] for row, one in zip(rows, cells, strict=True)]

    def target(self, example: Example) -> list[str]:
        """Return the target of the example.

        Raises:
            ExampleError: It has none, or one that cannot be read.
        """
        found = self._codec.target(example)
        if found is None:
            raise ExampleError(
                example,
                "it has no target for --gold to write. Name the field's column: "
                "data.columns='{FIELD: COLUMN}'.",
            )
        return found


class _WithInput:
    """The rows of a codec, with the cells of the frontend's codec after them."""

    def __init__(self, codec: HeadCodec | _WithGold, frontend: FrontendCodec) -> None:
        self.row_per_token = codec.row_per_token
        self.column_names = (*codec.column_names, *frontend.cell_names)
        self.codec, self.cells = codec, frontend.cells

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return the rows, each with the same cells."""
        cells = self.cells(example, prediction)
        return [[*row, *cells] for row in self.codec.columns(example, prediction)]


Codec = HeadCodec | _WithGold | _WithInput


class _Json:
    """One JSON object a line, with the id."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    def __call__(self, example: Example, prediction: Prediction) -> str:
        found = {"id": example.id, **prediction}
        if isinstance(self.codec, _WithGold):
            gold = self.codec.target(example)
            several = self.codec.row_per_token or "labels" in prediction
            found["gold"] = gold if several else "".join(gold)
        return json.dumps(finite(found), ensure_ascii=False) + "\n"


class _Tsv:
    """One or more rows for each example, which start with its id, after a header."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.header = "\t".join(("id", *codec.column_names)) + "\n"

    def __call__(self, example: Example, prediction: Prediction) -> str:
        rows = self.codec.columns(example, prediction)
        header, self.header = self.header, ""
        return header + "".join("\t".join(map(_quoted, (example.id, *row))) + "\n" for row in rows)


class _Csv:
    """The rows of TSV with commas, and with texts as they are, in quotes where they need them."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.header: list[list[str]] = [["id", *codec.column_names]]

    def __call__(self, example: Example, prediction: Prediction) -> str:
        rows = [
            *self.header,
            *([example.id, *row] for row in self.codec.columns(example, prediction)),
        ]
        self.header = []
        return "".join(map(_comma_separated, rows))


class _Text:
    """The first column: the text that was read, or the label; after the cells of the input."""

    def __init__(self, codec: Codec) -> None:
        if codec.row_per_token:
            raise ConfigError(
                "The model predicts a tag for each token, which --to text cannot write; use --to "
                "conll, tsv, csv or jsonl."
            )
        self.codec = codec

    def __call__(self, example: Example, prediction: Prediction) -> str:
        rows = self.codec.columns(example, prediction)
        start = ""
        if isinstance(self.codec, _WithInput):
            before = filter(None, self.codec.cells(example, prediction))
            start = "".join(f"{_cell(one)}\t" for one in before)
        return "".join(f"{start}{_cell(row[0])}\n" for row in rows)


class _Conll:
    """One row for each token, and a blank line after each example; ``_`` is an empty cell.

    With the target there are three columns, as conlleval reads them: token, gold, predicted.
    """

    def __init__(self, codec: Codec) -> None:
        if not codec.row_per_token:
            raise ConfigError(
                "The model does not predict a tag for each token, so there is no "
                "CoNLL output; use --to jsonl or --to tsv."
            )
        self.codec = codec
        self.width = 3 if isinstance(codec, _WithGold) else None
        self._told: set[str] = set()

    def __call__(self, example: Example, prediction: Prediction) -> str:
        rows = [row[: self.width] for row in self.codec.columns(example, prediction)]
        cells = [[_cell(one).strip(" ") or "_" for one in row] for row in rows]
        for (token, *_), (written, *_) in zip(rows, cells, strict=True):
            if token != written:
                self._tell("changed", example, f"{token!r} is written as {written!r}")
        if any(row[0] == DOCUMENT and row[1] in ("O", "_") for row in cells):
            self._tell("mark", example, f"{DOCUMENT!r} will be read as the beginning of a document")
        return "".join("\t".join(row) + "\n" for row in cells) + "\n"

    def _tell(self, kind: str, example: Example, what: str) -> None:
        """Warn of the first token of a kind that cannot be read back as it is."""
        if kind not in self._told:
            self._told.add(kind)
            log.warning(
                "--to conll: the token %s, in %s. --to jsonl keeps all tokens as they are. This is "
                "shown once.",
                what,
                example.origin or example.id,
            )


class _Spans:
    """One JSON object a line, as doccano imports it: id, text, and start, end, type of entities.

    The text of an example that has only tokens is these, joined by blanks.
    """

    def __init__(self, codec: Codec) -> None:
        if not codec.row_per_token:
            raise ConfigError(
                "--to spans: the model does not predict a tag for each token, so there are no "
                "entities; use --to jsonl or --to tsv."
            )

    def __call__(self, example: Example, prediction: Prediction) -> str:
        text, spans = entity_spans(example, prediction)
        found = {"id": example.id, "text": text, "label": spans}
        return json.dumps(found, ensure_ascii=False) + "\n"


def _cell(text: str) -> str:
    """Return a text without tabs and line breaks."""
    return text.translate({ord("\t"): " ", ord("\n"): " ", ord("\r"): " "})


def _comma_separated(row: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(row)  # quotes cells with either character
    return text.getvalue().removesuffix("\r\n") + "\n"


def _quoted(text: str) -> str:
    """Return a cell of a table, in quotes if it would otherwise be read as a cell in quotes."""
    cell = _cell(text)
    return '"' + cell.replace('"', '""') + '"' if cell.startswith('"') else cell


FORMS: dict[str, Callable[[Codec], Format]] = {
    "jsonl": _Json,
    "tsv": _Tsv,
    "csv": _Csv,
    "text": _Text,
    "conll": _Conll,
    "spans": _Spans,
}
"""The formats of the core; CoNLL and spans require one row for each token."""

WITH_GOLD = ("conll", "csv", "jsonl", "tsv")
"""The formats that can have the targets."""

WITH_INPUT = ("csv", "text", "tsv")
"""The formats that can have columns of the input."""

WITHOUT_SCORES = ("spans", "text")
"""The formats of the core that show no confidences."""
