"""The reader ``sounds``: labelled sounds in folders, zip files and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Protocol

from seqloom.data import Pattern, SplitConfig, SplitReader
from seqloom.errors import Cause, ConfigError, DataError, ExampleError
from seqloom.interfaces import Example
from seqloom_sound.readers.find import Finder, Found
from seqloom_sound.readers.hold_out import HoldOut
from seqloom_sound.readers.parts import parts_of
from seqloom_sound.schemas.data import TARGETS, Pauses


class Finds(Protocol):
    """Finds the sounds of a file or folder that a split or an input is."""

    def find(self, path: str, targets: bool = True) -> Iterator[Found]:
        """Return the sounds; without ``targets`` labels and texts may be absent.

        Raises:
            DataError: The file does not exist, is malformed, or of another kind.
        """

    def expected(self, targets: bool) -> str:
        """Return the kinds of files that are accepted, as the end of a sentence."""


class FoundReader(SplitReader):
    """Reader of the sounds that a finder finds.

    Sounds stay files until they are encoded. The id of an example is the name of its file, prefixed
    with that of the folder or table; that of a part of a long sound ends in ``#`` and its number.

    Args:
        finder: Finder of the sounds.
        files: Split → path; a split may be None.
        hold_out: Split → field → values of the sounds of ``train`` that belong to that split.
        split: Random splits of ``train``.
        channel: Channel to read; None: the mean of all.
        pauses: How long inputs are cut; None: not at all.

    Raises:
        ConfigError: The splits contradict each other, or a parameter is wrong.
    """

    def __init__(
        self,
        finder: Finds,
        files: Mapping[str, str | None],
        hold_out: Mapping[str, Mapping[str, Sequence[str]]] | None,
        split: SplitConfig | Mapping[str, Any] | None,
        *,
        channel: int | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        cut = split if isinstance(split, SplitConfig) else SplitConfig(**(split or {}))
        super().__init__(files, cut)
        if channel is not None and channel < 0:
            raise ConfigError(
                f"data.channel={channel}: expected a number from 0, or null.",
                cause=Cause.wrong_value,
            )
        self._finder, self._channel, self._pauses = finder, channel, pauses
        given = {name: f"data.{name}={file}" for name, file in self.files.items()}
        given |= {name: f"data.split.{name}" for name in ("val", "test") if getattr(cut, name)}
        self._held = HoldOut(hold_out or {}, given)

    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the examples of the split's own file, or those held out; see `SplitReader.whole`.

        Raises:
            DataError: A file is missing, malformed or has no sounds.
            ConfigError: No sound has a field that others are held out by.
        """
        source = "train" if split in self._held else split
        if source not in self.files:
            return
        path, prefix, count = self.files[source], self._prefix(source), 0
        names: set[str] = set()  # of any sound: one of them may lack some
        usable = False
        for found in self._finder.find(path):
            names |= found.values.keys()
            usable = usable or not found.problem
            if source != "train" or self._held.split_of(found.values) == split:
                count += 1
                yield self._example(found, f"{prefix}/{found.name}")
        if source == "train" and usable:
            self._held.check(names)
        if not count:
            held = f" for {split} by {self._held}" if split in self._held else ""
            raise DataError(f"{path}: no sounds in it{held}.", cause=Cause.no_examples)

    def inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        """Yield single sounds, and those of folders and other files; see `Reader.inputs`.

        Sounds that are longer than ``pauses.longest`` are cut at pauses, unless they have a label
        or a text.

        Raises:
            DataError: A file is missing or of another kind.
        """
        expected = self._finder.expected(False)
        if "-" in paths:
            raise DataError(f"- (standard input) cannot be read; expected {expected}")
        for path in paths:
            count = 0
            for found in self._finder.find(path, targets=False):
                count += 1
                single = path.endswith(found.name)
                example = self._example(
                    found, path if single else f"{path.rstrip('/')}/{found.name}"
                )
                if self._pauses is None or isinstance(example, ExampleError):
                    yield example
                else:
                    yield from parts_of(example, "sound", self._pauses)
            if not count:
                raise DataError(
                    f"{path}: no sounds in it; expected {expected}", cause=Cause.no_examples
                )

    def _prefix(self, split: str) -> str:
        """Return the prefix of the ids of a split, unique to the split."""
        names = [_stem(file) for file in self.files.values()]
        own = _stem(self.files[split])
        return own if names.count(own) == 1 else f"{split}/{own}"

    def _example(self, found: Found, name: str) -> Example | ExampleError:
        sound = found.sound
        if self._channel is not None and sound.channel is None:
            sound = replace(sound, channel=self._channel)
        meta = {key: value for key, value in found.values.items() if key not in TARGETS}
        example = Example(name, {"sound": sound}, found.origin, meta)
        example.fields |= {key: found.values[key] for key in TARGETS if key in found.values}
        return ExampleError(example, found.problem) if found.problem else example


def _stem(file: str) -> str:
    """Return the name of a file or a pinned URL without suffixes."""
    return PurePath(file.split("#", maxsplit=1)[0].removesuffix(".gz")).stem


class SoundReader(FoundReader):
    """Reader of sounds with labels; see `Sounds` for the parameters and `FoundReader` for ids."""

    def __init__(
        self,
        *,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        sounds: str | None = None,
        columns: Mapping[str, str] | None = None,
        pattern: str | None = None,
        channel: int | None = None,
        cut: bool = False,
        pauses: Pauses | Mapping[str, Any] | None = None,
        hold_out: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
    ) -> None:
        columns = {"sound": "sound"} | dict(columns or {"label": "label"})
        compiled = Pattern(pattern, "data.pattern") if pattern else None
        super().__init__(
            Finder(columns, sounds, compiled),
            {"train": train, "val": val, "test": test},
            hold_out,
            split,
            channel=channel,
            pauses=Pauses.of(pauses) if cut else None,
        )
