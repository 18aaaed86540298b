"""Pen strokes in tables and InkML files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqloom.data import (
    Pattern,
    SplitConfig,
    SplitReader,
    UniqueNames,
    file_name,
    file_stem,
    local_path,
)
from seqloom.errors import ConfigError, DataError, ExampleError, did_you_mean
from seqloom.interfaces import Example, Origin
from seqloom_handwriting.readers.files import (
    LARGEST_XML,
    TARGETS,
    Folder,
    is_folder,
    is_table,
    open_table,
    refuse_empty,
    refuse_stdin,
)
from seqloom_handwriting.readers.inkml import Strokes, flip, parse_inkml, parse_strokes
from seqloom_handwriting.readers.upside_down import UpsideDown


class StrokeReader(SplitReader):
    """Reads pen strokes; see `Strokes` for the parameters.

    In InkML, the columns name types of annotations; a label or text may also be that of the type
    ``truth`` or ``label``.
    """

    def __init__(
        self,
        *,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        columns: Mapping[str, str] | None = None,
        patterns: Mapping[str, str] | None = None,
        hold_out: Mapping[str, Sequence[str]] | None = None,
        y_up: bool = False,
        split: SplitConfig | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"train": train, "val": val, "test": test}, split)
        self._columns = {"strokes": "strokes"} | dict(columns or {"label": "label"})
        self._patterns = self._compiled(patterns or {})
        self._hold_out = {name: set(map(str, held)) for name, held in (hold_out or {}).items()}
        self._y_up = y_up
        self._upside_down = UpsideDown(y_up)
        self._check_hold_out()

    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the examples of the split's own file; see `SplitReader.whole`.

        Raises:
            DataError: A file is missing, malformed or empty.
        """
        held = bool(self._hold_out) and split == "val"
        source = "train" if held else split
        if source not in self.files:
            return
        path = self.files[source]
        records = self._records(path, self._prefix(source), targets=True)
        if self._hold_out and source == "train":
            records = (record for record in records if self._is_held(record) == held)
            kept = "" if held else "not "
            path = f"{path}, {kept}of data.hold_out={self._shown()}"
        found = (self._example(record) for record in refuse_empty(path, records))
        yield from self._upside_down.check(found)

    def inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        """Yield the strokes of tables, InkML files and folders of these; see `Reader.inputs`.

        Raises:
            DataError: A file is missing, malformed or of another kind.
        """
        refuse_stdin(paths, EXPECTED)
        yield from self._upside_down.check(self._inputs(paths))

    def _inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        unique_stem, unique = UniqueNames(), UniqueNames()
        for path in paths:
            for record in self._records(path, unique_stem(file_stem(path)), targets=False):
                record.id = unique(record.id)
                yield self._example(record)

    def _compiled(self, patterns: Mapping[str, str]) -> dict[str, Pattern]:
        compiled = {}
        for name, pattern in patterns.items():
            self._check_field("patterns", name)
            compiled[name] = Pattern(pattern, f"data.patterns.{name}")
            if not compiled[name].groups:
                raise ConfigError(
                    f"data.patterns.{name}={pattern} has no group; put the part to keep in "
                    "parentheses."
                )
        return compiled

    def _check_hold_out(self) -> None:
        for name in self._hold_out:
            self._check_field("hold_out", name)
        if self._hold_out and ("val" in self.files or "val" in self._cuts):
            other = "data.val" if "val" in self.files else "data.split.val"
            raise ConfigError(
                f"data.hold_out={self._shown()} and {other} both define val; set only one of them."
            )

    def _check_field(self, option: str, name: str) -> None:
        known = self._columns.keys() - {"strokes"}
        if name not in known:
            raise ConfigError(
                f"data.{option}.{name}: data.columns does not have this field. "
                f"{did_you_mean(name, known)}"
            )

    def _shown(self) -> dict[str, list[str]]:
        return {name: sorted(held) for name, held in self._hold_out.items()}

    def _is_held(self, record: Record) -> bool:
        return any(record.values.get(name) in held for name, held in self._hold_out.items())

    def _prefix(self, split: str) -> str:
        """Return what the ids of a table's rows start with, another one for each split."""
        stems = [file_stem(file) for file in self.files.values()]
        own = file_stem(self.files[split])
        return own if stems.count(own) == 1 else f"{split}/{own}"

    def _records(self, path: str, prefix: str, targets: bool) -> Iterator[Record]:
        for record in read_records(path, self._columns, prefix, targets):
            for name in self._patterns:
                if name in record.values:
                    self._take(record, name)
            yield record

    def _take(self, record: Record, name: str) -> None:
        """Put what the pattern finds in a value in its place."""
        value = record.values.pop(name)
        found = self._patterns[name].search(value)
        if found is None or found[1] is None:
            record.problem = (
                f"data.patterns.{name}={self._patterns[name].text} finds nothing in {value!r}."
            )
        else:
            record.values[name] = found[1]

    def _example(self, record: Record) -> Example | ExampleError:
        meta = {name: value for name, value in record.values.items() if name not in TARGETS}
        example = Example(record.id, {}, record.origin, meta)
        if record.problem is not None:
            return ExampleError(example, record.problem)
        strokes = record.strokes
        try:
            strokes = parse_strokes(strokes) if isinstance(strokes, str) else strokes
        except ValueError as error:
            return ExampleError(example, f"the strokes are malformed: {error}.")
        example.fields["strokes"] = flip(strokes) if self._y_up else strokes
        example.fields |= {n: record.values[n] for n in TARGETS if n in record.values}
        return example


INKML = ".inkml"
EXPECTED = f"a table (.tsv, .csv), an {INKML} file, or a folder or .zip of {INKML} files"


@dataclass(slots=True)
class Record:
    """One example to be.

    Attributes:
        id: Unique in its file.
        origin: The table's line, or the InkML file.
        values: Other fields → values.
        strokes: Cell of a table, or the points.
        problem: Why the file does not become an example.
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
        path: Path of one of these, or a pinned URL.
        columns: Field → column of a table, or type of annotation in InkML.
        prefix: What the ids of a table's rows start with.
        targets: Whether labels and texts must be there.

    Raises:
        DataError: The file is missing, malformed, empty or of another kind.
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
        ink = parse_inkml(folder.read(name, LARGEST_XML))
    except ValueError as error:
        record.problem = f"{error}."
        return record
    record.strokes = ink.strokes
    for target, column in columns.items():
        kinds = (column, "truth", "label") if target in TARGETS else (column,)
        found = next((kind for kind in kinds if kind in ink.annotations), None)
        if found in ink.several:
            if targets and target in TARGETS:
                record.problem = (
                    f"parts of the file have different annotations of the type {found}; expected "
                    "one for the whole file. Write a file for each part."
                )
        elif found is not None:
            record.values[target] = ink.annotations[found]
        elif targets and target in TARGETS:
            wanted = " or ".join(dict.fromkeys(kinds))
            record.problem = f"the {target} is missing: no annotation of the type {wanted}."
    return record
