"""CSV and TSV: one example per row."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from seqloom.data import SplitConfig, Table, file_name
from seqloom.errors import Cause, ConfigError, plural
from seqloom.interfaces import Origin
from seqloom_text.readers import columnar
from seqloom_text.readers.columnar import is_columnar
from seqloom_text.readers.columns import Columns, naming
from seqloom_text.readers.file_reader import TABS, FileReader, Record, missing
from seqloom_text.schemas_data import INPUT_KINDS, field_kinds, text_and_label

logger = logging.getLogger("seqloom")

ID, GROUP = "", " "
"""Names of the columns that are no fields; fields are never called like this."""
DELIMITERS = ("\t", ",", ";", "|")
"""The delimiters of tables that are recognized by their first lines."""
HEADERLESS = (
    " If there is no header, set data.header=false and name the columns by number, such as "
    "data.columns='{text: 1, label: 2}'."
)
MANY = 50
"""Number of examples from which on it is odd that each has one token."""


class CsvReader(FileReader):
    """Reads CSV and TSV files in UTF-8; see `CsvConfig` for the parameters."""

    def __init__(
        self,
        *,
        columns: Mapping[str, str | Sequence[str]] | None = None,
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
        group_column: str | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        columns = dict(columns or text_and_label())
        files = {"train": train, "val": val, "test": test}
        found = field_kinds(columns, kinds or {})
        own = Columns(columns, found)
        super().__init__(files, split, found, labels_separator, columns=own, names=names)
        self._columns, self._kinds = own.flat, own.kinds
        self._delimiter = "\t" if delimiter in TABS else delimiter
        self._header = header
        self._quoting = quoting
        self._id_column = id_column
        self._group_column = group_column
        self._check()

    def _check(self) -> None:
        if self._delimiter is not None and len(self._delimiter) != 1:
            raise ConfigError(
                f"data.delimiter={self._delimiter!r}: expected one character, or tab.",
                cause=Cause.wrong_value,
            )
        for name, column in self._columns.items():
            if not self._header and not (column.isdecimal() and int(column) > 0):
                raise ConfigError(
                    f"{Columns.option(name)}={column}: without a header, columns are numbered "
                    "from 1."
                )

    def records(self, file: str, targets: bool) -> Iterator[Record]:
        """Yield a record for each row; see `FileReader.records`."""
        if is_columnar(file):
            if self._group_column is not None:
                raise ConfigError(
                    f"data.group_column={self._group_column}: {file} holds a row for each example, "
                    "whose tokens and tags can be lists."
                )
            columns, kinds = self._columns, self._kinds
            yield from columnar.records(
                file, columns, self._id_column, kinds, targets, named=self.named
            )
            return
        delimiter = self._delimiter or ("\t" if self._is_tsv(file) else None)
        table = Table(
            file,
            delimiter=delimiter,
            delimiter_key="data.delimiter",
            header=self._header,
            quoting=self._quoting,
            skip_blank=True,
            skip_empty=True,
            problems=True,
        )
        with closing(table):
            yield from self._of_table(table, targets)

    def _of_table(self, table: Table, targets: bool) -> Iterator[Record]:
        """Yield a record for each row of a table, or for each sentence."""
        if not table.columns:
            return
        records = (
            Record(row.values, row.origin, row.values.pop(ID, None), problem=row.problem)
            for row in table.rows(self._wanted(table, targets))
        )
        if self._group_column is not None:
            yield from self._grouped(records, table)
        else:
            yield from self._watched(records, table)
        if table.blank:
            logger.info(
                "%s: blank rows are left out: %d, the first at line %d.",
                table.file.shown,
                len(table.blank),
                table.blank[0],
            )

    def _grouped(self, records: Iterator[Record], table: Table) -> Iterator[Record]:
        """Yield a record for each sentence; warn of those whose rows are apart."""
        again = list[Origin]()
        yield from _sentences(records, self._kinds, again)
        if again:
            logger.warning(
                "%s: %d %s with a value of data.group_column=%s that came before, the first at "
                "line %s. Rows of one sentence must follow each other: sort them.",
                table.file.shown,
                len(again),
                plural(len(again), "sentence begins", "sentences begin"),
                self._group_column,
                again[0].line,
            )

    def also_read(self, fields: Mapping[str, str]) -> None:
        """Read these fields too, if columns have names; see `Reader.also_read`."""
        if self._header:
            super().also_read(fields)

    def recognize(self, lines: Sequence[str]) -> Mapping[str, Any] | None:
        """Recognize a table by its header or, without one, by the number of its cells.

        The names in a header may differ in case: reading the table then says what they should be.
        """
        inputs = [self._columns[name] for name, kind in self._kinds.items() if kind in INPUT_KINDS]
        lines = lines[1:] if lines and lines[0].strip('"').startswith("sep=") else lines
        own = (self._delimiter,) if self._delimiter else ()
        bare = [line.rstrip("\r\n") for line in lines if line.strip()]
        quoted = not self._header and all(line[0] == line[-1] == '"' for line in bare)
        for delimiter in dict.fromkeys((*own, *DELIMITERS)):
            rows = [line.split(f'"{delimiter}"' if quoted else delimiter) for line in bare]
            widths = {len(row) for row in rows}
            if not rows:
                continue
            if self._header:
                header = [cell.strip(' "') for cell in rows[0]]
                known = set(header) & set(self._columns.values())
                # A column alone is split nowhere: its commas need no quotes by the first delimiter.
                found = bool(known & set(inputs)) and (len(known) > 1 or len(rows) > 1)
                folded = {cell.casefold() for cell in header}
                alike = [name for name in self._columns.values() if name.casefold() in folded]
                found = found or (len(alike) > 1 and not set(alike).isdisjoint(inputs))
            else:
                wide = len(widths) == 1 and min(widths) >= max(2, *map(int, inputs))
                found = wide and (quoted or delimiter in ("\t", *own))
            if found:
                return {"delimiter": delimiter}
        return None

    def _watched(self, records: Iterator[Record], table: Table) -> Iterator[Record]:
        """Yield the records; warn if they look like tokens of sentences rather than examples."""
        names = [name for name, kind in self.kinds.items() if kind == "tokens"]
        count = 0
        for record in records:
            count += 1
            if any(" " in record.values.get(name, "").strip() for name in names):
                names = []
            yield record
        if names and count >= MANY:
            logger.warning(
                "%s: each of the %d examples has one token. If a column says which rows are one "
                "sentence, name it: data.group_column=COLUMN.%s",
                table.file.shown,
                count,
                " Where blank rows end sentences, as here, remove the header and read the file by "
                "data=conll data.delimiter=DELIMITER."
                if table.blank
                else "",
            )

    def _wanted(self, table: Table, targets: bool) -> dict[str, str]:
        """Return field → column for the columns that exist, with those of ids and sentences."""
        absent = [name for name, column in self._columns.items() if column not in table.columns]
        for name in missing(absent, self._kinds, targets):
            said = naming(self._columns, table.columns)
            if self._header and len(absent) == len(self._columns) <= len(table.columns):
                said += HEADERLESS
            raise table.missing(self._columns[name], Columns.option(name), said)
        wanted = {name: column for name, column in self._columns.items() if name not in absent}
        if self._id_column is not None and (targets or self._id_column in table.columns):
            if self._id_column not in table.columns:
                raise table.missing(self._id_column, "data.id_column")
            wanted[ID] = self._id_column
        if self._group_column is not None:
            if self._group_column not in table.columns:
                raise table.missing(self._group_column, "data.group_column")
            wanted[GROUP] = self._group_column
        return wanted

    def _is_tsv(self, file: str) -> bool:
        # Standard input has no suffix: it is like the files that were trained on.
        like = next(iter(self.files.values()), "-") if file == "-" else file
        return like != "-" and file_name(like).lower().removesuffix(".gz").endswith(".tsv")


def _sentences(
    records: Iterator[Record], kinds: Mapping[str, str], again: list[Origin]
) -> Iterator[Record]:
    """Yield a record for the rows of each sentence, whose tokens and tags are lists.

    Args:
        records: The rows.
        kinds: Field → kind.
        again: Gets the places of sentences whose value in the column came before.
    """
    sentence, current, unread = None, "", ""
    seen = set[int]()
    for record in records:
        group = record.values.pop(GROUP, "")
        if sentence is None or group not in ("", current):
            if sentence is not None:
                yield sentence
            # The row before may have been this sentence's first.
            sentence, current = Record({}, record.origin, record.id, problem=unread), group
            again += [record.origin] * (hash(group) in seen)
            seen.add(hash(group))
        unread = record.problem
        if unread and not sentence.problem:
            sentence.origin, sentence.problem = record.origin, unread
        for name, cell in record.values.items():
            if kinds[name] in ("tokens", "tags"):
                sentence.values.setdefault(name, []).append(cell.strip(" "))
            else:
                sentence.values.setdefault(name, cell)
    if sentence is not None:
        yield sentence
