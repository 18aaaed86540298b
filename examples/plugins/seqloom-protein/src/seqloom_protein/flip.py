"""The reader ``flip_residues``: an archive of the FLIP benchmark (Dallago et al. 2021).

Its FASTA files contain the sequences, labels and masks of the same proteins; the headers of the
labels name the splits: ``>name SET=train VALIDATION=False``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seqloom.errors import ConfigError, ExampleError, did_you_mean
from seqloom.interfaces import SPLITS, Example, Origin, Reader

from seqloom_protein import Columns
from seqloom_protein.archive import Member, members
from seqloom_protein.fasta import Entry
from seqloom_protein.inputs import read_inputs
from seqloom_protein.records import Record, to_example


class FlipReader(Reader):
    """Reader of a FLIP archive; see `FlipArchive` for the parameters."""

    def __init__(self, *, archive: str | None = None, labels: str = "sampled.fasta") -> None:
        self.archive = archive
        self.labels = labels

    def examples(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the proteins of a split, in the order of the labels.

        Raises:
            ConfigError: If the split is unknown.
            DataError: If the archive is missing or damaged, or its files are inconsistent.
        """
        if split not in SPLITS:
            raise ConfigError(f"No split {split!r}. {did_you_mean(split, SPLITS)}")
        if not self.archive:
            return
        files = ("sequences.fasta", self.labels, "mask.fasta")
        sequences, labels, masks = members(self.archive, files)
        residues = {entry.name: entry.text for entry in sequences.entries()}
        resolved = {entry.name: entry.text for entry in masks.entries()}
        for entry in labels.entries():
            if _split_of(labels, entry) != split:
                continue
            for member, known in ((sequences, residues), (masks, resolved)):
                if entry.name not in known:
                    raise labels.error(entry.line, f"{entry.name} is not in {member.shown}.")
            name = entry.name
            origin = Origin(labels.shown, entry.line)
            yield to_example(Record(name, origin, residues[name], entry.text, resolved[name]))

    def inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        """Return the proteins of FASTA files or tables; see `Reader.inputs`."""
        return read_inputs(paths, Columns())


def _split_of(labels: Member, entry: Entry) -> str:
    """Return the split that a header names.

    Raises:
        DataError: If it does not name a split.
    """
    words = dict(word.split("=", 1) for word in entry.comment.split() if "=" in word)
    if words.get("SET") not in ("train", "test"):
        raise labels.error(
            entry.line,
            f"the header of {entry.name} does not name a split; expected SET=train or SET=test.",
        )
    return "val" if words.get("VALIDATION") == "True" else words["SET"]
