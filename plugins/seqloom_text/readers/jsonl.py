"""JSON Lines: one example per line, an object each; or the rows of Parquet and Arrow files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from seqloom.data import SplitConfig, TextFile
from seqloom.errors import did_you_mean
from seqloom.files import parse_json
from seqloom.interfaces import Origin
from seqloom_text.readers import columnar
from seqloom_text.readers.columnar import is_columnar
from seqloom_text.readers.columns import Columns
from seqloom_text.readers.file_reader import FileReader, Record, are_spans, missing
from seqloom_text.schemas_data import INPUT_KINDS, field_kinds, text_and_label

ONE_VALUE = re.compile(r"\s*(?:\[\s*(?:\{|\Z)|\{\s*\Z)")
"""How the first line of an array of objects begins, or of an object on several lines."""
STARTS = {"start", "start_offset", "start_char"}
"""Keys of spans."""
NOT_LINES = (
    "the file is JSON, but not JSON Lines: expected an object on each line. Convert it, an array "
    "with jq -c '.[]' FILE, and objects of several lines with jq -c . FILE. Arrays of texts with "
    "spans, as Label Studio exports them, are read by data=spans."
)


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

    def records(self, file: str, targets: bool) -> Iterator[Record]:
        """Yield a record for each line; see `FileReader.records`."""
        if is_columnar(file):
            columns, kinds = self._columns, self._kinds
            yield from columnar.records(
                file, columns, self._id_column, kinds, targets, named=self.named
            )
            return
        text, problems = TextFile.find(file), dict[int, str]()
        for line, raw, problem in json_lines(text.lines(problems), problems):
            if line == 1 and ONE_VALUE.match(raw):
                raise text.error(1, NOT_LINES)
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
        absent = [name for name, key in self._columns.items() if key not in found]
        for name in missing(absent, self._kinds, targets):
            raise _no_key(Columns.option(name), self._columns[name], found)
        ident = None
        if self._id_column is not None and (targets or self._id_column in found):
            if self._id_column not in found:
                raise _no_key("data.id_column", self._id_column, found)
            ident = str(found[self._id_column])
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


def _no_key(option: str, key: str, found: dict[str, Any]) -> ValueError:
    listed = next((name for name, value in found.items() if are_spans(value)), None)
    hint = f" Spans of characters, as under {listed!r}, are read by data=spans." if listed else ""
    tokens = found.get("tokens")
    if isinstance(tokens, list) and all(isinstance(one, str) for one in tokens):
        hint = (
            " Those of tokens and tags are read with data.columns='{tokens: tokens, tags: tags}'."
        )
    items = [one for one in found.get(listed or "", ()) if isinstance(one, dict) and key in one]
    if listed and items and STARTS.isdisjoint(items[0]):
        hint = f" The examples are all in one object. Write them out: jq -c '.{listed}[]' FILE."
    return ValueError(
        f"no key {key!r}, from which {option} reads. {did_you_mean(key, found)} Name "
        f"all that are to be read: data.columns='{{text: KEY, label: KEY}}'.{hint}"
    )


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
