"""Texts with spans of characters, as doccano, Prodigy, Label Studio, brat and spaCy have them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from seqloom.checks import check_option
from seqloom.data import SplitConfig, TextFile, is_one_value
from seqloom.errors import ConfigError, did_you_mean, plural
from seqloom.files import parse_json
from seqloom.interfaces import Origin
from seqloom_text.readers import columnar
from seqloom_text.readers.alignment import aligned, checked, in_characters
from seqloom_text.readers.annotated import Span, SpanError, annotated, text_of
from seqloom_text.readers.brat import Document, documents, is_brat
from seqloom_text.readers.columnar import is_columnar
from seqloom_text.readers.file_reader import FileReader, Record, id_of
from seqloom_text.readers.json_array import array_items, begins_array
from seqloom_text.readers.jsonl import json_lines, json_object
from seqloom_text.schemas_data import CountedIn
from seqloom_text.tokenizers import get_tokenizer

logger = logging.getLogger("seqloom")

KINDS = {"text": "text", "tokens": "tokens", "tags": "tags"}
COLUMNS = ("text", "spans")
MANY, OFTEN = 5, 0.2
"""Number and fraction of spans from which on it is odd that they end inside a token."""


class SpansReader(FileReader):
    """Reads texts with spans of characters; see `SpansConfig` for the parameters.

    An example has the ``tokens`` of its text, their ``tags`` in IOB2, the ``text``, and the places
    of the tokens in it as ``meta["offsets"]``. A token is split where a span begins or ends.

    Records from which nothing can be learned are left out, and counted in the log: those that an
    annotator of Prodigy rejected or ignored, tasks of Label Studio that nobody annotated, and texts
    of brat without annotations. As new inputs all are read, and what is wrong with their spans does
    not matter.
    """

    def __init__(
        self,
        *,
        columns: Mapping[str, str] | None = None,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
        tokenizer: str = "rules",
        offsets: CountedIn | str = CountedIn.characters,
        id_column: str | None = None,
    ) -> None:
        super().__init__({"train": train, "val": val, "test": test}, split, KINDS)
        self._columns = dict(columns or {})
        for name in self._columns.keys() - set(COLUMNS):
            raise ConfigError(f"data.columns.{name}: {did_you_mean(name, COLUMNS)}")
        check_option("data.offsets", offsets, CountedIn)
        self._offsets = CountedIn(offsets)
        self._tokenize = get_tokenizer(tokenizer)
        self._id_column = id_column

    def records(self, file: str, targets: bool) -> Iterator[Record]:
        """Yield a record for each object, row or document; see `FileReader.records`."""
        tally = _Tally(file)
        for item in self._items(file):
            record = Record({}, item.origin, name=item.name)
            try:
                found = _parsed(item.found) if isinstance(item.found, str) else item.found
                if item.problem and (targets or found is None):
                    raise ValueError(item.problem)
                self._fill(record, found, targets, tally)
            except ValueError as error:
                record.problem = f"{item.part}{error}"
            yield record
        if targets:
            tally.tell()

    def _items(self, file: str) -> Iterator[_Item]:
        """Yield the objects, rows or documents of a file."""
        if is_brat(file):
            for one in documents(file):
                yield _Item(Origin(one.shown, 1), one, name=one.name)
        elif is_columnar(file):
            for origin, found, problem in columnar.objects(file):
                yield _Item(origin, found, problem)
        else:
            text = TextFile.find(file)
            for number, (line, raw, problem) in enumerate(self._objects(text), 1):
                part = f"record {number}: " if line < number else ""  # several are on one line
                yield _Item(Origin(text.shown, line), None if problem else raw, problem, part)

    def recognize(self, lines: Sequence[str]) -> Mapping[str, Any] | None:
        """Recognize an object with a text, or an array of such objects."""
        if begins_array(lines[0]):
            return {}
        try:
            text_of(json_object(lines[0]), self._columns.get("text"))
        except ValueError:
            return None
        return {}

    def _objects(self, text: TextFile) -> Iterator[tuple[int, str, str]]:
        """Yield the line, the JSON and the problem, if it has one, of each object in a file."""
        problems = dict[int, str]()
        lines = text.lines(problems)
        first = next(lines, None)
        if first is None:
            return
        if begins_array(first[1]):
            for line, raw in array_items(text, chain((first,), lines), problems):
                yield line, raw, ""
            return
        if is_one_value(first[1]):
            raise text.error(
                first[0],
                "an object on several lines; expected one on each line, or an array of objects. "
                "Convert it with jq -c . FILE.",
            )
        yield from json_lines(chain((first,), lines), problems)

    def _fill(self, record: Record, found: Any, targets: bool, tally: _Tally) -> None:
        """Set what a record holds.

        Args:
            record: Record without values.
            found: Object, or document.
            targets: Whether the spans must be there.
            tally: Gets what is told at the end.

        Raises:
            ValueError: It has no text, or its spans are wrong and must be there.
        """
        try:
            of_brat = isinstance(found, Document)
            text = found.text() if of_brat else text_of(found, self._columns.get("text"))
            record.id = None if of_brat else self._id(found, targets)
            one = self._spans(found, text, targets, record, tally)
            places, tags, inside = aligned(text, one or (), self._tokenize(text))
        except ValueError as error:
            if isinstance(found, Document) and isinstance(error, SpanError):
                record.origin = Origin(found.shown_notes, error.line)
            raise ValueError(_named(found, str(error))) from None
        record.values = {"text": text, "tokens": [text[start:end] for start, end in places]}
        record.values |= {} if one is None else {"tags": tags}
        record.meta = {"offsets": [list(place) for place in places]}
        if isinstance(found, Document):
            record.meta["document"] = found.name
        tally.spans += len(one or ())
        tally.split += [(record.origin, f"{text[one.start : one.end]!r}") for one in inside]

    def _spans(
        self, found: Any, text: str, targets: bool, record: Record, tally: _Tally
    ) -> Sequence[Span] | None:
        """Return the checked spans of a record; None if there are none to learn from.

        Raises:
            ValueError: They are missing or wrong, and must be there.
        """
        try:
            if isinstance(found, Document):
                one = found.annotated(text, tally.others)
            else:
                one = annotated(found, self._columns)
            if one.unused:
                record.left_out = targets
                tally.unused.update([one.unused])
                return None
            return checked(text, in_characters(text, one.spans, self._offsets))
        except ValueError:
            if targets:
                raise
            return None

    def _id(self, found: Any, targets: bool) -> str | None:
        own = found if isinstance(found, dict) else found[1]
        if self._id_column is None or (not targets and self._id_column not in own):
            return None
        if self._id_column not in own:
            raise ValueError(
                f"no key {self._id_column!r}, from which data.id_column reads. "
                f"{did_you_mean(self._id_column, own)}"
            )
        return id_of(own[self._id_column])


@dataclass(slots=True)
class _Item:
    """An object, a row or a document: where it is, and what it is, or why it cannot be read.

    Attributes:
        origin: Where it starts.
        found: JSON of an object, or an object, or a document.
        problem: Why it cannot be read, or not as an example to learn from; empty if it can.
        part: What of the line it is, for messages.
        name: Name of a document.
    """

    origin: Origin
    found: Any
    problem: str = ""
    part: str = ""
    name: str = ""


class _Tally:
    """Counts what is told once for a file."""

    def __init__(self, file: str) -> None:
        self.file = TextFile(file).shown
        self.unused = Counter[str]()
        """Why records are left out."""
        self.others = Counter[str]()
        """What of brat's is not read."""
        self.split: list[tuple[Origin, str]] = []
        """The spans with a border inside a token, each with its place."""
        self.spans = 0

    def tell(self) -> None:
        if self.unused:
            reasons = ", ".join(f"{why}: {count}" for why, count in self.unused.most_common())
            logger.warning(
                "%s: %d %s left out. %s.",
                self.file,
                self.unused.total(),
                plural(self.unused.total(), "text is", "texts are"),
                reasons[0].upper() + reasons[1:],
            )
        if self.others:
            listed = ", ".join(f"{what}: {count}" for what, count in sorted(self.others.items()))
            logger.info(
                "%s: only spans of text are read (T1, T2 …); left out are %s.", self.file, listed
            )
        if self.split:
            many = len(self.split) >= MANY and len(self.split) > self.spans * OFTEN
            logger.log(
                logging.WARNING if many else logging.INFO,
                "%s: %d of %d %s inside a token, which is split there; the first in %s, %s. Tokens "
                "of "
                "raw texts are not split so.%s",
                self.file,
                len(self.split),
                self.spans,
                _begins(self.spans, len(self.split)),
                *self.split[0],
                " Do the offsets count characters from 0, and is the end the one after the last?"
                if many
                else "",
            )


def _begins(spans: int, split: int) -> str:
    return f"{plural(spans, 'span')} {plural(split, 'begins or ends', 'begin or end')}"


def _parsed(raw: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: It is not JSON.
    """
    try:
        return parse_json(raw)
    except ValueError as error:
        raise ValueError(f"{error}; expected an object with a text and its spans.") from None


def _named(found: Any, problem: str) -> str:
    """Return a problem with the record's own id, by which its annotation tool finds it."""
    own = found.get("id") if isinstance(found, dict) else None
    return problem if own is None else f"id {str(own)[:40]}: {problem}"
