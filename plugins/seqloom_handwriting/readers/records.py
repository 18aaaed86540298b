"""Pen strokes as they stand in tables and InkML files, before their points are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from seqloom.data import file_name, local_path
from seqloom.errors import DataError
from seqloom.interfaces import Origin
from seqloom_handwriting.readers.folders import Folder, is_folder
from seqloom_handwriting.readers.inkml import parse_inkml
from seqloom_handwriting.readers.points import Strokes
from seqloom_handwriting.readers.tables import TARGETS, is_table, open_table, refuse_empty

INKML = ".inkml"
EXPECTED = f"a table (.tsv, .csv), an {INKML} file, or a folder or .zip of {INKML} files"


@dataclass(slots=True)
class Record:
    """One example to be.

    Attributes:
        id: unique in its file.
        origin: the table's line, or the InkML file.
        values: other fields → values.
        strokes: as a table has them, or the points.
        problem: why there is no example.
    """

    id: str
    origin: Origin
    values: dict[str, str] = field(default_factory=dict)
    strokes: str | Strokes = ""
    problem: str | None = None


def read_records(
    path: str, columns: Mapping[str, str], prefix: str, targets: bool
) -> Iterator[Record]:
    """Return the records of a table, an InkML file, or a folder or zip file of InkML.

    Args:
        path: of these, or a pinned URL.
        columns: field → column of a table, or type of annotation in InkML.
        prefix: what the ids of a table's rows start with.
        targets: whether labels and texts must be there.

    Raises:
        DataError: the file is missing, malformed, empty or of another kind.
    """
    if is_folder(path):
        return refuse_empty(path, _in_folder(Folder.find(path), columns, targets))
    if is_table(path):
        return _in_table(path, columns, prefix, targets)
    file = local_path(path)  # that it is missing is the better message
    if not file_name(path).lower().endswith(INKML):
        raise DataError(f"{path}: a file of this kind cannot be read; expected {EXPECTED}.")
    return iter([_ink(Folder(file.parent), file.name, columns, targets)])


def _in_table(
    path: str, columns: Mapping[str, str], prefix: str, targets: bool
) -> Iterator[Record]:
    for row in open_table(path).rows(columns, None if targets else ["strokes"]):
        strokes = row.values.pop("strokes")
        yield Record(f"{prefix}:{row.number}", row.origin, row.values, strokes)


def _in_folder(folder: Folder, columns: Mapping[str, str], targets: bool) -> Iterator[Record]:
    for name in folder.names():
        if name.lower().endswith(INKML):
            yield _ink(folder, name, columns, targets)


def _ink(folder: Folder, name: str, columns: Mapping[str, str], targets: bool) -> Record:
    record = Record(name, Origin(folder.shown(name)))
    try:
        ink = parse_inkml(folder.read(name))
    except ValueError as error:
        record.problem = f"{error}."
        return record
    record.strokes = ink.strokes
    for target, column in columns.items():
        kinds = (column, "truth", "label") if target in TARGETS else (column,)
        found = next((kind for kind in kinds if kind in ink.annotations), None)
        if found is not None:
            record.values[target] = ink.annotations[found]
        elif targets and target in TARGETS:
            wanted = " or ".join(dict.fromkeys(kinds))
            record.problem = f"no annotation of the type {wanted}, so there is no {target}."
    return record
