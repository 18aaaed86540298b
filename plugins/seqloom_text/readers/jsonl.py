"""JSON Lines: one example per line, an object each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from seqloom.data import SplitConfig, TextFile
from seqloom.errors import did_you_mean
from seqloom.interfaces import Origin
from seqloom_text.readers.file_reader import FileReader, Record, missing
from seqloom_text.schemas_data import field_kinds, text_and_label


class JsonlReader(FileReader):
    """Reads JSON Lines; see `JsonlConfig` for the parameters."""

    def __init__(
        self,
        *,
        columns: Mapping[str, str] | None = None,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
        kinds: Mapping[str, str] | None = None,
        labels_separator: str = "|",
        id_column: str | None = None,
    ) -> None:
        columns = dict(columns or text_and_label())
        files = {"train": train, "val": val, "test": test}
        super().__init__(files, split, field_kinds(columns, kinds or {}), labels_separator)
        self._columns = columns
        self._id_column = id_column

    def records(self, file: str, targets: bool) -> Iterator[Record]:
        """Yield a record for each line; see `FileReader.records`."""
        text = TextFile.find(file)
        blank = 0
        for line, raw in text.lines():
            if not raw.strip():
                blank = blank or line
                continue
            if blank:
                raise text.error(blank, "the line is blank; expected a JSON object on each line.")
            yield self._record(text, line, _object(text, line, raw), targets)

    def _record(self, text: TextFile, line: int, found: dict[str, Any], targets: bool) -> Record:
        absent = [name for name, key in self._columns.items() if key not in found]
        for name in missing(absent, self.kinds, targets):
            raise self._no_key(text, line, f"data.columns.{name}", self._columns[name], found)
        ident = None
        if self._id_column is not None and (targets or self._id_column in found):
            if self._id_column not in found:
                raise self._no_key(text, line, "data.id_column", self._id_column, found)
            ident = str(found[self._id_column])
        values = {name: found[key] for name, key in self._columns.items() if name not in absent}
        return Record(values, Origin(text.shown, line), ident)

    def _no_key(
        self, text: TextFile, line: int, option: str, key: str, found: dict[str, Any]
    ) -> Exception:
        return text.error(
            line,
            f"no key {key!r}, from which {option} reads. {did_you_mean(key, found)} Name "
            "all that are to be read: data.columns='{text: KEY, label: KEY}'.",
        )


def _object(text: TextFile, line: int, raw: str) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise text.error(line, f"not JSON: {error}; expected an object on each line.") from None
    if not isinstance(found, dict):
        raise text.error(line, f"expected a JSON object, found {type(found).__name__}.")
    return found
