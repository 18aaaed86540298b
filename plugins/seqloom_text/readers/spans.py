"""Texts with spans of characters, as doccano, Prodigy, Label Studio and spaCy have them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from seqloom.checks import check_option
from seqloom.data import SplitConfig, TextFile
from seqloom.errors import ConfigError, DataError, did_you_mean
from seqloom.files import parse_json
from seqloom.interfaces import Origin
from seqloom_text.readers.alignment import aligned, checked, in_characters
from seqloom_text.readers.annotated import annotated, text_of
from seqloom_text.readers.columnar import is_columnar
from seqloom_text.readers.file_reader import FileReader, Record
from seqloom_text.readers.json_array import array_items, begins_array
from seqloom_text.readers.jsonl import ONE_VALUE, json_lines, json_object
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
    annotator of Prodigy rejected or ignored, and tasks of Label Studio that nobody annotated. As
    new inputs all are read, and what is wrong with their spans does not matter.
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
        """Yield a record for each object; see `FileReader.records`."""
        if is_columnar(file):
            raise DataError(f"{file}: data=spans reads JSON and JSON Lines, not such tables.")
        text = TextFile.find(file)
        unused, split = Counter[str](), list[tuple[Origin, str]]()
        spans = 0
        for number, (line, raw, problem) in enumerate(self._objects(text), 1):
            record = Record({}, Origin(text.shown, line), problem=problem)
            if not problem:
                spans += self._fill(record, raw, targets, unused, split)
            if record.problem and line < number:  # several records are on one line
                record.problem = f"record {number}: {record.problem}"
            yield record
        if unused:
            reasons = ", ".join(f"{why}: {count}" for why, count in unused.most_common())
            logger.warning(
                "%s: %d texts are left out. %s.",
                text.shown,
                unused.total(),
                reasons[0].upper() + reasons[1:],
            )
        if split:
            many = len(split) >= MANY and len(split) > spans * OFTEN
            logger.log(
                logging.WARNING if many else logging.INFO,
                "%s: %d of %d spans begin or end inside a token, which is split there; the first "
                "in %s, %s. Tokens of raw texts are not split so.%s",
                text.shown,
                len(split),
                spans,
                *split[0],
                " Do the offsets count characters from 0, and is the end the one after the last?"
                if many
                else "",
            )

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
        if ONE_VALUE.match(first[1]):
            raise text.error(
                first[0],
                "an object on several lines; expected one on each line, or an array of objects. "
                "Convert it with jq -c . FILE.",
            )
        yield from json_lines(chain((first,), lines), problems)

    def _fill(
        self,
        record: Record,
        raw: str,
        targets: bool,
        unused: Counter[str],
        split: list[tuple[Origin, str]],
    ) -> int:
        """Set what a record holds, or its problem; return how many spans it has.

        Args:
            record: Record without values.
            raw: JSON of the object.
            targets: Whether the spans must be there.
            unused: Counts why records are left out.
            split: Gets the spans with a border inside a token, each with its place.
        """
        found = None
        try:
            found = _parsed(raw)
            text = text_of(found, self._columns.get("text"))
            record.id = self._id(found, targets)
            one = self._spans(found, text, targets, record, unused)
            places, tags, inside = aligned(text, one or (), self._tokenize(text))
        except ValueError as error:
            record.problem = _named(found, str(error))
            return 0
        record.values = {"text": text, "tokens": [text[start:end] for start, end in places]}
        record.values |= {} if one is None else {"tags": tags}
        record.meta = {"offsets": [list(place) for place in places]}
        split += [(record.origin, f"{text[span.start : span.end]!r}") for span in inside]
        return len(one or ())

    def _spans(
        self, found: Any, text: str, targets: bool, record: Record, unused: Counter[str]
    ) -> Sequence[Any] | None:
        """Return the checked spans of a record; None if there are none to learn from.

        Raises:
            ValueError: They are missing or wrong, and must be there.
        """
        try:
            one = annotated(found, self._columns)
            if one.unused:
                record.left_out = targets
                unused.update([one.unused] * targets)
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
        return str(own[self._id_column])


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
