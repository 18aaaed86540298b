"""FASTA files inside a zip archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from seqloom.data import local_path, member_names, read_member
from seqloom.errors import DataError, did_you_mean

from seqloom_protein.fasta import Entry, entries

LARGEST = 1 << 30  # bytes of an unpacked file


@dataclass(frozen=True)
class Member:
    """A FASTA file of an archive, unpacked.

    Attributes:
        shown: Name in messages, prefixed with that of the archive.
        text: Content.
    """

    shown: str
    text: str

    def entries(self) -> Iterator[Entry]:
        """Yield the sequences; see `seqloom_protein.fasta.entries`."""
        return entries(self, enumerate(self.text.splitlines(), 1))

    def error(self, line: int, problem: str) -> DataError:
        """Return the error for a line, numbered from 1."""
        return DataError(f"{self.shown}:{line}: {problem}")


def members(archive: str, names: Sequence[str]) -> list[Member]:
    """Return the files with these names, in any folder of the archive.

    Args:
        archive: Path or pinned URL.
        names: Names of the files.

    Raises:
        DataError: If the archive does not exist, is damaged, or does not contain one of the files.
    """
    path = local_path(archive)
    try:
        found = {PurePosixPath(name).name: name for name in member_names(str(path))}
        for name in names:
            if name not in found:
                raise DataError(f"{path} has no file {name!r}. {did_you_mean(name, found)}")
        texts = [read_member(str(path), found[name], LARGEST).decode("ascii") for name in names]
    except ValueError as error:
        raise DataError(
            f"{path}: cannot be read as a zip archive of FASTA files: {error}. Download it again."
        ) from None
    return [Member(f"{path}/{found[n]}", text) for n, text in zip(names, texts, strict=True)]
