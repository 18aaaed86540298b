"""What line images and series share: tables that name files, and folders of files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from seqloom.data import (
    SplitConfig,
    SplitReader,
    UniqueNames,
    about_backslashes,
    file_name,
    local_path,
    with_slashes,
)
from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example, Origin
from seqloom_handwriting.readers.files import (
    TARGETS,
    Folder,
    is_folder,
    is_table,
    open_table,
    refuse_empty,
    refuse_stdin,
)


@dataclass(slots=True)
class Named:
    """One file as it is named in a table or found in a folder.

    Attributes:
        name: Relative to the folder or zip file.
        origin: The table's line, or the file itself.
        place: The file's path, and its name there if that is a zip file.
        values: Other fields → values.
        problem: Why the file does not become an example.
    """

    name: str
    origin: Origin
    place: tuple[str, str | None] | None = None
    values: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


class NamedFileReader(SplitReader):
    """A reader whose examples have a file each; its id is the file's name.

    Where another split has a file of that name, the ids of a split start with the split's name.
    Columns other than those of the file, the label and the text go to the examples' ``meta``.

    Attributes:
        field: Field that holds the file.
        suffixes: Suffixes of the files.
        archive: Suffix of zip files of such files.
    """

    field: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    archive: ClassVar[str]

    def __init__(
        self,
        files: Mapping[str, str | None],
        split: SplitConfig | Mapping[str, Any] | None,
        columns: Mapping[str, str] | None,
        folder: str | None,
    ) -> None:
        super().__init__(files, split)
        self._columns = {self.field: self.field} | dict(columns or {"text": "text"})
        self._folder = folder

    @abstractmethod
    def value(self, path: str, member: str | None) -> Any:
        """Return the field's value for a file, or for a member of a zip file; it is not read."""

    @abstractmethod
    def in_folder(self, folder: Folder, targets: bool) -> Iterator[Named]:
        """Yield the files of a folder; with ``targets`` they must have texts."""

    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the examples of the split's own file; see `SplitReader.whole`.

        Raises:
            DataError: A file is missing, malformed or empty.
        """
        if split not in self.files:
            return
        unique, prefix = UniqueNames(), self._prefix(split)
        path = self.files[split]
        for item in refuse_empty(path, self._named(path, targets=True)):
            yield self._example(item, unique(prefix + item.name))

    def inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        """Yield what single files, folders, zip files and tables hold; see `Reader.inputs`.

        Raises:
            DataError: A file is missing or of another kind.
        """
        refuse_stdin(paths, self._expected(targets=False))
        unique = UniqueNames()
        for path in paths:
            for item in self._named(path, targets=False):
                yield self._example(item, unique(item.name))

    def _prefix(self, split: str) -> str:
        """Return what the split's ids start with: its name if another split has a file's name."""
        others = [self._names(path) for name, path in self.files.items() if name != split]
        taken = set[str]().union(*others)
        return "" if taken.isdisjoint(self._names(self.files[split])) else f"{split}/"

    def _names(self, path: str) -> set[str]:
        """Return the names of a split's files; if they cannot be read, reading it will say so."""
        with suppress(DataError):
            if is_folder(path):
                names = Folder.find(path).names()
                return {name for name in names if name.lower().endswith(self.suffixes)}
            if is_table(path):
                columns = {self.field: self._columns[self.field]}
                return {row.values[self.field] for row in open_table(path).rows(columns)}
        return set()

    def _named(self, path: str, targets: bool) -> Iterator[Named]:
        if is_folder(path):
            return refuse_empty(path, self.in_folder(Folder.find(path), targets))
        if is_table(path):
            return self._in_table(path, targets)
        file = str(local_path(path))  # that it is missing is the better message
        if not targets and file_name(path).lower().endswith(self.suffixes):
            return iter([Named(file_name(path), Origin(file), (file, None))])
        raise DataError(
            f"{path}: a file of this kind cannot be read; expected {self._expected(targets)}."
        )

    def _expected(self, targets: bool) -> str:
        single = "" if targets else f"a file ({', '.join(self.suffixes)}), "
        return f"{single}a table (.tsv, .csv), a folder or a {self.archive} file"

    def _in_table(self, path: str, targets: bool) -> Iterator[Named]:
        required = self._columns if targets else [self.field]
        with closing(open_table(path)) as table:
            folders = Folder.of_table(Path(table.file.path), self._folder, self.archive)
            for row in table.rows(self._columns, required):
                name = row.values.pop(self.field)
                name = with_slashes(name, lambda one: any(self.stored(one) in f for f in folders))
                stored = self.stored(name)
                folder = next((one for one in folders if stored in one), folders[0])
                named = Named(name, row.origin, folder.place(stored), row.values)
                if stored not in folder:
                    inside = "zip file" if folder.zipped else "folder"
                    named.problem = (
                        f"the file {stored!r} is not in the {inside} {folder.path.absolute()}."
                        f"{about_backslashes(name)}"
                    )
                yield named

    def stored(self, name: str) -> str:
        """Return under what name a folder has the file that a table names."""
        return name

    def _example(self, item: Named, name: str) -> Example | ExampleError:
        meta = {name: value for name, value in item.values.items() if name not in TARGETS}
        example = Example(name, {}, item.origin, meta)
        if item.problem is not None or item.place is None:
            return ExampleError(example, item.problem or "the file does not exist.")
        example.fields[self.field] = self.value(*item.place)
        example.fields |= {name: item.values[name] for name in TARGETS if name in item.values}
        return example
