"""The reader ``protein_table``: a table for each split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqloom.data import SplitConfig, SplitReader, Table
from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example

from seqloom_protein import Columns
from seqloom_protein.inputs import read_inputs
from seqloom_protein.records import records, to_example


class TableReader(SplitReader):
    """Reader of tables of proteins; see `ProteinTable` for the parameters."""

    def __init__(
        self,
        *,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
        columns: Columns | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"train": train, "val": val, "test": test}, split)
        self.columns = columns if isinstance(columns, Columns) else Columns(**(columns or {}))

    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield all proteins of the file of the split; see `SplitReader.whole`."""
        if split not in self.files:
            return
        table = Table(self.files[split], delimiter="\t", quoting=False, skip_blank=True)
        empty = True
        for record in records(table, self.columns, targets=True):
            empty = False
            yield to_example(record)
        if empty:
            raise DataError(f"{table.file.shown} has no proteins, only a header.")

    def inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        """Return the proteins of FASTA files or tables; see `Reader.inputs`."""
        return read_inputs(paths, self.columns)
