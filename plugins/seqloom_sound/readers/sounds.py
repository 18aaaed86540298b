"""The reader ``sounds``: labelled sounds in folders, zip files and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from seqloom.data import Pattern, SplitConfig, SplitReader
from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example
from seqloom_sound.readers.find import Finder, Found, expected
from seqloom_sound.readers.hold_out import HoldOut
from seqloom_sound.schemas.data import TARGETS


class SoundReader(SplitReader):
    """Reader of sounds; see `Sounds` for the parameters.

    Sounds stay files until they are encoded. The id of an example is the name of its file, prefixed
    with that of the folder or table.
    """

    def __init__(
        self,
        *,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        sounds: str | None = None,
        columns: Mapping[str, str] | None = None,
        pattern: str | None = None,
        hold_out: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
    ) -> None:
        cut = split if isinstance(split, SplitConfig) else SplitConfig(**(split or {}))
        super().__init__({"train": train, "val": val, "test": test}, cut)
        columns = {"sound": "sound"} | dict(columns or {"label": "label"})
        compiled = Pattern(pattern, "data.pattern") if pattern else None
        self._finder = Finder(columns, sounds, compiled)
        given = {name: f"data.{name}={file}" for name, file in self.files.items()}
        given |= {name: f"data.split.{name}" for name in ("val", "test") if getattr(cut, name)}
        self._held = HoldOut(hold_out or {}, given)

    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the examples of the split's own file, or those held out; see `SplitReader.whole`.

        Raises:
            DataError: A file is missing, malformed or has no sounds.
        """
        source = "train" if split in self._held else split
        if source not in self.files:
            return
        path, prefix, count = self.files[source], self._prefix(source), 0
        for found in self._finder.find(path):
            if source == "train" and not found.problem:
                self._held.check(found.values)
            if source != "train" or self._held.split_of(found.values) == split:
                count += 1
                yield _example(found, f"{prefix}/{found.name}")
        if not count:
            held = f" for {split} by {self._held}" if split in self._held else ""
            raise DataError(f"{path}: no sounds in it{held}.")

    def inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        """Yield single sounds, and those of folders, zip files and tables; see `Reader.inputs`.

        Raises:
            DataError: A file is missing or of another kind.
        """
        if "-" in paths:
            raise DataError(f"- (standard input) cannot be read; expected {expected(False)}")
        for path in paths:
            count = 0
            for found in self._finder.find(path, targets=False):
                count += 1
                single = path.endswith(found.name)
                yield _example(found, path if single else f"{path.rstrip('/')}/{found.name}")
            if not count:
                raise DataError(f"{path}: no sounds in it; expected {expected(False)}")

    def _prefix(self, split: str) -> str:
        """Return the prefix of the ids of a split, unique to the split."""
        names = [PurePath(file.split("#")[0]).stem for file in self.files.values()]
        own = PurePath(self.files[split].split("#")[0]).stem
        return own if names.count(own) == 1 else f"{split}/{own}"


def _example(found: Found, name: str) -> Example | ExampleError:
    meta = {key: value for key, value in found.values.items() if key not in TARGETS}
    example = Example(name, {"sound": found.sound}, found.origin, meta)
    example.fields |= {key: found.values[key] for key in TARGETS if key in found.values}
    return ExampleError(example, found.problem) if found.problem else example
