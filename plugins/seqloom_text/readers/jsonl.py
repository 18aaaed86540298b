"""JSON Lines: one example per line, an object each; or the rows of Parquet and Arrow files."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from seqloom.data import SplitConfig, TextFile, refuse_one_value
from seqloom.errors import did_you_mean, plural
from seqloom.files import parse_json
from seqloom.interfaces import Origin
from seqloom_text.readers import columnar
from seqloom_text.readers.columnar import is_columnar
from seqloom_text.readers.columns import Columns, naming
from seqloom_text.readers.file_reader import (
    FileReader,
    Record,
    are_spans,
    id_of,
    in_parts,
    missing,
)
from seqloom_text.schemas_data import INPUT_KINDS, field_kinds, text_and_label

logger = logging.getLogger("seqloom")

UNACCEPTED = ("reject", "ignore")
"""Answers of those who annotate with Prodigy."""
STARTS = {"start", "start_offset", "start_char"}
"""Keys of spans."""
OF_SPANS = "Arrays of texts with spans, as Label Studio exports them, are read by data=spans."


class JsonlReader(FileReader):
    """Reads JSON Lines; see `JsonlConfig` for the parameters."""

    def __init__(
        self,
        *,
        columns: Mapping[str, str | Sequence[str]] | None = None,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
        kinds: Mapping[str, str] | None = None,
        labels_separator: str = "|",
        id_column: str | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        columns = dict(columns or text_and_label())
        files = {"train": train, "val": val, "test": test}
        found = field_kinds(columns, kinds or {})
        own = Columns(columns, found)
        super().__init__(files, split, found, labels_separator, columns=own, names=names)
        self._columns, self._kinds = own.flat, own.kinds
        self._id_column = id_column
        self._unaccepted = 0

    def records(self, file: str, targets: bool) -> Iterator[Record]:
        """Yield a record for each line; see `FileReader.records`."""
        if is_columnar(file):
            columns, kinds = self._columns, self._kinds
            yield from columnar.records(
                file, columns, self._id_column, kinds, targets, named=self.named
            )
            return
        text = TextFile.find(file)
        self._unaccepted = 0
        yield from self._lines(text, targets)
        if targets and self._unaccepted:
            logger.warning(
                "%s: %d %s rejected or ignored in Prodigy, but read like the others. Leave them "
                "out: jq -c 'select(.answer == \"accept\")' FILE",
                text.shown,
                self._unaccepted,
                plural(self._unaccepted, "object was", "objects were"),
            )

    def records_in_parts(self, file: str) -> Sequence[tuple[int, Iterable[Record]]]:
        """Return a large file of lines in parts; see `FileReader`."""
        return () if is_columnar(file) else in_parts(TextFile.find(file), self._part_of_lines)

    def _part_of_lines(self, text: TextFile) -> Iterator[Record]:
        self._unaccepted = 0
        yield from self._lines(text, targets=True)
        if self._unaccepted:
            raise ValueError("how many objects were rejected, the whole file tells")

    def _lines(self, text: TextFile, targets: bool) -> Iterator[Record]:
        problems = dict[int, str]()
        for line, raw, problem in json_lines(text.lines(problems), problems):
            if line == 1:
                refuse_one_value(text, raw, OF_SPANS)
            yield self._record(raw, Origin(text.shown, line), problem, targets)

    def recognize(self, lines: Sequence[str]) -> Mapping[str, Any] | None:
        """Recognize an object that has the key of a text or of tokens."""
        try:
            found = json_object(lines[0])
        except ValueError:
            return None
        inputs = [self._columns[name] for name, kind in self._kinds.items() if kind in INPUT_KINDS]
        return {} if found.keys() & set(inputs) else None

    def _record(self, raw: str, origin: Origin, problem: str, targets: bool) -> Record:
        if not problem:
            try:
                return self._values(json_object(raw), origin, targets)
            except ValueError as error:
                problem = str(error)
        return Record({}, origin, problem=problem)

    def _values(self, found: dict[str, Any], origin: Origin, targets: bool) -> Record:
        """Return the record of an object.

        Raises:
            ValueError: A key is missing; the text says which.
        """
        self._unaccepted += "_task_hash" in found and found.get("answer") in UNACCEPTED
        absent = [name for name, key in self._columns.items() if key not in found]
        for name in missing(absent, self._kinds, targets):
            said = naming(self._columns, found, "KEY")
            raise _no_key(Columns.option(name), self._columns[name], found, said)
        ident = None
        if self._id_column is not None and (targets or self._id_column in found):
            if self._id_column not in found:
                raise _no_key("data.id_column", self._id_column, found)
            ident = id_of(found[self._id_column])
        values = {name: found[key] for name, key in self._columns.items() if name not in absent}
        return Record(values, origin, ident)


def json_lines(
    lines: Iterable[tuple[int, str]], problems: dict[int, str]
) -> Iterator[tuple[int, str, str]]:
    """Yield the number, the text and the problem, if it has one, of each line.

    Args:
        lines: Numbered lines of a file; only at the end may they be blank.
        problems: Problems of lines that are not in the file's encoding, by number.
    """
    blank = 0
    for line, raw in lines:
        if not raw.strip():
            blank = blank or line
            continue
        if blank:
            yield blank, "", "the line is blank; expected a JSON object on each line."
        blank = 0
        yield line, raw, problems.pop(line, "")


def _no_key(option: str, key: str, found: dict[str, Any], said: str = "") -> ValueError:
    problem = f"no key {key!r}, from which {option} reads."
    for name, value in found.items():
        if isinstance(value, dict) and key.rpartition(".")[2] in value:
            way = f"Extract it: jq -c '.{name}' FILE."
            return ValueError(f"{problem} There is one in {name!r}. {way}")
    return ValueError(f"{problem} {did_you_mean(key, found)} {said}{_hint(key, found)}".rstrip())


def _hint(key: str, found: dict[str, Any]) -> str:
    """Return what else may help where an object has no such key."""
    if {"options", "accept"} <= found.keys():
        return " Choices of Prodigy are read with data.columns='{text: text, label: accept}'."
    for name, value in found.items():
        items = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
        if items and STARTS.isdisjoint(items[0]):
            inner = ["", *(f".{one}" for one, its in items[0].items() if isinstance(its, dict))]
            for way in inner:
                if key in (items[0][way[1:]] if way else items[0]):
                    return (
                        " The examples are all in one object. Extract them: jq -c "
                        f"'.{name}[]{way}' FILE."
                    )
    tokens = found.get("tokens")
    listed = next((name for name, value in found.items() if are_spans(value)), None)
    if listed is None or (isinstance(tokens, list) and not are_spans(tokens)):
        return ""
    return f" Spans of characters, as under {listed!r}, are read by data=spans."


def json_object(raw: str) -> dict[str, Any]:
    """Return the object on a line.

    Raises:
        ValueError: It is not JSON, or something else than an object.
    """
    try:
        found = parse_json(raw)
    except ValueError as error:
        raise ValueError(f"{error}; expected an object on each line.") from None
    if not isinstance(found, dict):
        raise ValueError(f"expected a JSON object, found {type(found).__name__}.")
    return found
