"""CoNLL columns: one token a line, a blank line after each sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from seqloom.data import SplitConfig, TextFile
from seqloom.errors import ConfigError
from seqloom.interfaces import Origin
from seqloom_text.readers.file_reader import FileReader, Record, missing
from seqloom_text.schemas_data import conll_kinds, tokens_and_tags

DOCUMENT = "-DOCSTART-"


@dataclass(slots=True)
class Sentence:
    """The rows of a sentence, the line where it starts, and its document's number."""

    line: int
    document: int
    rows: list[list[str]] = field(default_factory=list)


class ConllReader(FileReader):
    """Reads CoNLL columns; see `ConllConfig` for the parameters.

    A line that begins with ``-DOCSTART-`` begins a document: its number, from 1, is each sentence's
    ``meta["document"]``. In CoNLL-U files, multi-word tokens and empty nodes are refused.
    """

    def __init__(
        self,
        *,
        columns: Mapping[str, int] | None = None,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
        kinds: Mapping[str, str] | None = None,
        delimiter: str | None = None,
        comment: str | None = None,
    ) -> None:
        columns = dict(columns or tokens_and_tags())
        files = {"train": train, "val": val, "test": test}
        super().__init__(files, split, conll_kinds(columns, kinds or {}))
        self._columns = columns
        self._delimiter = delimiter
        self._comment = comment
        for name, column in columns.items():
            if column == 0:
                raise ConfigError(
                    f"data.columns.{name}=0: columns are numbered from 1, or from -1 backwards."
                )

    def records(self, file: str, targets: bool) -> Iterator[Record]:
        """Yield a record for each sentence; see `FileReader.records`."""
        text = TextFile.find(file)
        places: dict[str, int] = {}
        for sentence in self._sentences(text, text.suffix == ".conllu"):
            places = places or self._places(text, sentence, targets)
            yield Record(
                {name: [row[place] for row in sentence.rows] for name, place in places.items()},
                Origin(text.shown, sentence.line),
                meta={"document": sentence.document} if sentence.document else {},
            )

    def _sentences(self, text: TextFile, numbered: bool) -> Iterator[Sentence]:
        sentence, width = Sentence(0, 0), 0
        for line, raw in text.lines():
            bare = raw.rstrip(" \t\r\n")
            if self._comment and bare.startswith(self._comment):
                continue
            starts_document = bare.startswith(DOCUMENT)
            if starts_document or not bare:
                if sentence.rows:
                    yield sentence
                sentence = Sentence(0, sentence.document + starts_document)
                continue
            row = self._cells(bare)
            width = width or len(row)
            _check_row(text, line, row, width, numbered)
            sentence.line = sentence.line or line
            sentence.rows.append(row)
        if sentence.rows:
            yield sentence

    def _cells(self, bare: str) -> list[str]:
        if self._delimiter is None and "\t" not in bare:
            # Only the space splits: str.split() would also split at no-break spaces.
            return [cell for cell in bare.split(" ") if cell]
        return [cell.strip(" ") for cell in bare.split(self._delimiter or "\t")]

    def _places(self, text: TextFile, sentence: Sentence, targets: bool) -> dict[str, int]:
        """Return field → position in a row."""
        width = len(sentence.rows[0])
        inputs = [name for name, kind in self.kinds.items() if kind == "tokens"]
        if width == 1 and not targets:
            return {inputs[0]: 0}
        places = {name: c - 1 if c > 0 else width + c for name, c in self._columns.items()}
        absent = [name for name, place in places.items() if not 0 <= place < width]
        used = {places[name] for name in inputs}
        absent += [n for n, place in places.items() if n not in inputs and place in used]
        for name in missing(absent, self.kinds, targets):
            raise text.error(
                sentence.line,
                f"the line has {width} columns, so none is left for data.columns.{name}="
                f"{self._columns[name]} (beside the tokens). Is data.delimiter right?",
            )
        return {name: place for name, place in places.items() if name not in absent}


def _check_row(text: TextFile, line: int, row: list[str], width: int, numbered: bool) -> None:
    if len(row) != width:
        raise text.error(
            line,
            f"the line has {len(row)} columns, the first one of the file has {width}. Is "
            "data.delimiter right, and does a blank line end each sentence?",
        )
    if "" in row:
        raise text.error(line, f"column {row.index('') + 1} of {width} is empty.")
    if numbered and not row[0].isdecimal():
        raise text.error(
            line,
            f"{row[0]!r} is not a word number: multi-word tokens and empty nodes of CoNLL-U "
            "are not supported; remove these lines.",
        )
