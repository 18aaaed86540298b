"""CoNLL columns: one token a line, a blank line after each sentence."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqloom.data import SplitConfig, TextFile, file_name, text_parts
from seqloom.errors import Cause, ConfigError, did_you_mean, plural
from seqloom.interfaces import Origin
from seqloom_text.readers.documents import DOCUMENT
from seqloom_text.readers.file_reader import TABS, FileReader, Record, missing
from seqloom_text.readers.sentences import NUMBERED, Learned, Sentence, SentenceReader
from seqloom_text.schemas_data import conll_kinds, tokens_and_tags

logger = logging.getLogger("seqloom")

TOKENS = ("token", "tokens", "word", "words", "text", "form")
TAGS = ("tag", "tags", "ner", "ner_tag", "ner_tags", "label", "labels", "pos", "upos", "entity")
"""Names of columns."""
ALIKE = re.compile(r"O|[BIESLUMW][-_:/.]\S+|\S+[-_:/.][BIESLUMW]")
"""Tags, as B-PER or PER-B."""
LONG = 200
"""Number of tokens from which on it is odd that a file is one sentence."""


class ConllReader(FileReader):
    """Reads CoNLL columns; see `ConllConfig` for the parameters.

    A line that begins with ``-DOCSTART-`` begins a document: its number, from 1, is each sentence's
    ``meta["document"]``. It ends the sentence before it, also without a blank line, and is a token
    only if its tag is that of an entity; the log names these. In CoNLL-U files, multi-word tokens
    and empty nodes are refused.
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
        features: Mapping[str, str] | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        columns = dict(columns or tokens_and_tags())
        files = {"train": train, "val": val, "test": test}
        super().__init__(files, split, conll_kinds(columns, kinds or {}), names=names)
        self._columns = columns
        self._delimiter = "\t" if delimiter in TABS else delimiter
        self._comment = comment
        self._features = dict(features or {})
        for name in self._features:
            if self.kinds.get(name) != "tags":
                known = did_you_mean(
                    name, [one for one, its in self.kinds.items() if its == "tags"]
                )
                raise ConfigError(
                    f"data.features.{name}: expected a field with tags. {known}",
                    cause=Cause.wrong_value,
                )
        self._known_places: dict[tuple[int, bool], dict[str, int]] = {}
        for name, column in columns.items():
            if column == 0:
                raise ConfigError(
                    f"data.columns.{name}=0: columns are numbered from 1, or from -1 backwards."
                )

    def records(self, file: str, targets: bool) -> Iterator[Record]:
        """Yield a record for each sentence; see `FileReader.records`."""
        text = TextFile.find(file)
        found = self._sentences(text, file)
        count = tokens = 0
        for count, sentence in enumerate(found.sentences(), 1):
            tokens = len(sentence.lines)
            yield self._record(found, sentence, targets, first=count == 1)
        if targets and count == 1 and tokens > LONG:
            logger.warning(
                "%s: all %d tokens are one sentence. A blank line must end each sentence.",
                text.shown,
                tokens,
            )

    def records_in_parts(self, file: str) -> Sequence[tuple[int, Iterable[Record]]]:
        """Return a large file in parts, which begin as in most files; see `FileReader`.

        That is, each end of a block of lines before a part is that of a sentence or a document,
        and the columns are those of the first sentence.
        """
        text = TextFile.find(file)
        if self._comment or self._delimiter is not None or self._is_numbered(file):
            return ()  # what is a comment depends on the lines before it
        parts = text_parts(text, b"\n\n", DOCUMENT.encode())
        if len(parts) < 2:
            return ()
        first = self._sentences(text, file)
        next(first.sentences(), None)
        known = first.learned
        if not known.known:
            return ()
        later = [(one.ends - one.marks, replace(known, document=one.marks)) for one in parts[1:]]
        return [
            (start[0], self._foreseen(self._sentences(part.text, file, start[1]), start[0], end))
            for part, start, end in zip(
                parts, [(0, Learned()), *later], [*later, None], strict=True
            )
        ]

    def _foreseen(
        self, found: SentenceReader, before: int, end: tuple[int, Learned] | None
    ) -> Iterator[Record]:
        """Yield the records of a part.

        Args:
            found: Reader of its sentences.
            before: Number of sentences before it.
            end: The same for the next part, and what is known there; None: it is the last one.

        Raises:
            ValueError: These are other ones, or lines must be counted in the whole file.
        """
        count = before
        for count, sentence in enumerate(found.sentences(), before + 1):
            yield self._record(found, sentence, targets=True, first=count == 1)
        if found.counted or end not in (None, (count, found.learned)):
            raise ValueError(f"{found.text.shown}: a part is unlike the others")

    def _sentences(
        self, text: TextFile, file: str, learned: Learned | None = None
    ) -> SentenceReader:
        tags = [name for name, kind in self.kinds.items() if kind == "tags"]
        numbered = self._is_numbered(file)
        comment = "#" if self._comment is None and numbered else self._comment
        return SentenceReader(
            text,
            self._columns,
            tags,
            self._delimiter,
            comment,
            numbered=numbered,
            learned=learned,
        )

    def recognize(self, lines: Sequence[str]) -> Mapping[str, Any] | None:
        """Recognize lines with the same number of columns, of which one is tags like B-PER."""
        split = "\t" if self._delimiter is None else self._delimiter
        comment = self._comment or ("#" if self._is_numbered("-") else "")
        lines = [line for line in lines if line.strip(" \t\r")]
        lines = [line for line in lines if not comment or not line.startswith(comment)]
        rows = [line.rstrip("\r").split(split if split in line else None) for line in lines]
        rows = [row for row in rows if row and row[0] != DOCUMENT and row != [""]]
        if len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
            return None
        # One line alone may be a sentence that ends in such a word.
        return {} if len(rows) > 1 and self._has_tags(rows) else None

    def _has_tags(self, rows: Sequence[Sequence[str]]) -> bool:
        """Return whether a column of tags has values like B-PER, or numbers count the tokens."""
        width = len(rows[0])
        if self._is_numbered("-") and all(row[0].isdecimal() for row in rows):
            return True
        for name, column in self._columns.items():
            place = column - 1 if column > 0 else width + column
            if self.kinds[name] == "tags" and 0 <= place < width:
                cells = [row[place] for row in rows]
                if feature := self._features.get(name):
                    found = any(f"{feature}=" in cell for cell in cells)
                else:
                    found = all(map(ALIKE.fullmatch, cells))
                if found:
                    return True
        return False

    def _is_numbered(self, file: str) -> bool:
        """Return whether a file is CoNLL-U, or standard input that is like such files."""
        # Standard input has no suffix: it is like the files that were trained on.
        like = next(iter(self.files.values()), "-") if file == "-" else file
        return like != "-" and file_name(like).lower().removesuffix(".gz").endswith(NUMBERED)

    def _record(
        self, found: SentenceReader, sentence: Sentence, targets: bool, *, first: bool
    ) -> Record:
        record = Record({}, Origin(found.text.shown, sentence.line), problem=sentence.problem)
        if sentence.document:
            record.meta["document"] = sentence.document
        if record.problem:
            return record
        width = sentence.width
        for name, place in self._places(found, sentence, targets).items():
            cells = sentence.column(place)
            if "" not in cells:
                feature = self._features.get(name)
                record.values[name] = _values(cells, feature) if feature else cells
            elif targets or self.kinds[name] == "tokens":
                record.origin = Origin(found.text.shown, sentence.lines[cells.index("")])
                record.problem = f"column {place + 1} of {width} is empty ({name})."
                break
        if first and _is_header(record.values, self.kinds):
            record.origin = Origin(found.text.shown, sentence.lines[0])
            record.problem = (
                "the line looks like the header of a table, and such files have none: remove it. "
                "A table with a token in each row is read by data=csv data.group_column."
            )
        return record

    def _places(self, found: SentenceReader, sentence: Sentence, targets: bool) -> dict[str, int]:
        """Return field → position in a row."""
        width = sentence.width
        if (width, targets) in self._known_places:
            return self._known_places[width, targets]
        inputs = [name for name, kind in self.kinds.items() if kind == "tokens"]
        if width == 1 and not targets:
            return {inputs[0]: 0}
        places = found.places(width)
        absent = [name for name, place in places.items() if not 0 <= place < width]
        used = {places[name] for name in inputs}
        absent += [n for n, place in places.items() if n not in inputs and place in used]
        for name in missing(absent, self.kinds, targets):
            raise found.text.error(
                sentence.line,
                f"the line has {width} {plural(width, 'column')}, so none is left for "
                f"data.columns.{name}="
                f"{self._columns[name]} (beside the tokens). Is data.delimiter right?",
            )
        known = {name: place for name, place in places.items() if name not in absent}
        return self._known_places.setdefault((width, targets), known)


def _is_header(values: Mapping[str, Sequence[str]], kinds: Mapping[str, str]) -> bool:
    """Return whether the first cells of a sentence name what the columns hold."""
    names = {"tokens": TOKENS, "tags": TAGS}
    return len(values) > 1 and all(
        one[0].strip("\"'").lower() in names[kinds[name]] for name, one in values.items()
    )


def _values(cells: Sequence[str], feature: str) -> list[str]:
    """Return the value of a feature in cells such as ``NER=B-PER|SpaceAfter=No``; O without it."""
    start = f"{feature}="
    return [
        next((one.removeprefix(start) for one in cell.split("|") if one.startswith(start)), "O")
        for cell in cells
    ]
