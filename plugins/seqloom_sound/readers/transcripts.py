"""Find the sounds of a manifest, a table, a data folder of Kaldi, a folder or a zip file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from seqloom.data import Pattern, Table, TextFile
from seqloom.errors import DataError
from seqloom.interfaces import Origin
from seqloom_sound.place import Place, is_sound_file
from seqloom_sound.readers.find import Found, place_beside, place_of
from seqloom_sound.readers.kaldi import SCP, in_kaldi, is_kaldi
from seqloom_sound.readers.manifest import in_manifest
from seqloom_sound.readers.rows import columns_of, found_in, no_sound
from seqloom_sound.readers.texts import with_texts
from seqloom_sound.schemas.data import MANIFESTS, SUFFIXES, TABLES
from seqloom_sound.sound import SoundFile

CLIPS = "clips"
"""Folder of the sounds beside the tables of Common Voice."""


@dataclass(frozen=True)
class Transcripts:
    """Finds sounds with their texts and other fields.

    Attributes:
        columns: Field → column of a table or key of a manifest, of those with other names.
        sounds: Folder or .zip of the sounds that tables and manifests name; None: as in `Speech`.
        pattern: Pattern of names whose groups are fields, or None.
    """

    columns: Mapping[str, str]
    sounds: str | None
    pattern: Pattern | None

    def find(self, path: str, targets: bool = True) -> Iterator[Found]:
        """Return the sounds of a file or folder; without ``targets`` also a sound.

        Args:
            path: Path, or a pinned URL.
            targets: Whether texts must be there.

        Raises:
            DataError: The file does not exist, or is of another kind.
        """
        place = place_of(path)
        name = place.path.name.lower().removesuffix(".gz")
        if place.zipped and name.endswith(MANIFESTS):
            file = TextFile(str(place.path))
            return in_manifest(file, self._beside(place.path), self.columns, targets=targets)
        if place.zipped and name.endswith(TABLES):
            return self._in_table(place.path, targets)
        if place.zipped and name == SCP:
            place = Place(place.path.parent)
        if not place.zipped and is_kaldi(place.path):
            own = place if self.sounds is None else place_of(self.sounds)
            return in_kaldi(place.path, own, targets=targets)
        if name.endswith(".zip") or not place.zipped:
            return with_texts(place, self.pattern, targets=targets)
        if is_sound_file(name) and not targets:
            file_name = place.path.name
            return iter([Found(file_name, Origin(str(place.path)), SoundFile(str(place.path)))])
        raise DataError(
            f"{path}: a file of this kind cannot be read; expected {self.expected(targets)}"
        )

    def expected(self, targets: bool) -> str:
        """Return the kinds of files that are accepted, as the end of a sentence."""
        single = "" if targets else f"a sound ({', '.join(SUFFIXES)}), "
        return (
            f"{single}a folder or .zip of sounds with texts, a manifest ({', '.join(MANIFESTS)}), "
            f"a table ({', '.join(TABLES)}), or a data folder of Kaldi ({SCP})."
        )

    def _beside(self, file: Path) -> Place:
        return place_beside(file) if self.sounds is None else place_of(self.sounds)

    def _in_table(self, path: Path, targets: bool) -> Iterator[Found]:
        file = TextFile(str(path))
        table = Table(file, quoting=file.suffix == ".csv", skip_blank=True, problems=True)
        with closing(table):
            names = list(table.columns)
            for field, column in self.columns.items():
                if column not in names and (targets or field == "sound"):
                    raise table.missing(column, f"data.columns.{field}")
            columns = columns_of([name for name in names if names.count(name) == 1], self.columns)
            if columns.get("sound") not in names:
                problem = f"{no_sound(names, 'column')} {table.other_delimiter()}"
                raise file.error(1, problem.rstrip())
            place = self._beside(path)
            if {"client_id", "path", "sentence"} <= {*names} and (place.path / CLIPS).is_dir():
                place = Place(place.path / CLIPS)
            for row in table.rows({name: name for name in columns.values()}, ()):
                if row.problem:
                    yield Found(f"row {row.number}", row.origin, SoundFile(""), problem=row.problem)
                else:
                    yield found_in(row.values, columns, place, row.origin, targets=targets)
