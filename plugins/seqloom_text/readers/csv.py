"""CSV and TSV: one example per row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seqloom.data import SplitConfig, Table, file_name
from seqloom.errors import ConfigError
from seqloom_text.readers.file_reader import FileReader, Record, missing
from seqloom_text.schemas_data import field_kinds, text_and_label

HINT = "Name all that are to be read: data.columns='{text: COLUMN, label: COLUMN}'."


class CsvReader(FileReader):
    """Reads CSV and TSV files in UTF-8; see `CsvConfig` for the parameters."""

    def __init__(
        self,
        *,
        columns: Mapping[str, str] | None = None,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
        delimiter: str | None = None,
        header: bool = True,
        quoting: bool = True,
        kinds: Mapping[str, str] | None = None,
        labels_separator: str = "|",
        id_column: str | None = None,
    ) -> None:
        columns = dict(columns or text_and_label())
        files = {"train": train, "val": val, "test": test}
        super().__init__(files, split, field_kinds(columns, kinds or {}), labels_separator)
        self._columns = columns
        self._delimiter = delimiter
        self._header = header
        self._quoting = quoting
        self._id_column = id_column
        self._check()

    def _check(self) -> None:
        if self._delimiter is not None and len(self._delimiter) != 1:
            raise ConfigError(f"data.delimiter={self._delimiter!r}: expected one character.")
        for name, column in self._columns.items():
            if not self._header and not (column.isdecimal() and int(column) > 0):
                raise ConfigError(
                    f"data.columns.{name}={column}: without a header, columns are numbered from 1."
                )

    def records(self, file: str, targets: bool) -> Iterator[Record]:
        """Yield a record for each row; see `FileReader.records`."""
        delimiter = self._delimiter or ("\t" if self._is_tsv(file) else ",")
        table = Table(file, delimiter=delimiter, header=self._header, quoting=self._quoting)
        if not table.columns:
            return
        for row in table.rows(self._wanted(table, targets)):
            ident = row.values.pop("", None)
            yield Record(row.values, row.origin, ident)

    def _wanted(self, table: Table, targets: bool) -> dict[str, str]:
        """Return field → column for the columns that exist; under the empty name that of ids."""
        absent = [name for name, column in self._columns.items() if column not in table.columns]
        for name in missing(absent, self.kinds, targets):
            raise table.missing(self._columns[name], f"data.columns.{name}", HINT)
        wanted = {name: column for name, column in self._columns.items() if name not in absent}
        if self._id_column is not None and (targets or self._id_column in table.columns):
            if self._id_column not in table.columns:
                raise table.missing(self._id_column, "data.id_column", HINT)
            wanted[""] = self._id_column
        return wanted

    def _is_tsv(self, file: str) -> bool:
        # Standard input has no suffix: it is like the files that were trained on.
        like = next(iter(self.files.values()), "-") if file == "-" else file
        return like != "-" and file_name(like).lower().removesuffix(".gz").endswith(".tsv")
