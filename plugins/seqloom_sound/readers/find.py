"""Find the sounds of a table, a folder or a zip file, without opening them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from seqloom.data import (
    Pattern,
    Table,
    TextFile,
    about_backslashes,
    local_path,
    warn_of_unread,
    with_slashes,
)
from seqloom.errors import DataError
from seqloom.files import expanded
from seqloom.interfaces import Origin
from seqloom_sound.place import Place, is_sound_file
from seqloom_sound.schemas.data import OTHER_SOUNDS, SUFFIXES, TABLES
from seqloom_sound.sound import SoundFile


@dataclass(slots=True)
class Found:
    """One sound as it is named in a table or found in a folder.

    Attributes:
        name: Name relative to the folder or zip file.
        origin: Line of the table, or the sound itself.
        sound: File; it may be missing.
        values: Other fields → values.
        problem: Why the sound cannot be used.
    """

    name: str
    origin: Origin
    sound: SoundFile
    values: dict[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Finder:
    """Finds sounds and their fields.

    Attributes:
        columns: Field → column of a table.
        sounds: Folder or .zip of the sounds that tables name; None: as in `Sounds`.
        pattern: Pattern of names whose groups are fields, or None.
    """

    columns: Mapping[str, str]
    sounds: str | None
    pattern: Pattern | None

    def find(self, path: str, targets: bool = True) -> Iterator[Found]:
        """Return the sounds of a table, folder or zip file; without ``targets`` also a sound.

        Args:
            path: Path, or a pinned URL.
            targets: Whether labels must be there.

        Raises:
            DataError: The file does not exist, or is of another kind.
        """
        place = place_of(path)
        suffix = place.path.suffix.lower()
        if suffix in TABLES:
            return self._in_table(place.path, targets)
        if suffix == ".zip" or not place.zipped:
            return self._in_place(place, targets)
        if is_sound_file(place.path.name) and not targets:
            return iter([self._single(place.path)])
        raise DataError(
            f"{path}: a file of this kind cannot be read; expected {self.expected(targets)}"
        )

    def expected(self, targets: bool) -> str:
        """Return the kinds of files that are accepted, as the end of a sentence."""
        single = "" if targets else f"a sound ({', '.join(SUFFIXES)}), "
        return f"{single}a folder or .zip of sounds, or a table ({', '.join(TABLES)})."

    def _single(self, file: Path) -> Found:
        found = Found(file.name, Origin(str(file)), SoundFile(str(file)))
        self._name_fields(found, targets=False)
        return found

    def _in_place(self, place: Place, targets: bool) -> Iterator[Found]:
        for name in filter(is_sound_file, names_in(place)):
            found = Found(name, Origin(str(place.path / name)), sound_file(place, name))
            self._name_fields(found, targets)
            yield found

    def _name_fields(self, found: Found, targets: bool) -> None:
        """Take the fields from the name."""
        if self.pattern is not None:
            match = self.pattern.fullmatch(found.name)
            found.values = {k: v for k, v in match.groupdict().items() if v} if match else {}
            if match is None and targets:
                found.problem = f"data.pattern={self.pattern.text} does not match {found.name!r}."
        elif targets and "/" in found.name:
            found.values["label"] = PurePosixPath(found.name).parent.name
        elif targets:
            found.problem = (
                "the sound is not in a folder that could be its label; expected "
                f"LABEL/{found.name}, or a data.pattern for names."
            )

    def _in_table(self, table: Path, targets: bool) -> Iterator[Found]:
        place = place_beside(table) if self.sounds is None else place_of(self.sounds)
        file = TextFile(str(table))
        rows = Table(file, quoting=file.suffix == ".csv", skip_blank=True)
        for row in rows.rows(self.columns, None if targets else ["sound"]):
            name = stored_name(place, row.values.pop("sound"))
            found = Found(name, row.origin, sound_file(place, name), row.values)
            found.problem = missing_sound(place, name)
            yield found


def place_of(path: str) -> Place:
    """Return the folder or the local file that a path or a pinned URL names.

    Raises:
        DataError: It does not exist, or cannot be downloaded.
    """
    # The functions of os.path, unlike Path's, take any name: too long, of an unknown user.
    folder = expanded(path)
    return Place(folder if os.path.isdir(folder) else local_path(path))  # noqa: PTH112


def place_beside(table: Path) -> Place:
    """Return where the sounds of a table are: the .zip of its name beside it, or its folder."""
    beside = table.with_name(table.name.removesuffix(".gz")).with_suffix(".zip")
    return Place(beside if beside.is_file() else table.parent)


def names_in(place: Place) -> list[str]:
    """Return the names of the files in a place, without hidden ones.

    Raises:
        DataError: It is neither a folder nor a zip file.
    """
    try:
        names = place.names()
    except ValueError as error:
        raise DataError(str(error)) from None
    warn_of_unread(place, names, OTHER_SOUNDS, ".flac")
    return names


def stored_name(place: Place, name: str) -> str:
    """Return under what name a place has a sound; as it is if there is none.

    Raises:
        DataError: The place is neither a folder nor a zip file.
    """
    return with_slashes(name, lambda one: has_sound(place, one))


def missing_sound(place: Place, name: str) -> str:
    """Return the sentence for a sound that is not in a place; empty if it is there.

    Raises:
        DataError: The place is neither a folder nor a zip file.
    """
    if has_sound(place, name):
        return ""
    longer = (name + suffix for suffix in SUFFIXES)
    if near := next((one for one in longer if has_sound(place, one)), None):
        hint = f" There is {near!r}: write names with their suffix."
    elif name.startswith("/"):
        hint = ""
    elif "://" in name:
        hint = " Expected a path, not an address."
    else:
        hint = (
            about_backslashes(name) or " data.sounds names the folder that paths are relative to."
        )
    return f"the sound {name!r} is not in {place}.{hint}"


def has_sound(place: Place, name: str) -> bool:
    """Return whether a file is in a place.

    Raises:
        DataError: It is neither a folder nor a zip file.
    """
    try:
        return name in place
    except ValueError as error:
        raise DataError(str(error)) from None


def sound_file(place: Place, name: str) -> SoundFile:
    """Return a sound of a place; it may be missing.

    Raises:
        DataError: The place is neither a folder nor a zip file.
    """
    if not place.zipped:
        return SoundFile(str(place.path / name))
    try:
        return SoundFile(str(place), place.member(name) or name)
    except ValueError as error:
        raise DataError(str(error)) from None
