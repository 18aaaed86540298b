"""Series of vectors in .npy and .npz files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqloom.data import SplitConfig, read_npy
from seqloom.errors import DataError
from seqloom.interfaces import Origin
from seqloom_handwriting.readers.files import LARGEST_ARRAY, Folder, read_file
from seqloom_handwriting.readers.named import Named, NamedFileReader

SUFFIX = ".npy"


@dataclass(frozen=True)
class ArrayFile:
    """A series of vectors that is read when it is needed.

    Attributes:
        path: Path of the .npy file, or of the .npz file that holds it.
        member: Name in the .npz file, ``name.npy``.
    """

    path: str
    member: str | None = None

    def __str__(self) -> str:
        return self.path if self.member is None else f"{self.path}/{self.member}"

    def load(self) -> np.ndarray:
        """Return the vectors, (T, D) of floating point; whole numbers become float32.

        Raises:
            ValueError: The file is missing or damaged, or holds no numbers of shape (T, D).
        """
        array = self._read()
        if array.ndim != 2 or array.dtype.kind not in "fiub":
            raise ValueError(
                f"{self} has {array.dtype} of shape {array.shape}; expected numbers of shape "
                "(steps, size)."
            )
        return array if array.dtype.kind == "f" else array.astype(np.float32)

    def _read(self) -> np.ndarray:
        content = read_file(self.path, self.member, LARGEST_ARRAY)
        try:
            return read_npy(content)
        except ValueError as error:
            raise ValueError(f"{self} is not a readable .npy file: {error}.") from None


class SeriesReader(NamedFileReader):
    """Reads series of vectors; see `Series` for the parameters, `NamedFileReader` for the ids."""

    field = "features"
    suffixes = (SUFFIX,)
    archive = ".npz"

    def __init__(
        self,
        *,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        arrays: str | None = None,
        columns: Mapping[str, str] | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"train": train, "val": val, "test": test}, split, columns, arrays)

    def value(self, path: str, member: str | None) -> ArrayFile:
        """Return the file; see `NamedFileReader.value`."""
        return ArrayFile(path, member)

    def stored(self, name: str) -> str:
        """Return the name with ``.npy``, which NumPy hides in .npz files."""
        return name if name.lower().endswith(SUFFIX) else name + SUFFIX

    def in_folder(self, folder: Folder, targets: bool) -> Iterator[Named]:
        """Yield the arrays of a folder or .npz in natural order; they have no targets.

        Raises:
            DataError: Targets are required.
        """
        if targets:
            raise DataError(
                f"{folder.path}: arrays alone have no labels or texts. Pass a table (.tsv, .csv) "
                "that names them, and the folder as data.arrays."
            )
        for name in folder.names():
            if name.lower().endswith(SUFFIX):
                yield Named(name, Origin(folder.shown(name)), folder.place(name))
