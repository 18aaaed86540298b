"""Parquet, Arrow and Feather files: one example per row, read batch by batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from seqloom.data import file_name, local_path
from seqloom.errors import Cause, DataError, did_you_mean
from seqloom.interfaces import Origin
from seqloom.plugins import install_command
from seqloom_text.readers.columns import Columns, naming
from seqloom_text.readers.file_reader import Record, id_of, missing
from seqloom_text.readers.huggingface import class_features, with_names
from seqloom_text.schemas_data import COLUMNAR

ROWS = 1024
"""Number of rows that are read at once."""


def is_columnar(file: str) -> bool:
    """Return whether the suffix of a path or pinned URL is that of such a file."""
    return file != "-" and file_name(file).lower().endswith(COLUMNAR)


def records(
    file: str,
    columns: Mapping[str, str],
    id_column: str | None,
    kinds: Mapping[str, str],
    targets: bool,
    *,
    named: Collection[str] = (),
) -> Iterator[Record]:
    """Yield a record for each row, with its number from 1 in the place of a line.

    Args:
        file: Path or pinned URL.
        columns: Field → column.
        id_column: Column of the examples' ids, if any.
        kinds: Field → kind.
        targets: Whether every field must be there.
        named: Fields for whose numbers the user gave the names; those of others are in the file.

    Raises:
        DataError: pyarrow is not installed, the file is damaged, or it lacks a column.
    """
    path = str(local_path(file))
    with _opened(path) as (schema, batches):
        names = list(schema.names)
        absent = [name for name, column in columns.items() if column not in names]
        for name in missing(absent, kinds, targets):
            hint = naming(columns, names)
            raise _no_column(path, Columns.option(name), columns[name], names, hint)
        if targets and id_column is not None and id_column not in names:
            raise _no_column(path, "data.id_column", id_column, names)
        for name, column in columns.items():
            _refuse_twice(path, names, column, f", from which {Columns.option(name)} reads")
        present = {name: column for name, column in columns.items() if name not in absent}
        ids = id_column if id_column in names else None
        features = class_features(schema.metadata)
        own = {n: features[c] for n, c in present.items() if c in features and n not in named}
        wanted = [*dict.fromkeys([*present.values(), *([ids] if ids else [])])]
        for number, values in _rows(batches(wanted)):
            row = {name: values[column] for name, column in present.items()}
            record = Record(row, Origin(path, number), None if ids is None else id_of(values[ids]))
            try:
                row.update({name: with_names(row[name], one) for name, one in own.items()})
            except ValueError as error:
                if targets:
                    record.problem = str(error)
            yield record


def objects(file: str) -> Iterator[tuple[Origin, dict[str, Any], str]]:
    """Yield place, values by column without null, and problem of each row, with names of classes.

    Raises:
        DataError: pyarrow is not installed, or the file is damaged.
    """
    path = str(local_path(file))
    with _opened(path) as (schema, batches):
        for column in schema.names:
            _refuse_twice(path, schema.names, column)
        features = class_features(schema.metadata)
        for number, values in _rows(batches(list(schema.names))):
            found = {name: value for name, value in values.items() if value is not None}
            problem = ""
            try:
                for name in features.keys() & found.keys():
                    found[name] = with_names(found[name], features[name])
            except ValueError as error:
                problem = str(error)
            yield Origin(path, number), found, problem


def _rows(batches: Iterable[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number, from 1, and the values of each row."""
    number = 0
    for batch in batches:
        values = {name: batch.column(name).to_pylist() for name in batch.schema.names}
        for place in range(batch.num_rows):
            number += 1
            yield number, {name: column[place] for name, column in values.items()}


def _refuse_twice(path: str, names: Sequence[str], column: str, use: str = "") -> None:
    """Refuse a column whose name another one has.

    Raises:
        DataError: There is another one.
    """
    if names.count(column) > 1:
        raise DataError(
            f"{path}: {names.count(column)} columns are called {column!r}{use}; rename all but "
            "one.",
            cause=Cause.no_column,
        )


def _no_column(path: str, option: str, column: str, names: list[str], hint: str = "") -> DataError:
    problem = f"{path}: no column {column!r}, from which {option} reads. "
    return DataError(
        f"{problem}{did_you_mean(column, names)} {hint}".rstrip(), cause=Cause.no_column
    )


@contextmanager
def _opened(path: str) -> Iterator[tuple[Any, Any]]:
    """Provide the schema of a file, and a function from names of columns to batches of rows.

    Raises:
        DataError: pyarrow is not installed, or the file is damaged.
    """
    try:
        import pyarrow
        from pyarrow import ipc, parquet
    except ImportError:
        raise DataError(
            f"{path}: reading such files needs the package pyarrow: {install_command('arrow')}.",
            cause=Cause.missing_extra,
        ) from None
    try:
        if path.lower().endswith(".parquet"):
            with parquet.ParquetFile(path, memory_map=True) as table:
                yield table.schema_arrow, lambda names: table.iter_batches(ROWS, columns=names)
        else:
            with pyarrow.memory_map(path) as source:
                yield _arrow(ipc, pyarrow, source)
    except (pyarrow.ArrowException, OSError, UnicodeError) as error:  # OSError: damaged pages
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: not a file that can be read: {reason[:200]}") from None


def _arrow(ipc: Any, pyarrow: Any, source: Any) -> tuple[Any, Any]:
    """Return schema and batches of an Arrow file, which Feather files are, or an Arrow stream."""
    try:
        found = ipc.open_file(source)
        every = (found.get_batch(number) for number in range(found.num_record_batches))
    except pyarrow.ArrowInvalid:
        source.seek(0)
        found = ipc.open_stream(source)
        every = iter(found)
    return found.schema, lambda chosen: (
        part.select(chosen)
        for batch in every
        for part in (batch.slice(at, ROWS) for at in range(0, batch.num_rows, ROWS))
    )
