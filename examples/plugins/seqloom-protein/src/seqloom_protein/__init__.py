"""Secondary structure of proteins: helix, strand or coil for each residue.

This is the entry module: it is imported whenever the program starts, without torch and numpy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from seqloom.data import SplitConfig
from seqloom.plugins import Component, hookimpl

FIELDS = {"residues": "tokens", "structure": "residue_states", "resolved": "residue_mask"}
"""Field → kind, of what the readers yield. Without a mask, all residues are resolved."""

FASTA_SUFFIXES = (".fasta", ".fa", ".faa")


@dataclass
class Columns:
    """The columns of a table that hold the fields of a protein.

    Attributes:
        id: Column of the protein's name; null: numbered.
        residues: Column of its sequence, one letter per residue.
        structure: Column of its states, one letter per residue.
        resolved: Column of the mask, a 1 or 0 per residue; null: all are resolved.
    """

    id: str | None = "id"
    residues: str = "sequence"
    structure: str = "ss3"
    resolved: str | None = "resolved"


@dataclass
class ProteinTable:
    """Parameters of ``data=protein_table``: tab-separated tables of proteins with a header.

    Attributes:
        train: Path or pinned URL (``https://…#sha256=HEX&local=RELATIVE``); ``.gz`` files are
            decompressed while they are read.
        val: The same; without it, ``split.val`` may take it from ``train``.
        test: The same; without it, ``split.test`` may take it from ``train``.
        split: Random splits of ``train``.
        columns: Columns of the fields.
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    split: SplitConfig = field(default_factory=SplitConfig)
    columns: Columns = field(default_factory=Columns)


@dataclass
class FlipArchive:
    """Parameters of ``data=flip_residues``: an archive of FLIP with a label for each residue.

    Attributes:
        archive: Path or pinned URL of the zip, which contains ``sequences.fasta``, the labels with
            their splits, and ``mask.fasta``.
        labels: Name of the file with the labels and splits.
    """

    archive: str | None = None
    labels: str = "sampled.fasta"


@dataclass
class SecondaryStructure:
    """Parameters of ``head=secondary_structure``.

    Attributes:
        field: Field that is predicted: a letter for each residue.
        mask: Field that marks resolved residues; others are ignored in the loss and the score.
        dropout: Dropout of the encoder's states, with the same mask at all steps of a sequence.
    """

    field: str = "structure"
    mask: str = "resolved"
    dropout: float = 0.0


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the readers and the head."""
    return [
        Component(
            kind="data",
            name="protein_table",
            schema=ProteinTable,
            target="seqloom_protein.table:TableReader",
            files=("train", "val", "test"),
            gives=FIELDS,
            suffixes=(*FASTA_SUFFIXES, ".tsv"),
            sample="seqloom_protein.samples:table",
        ),
        Component(
            kind="data",
            name="flip_residues",
            schema=FlipArchive,
            target="seqloom_protein.flip:FlipReader",
            files=("archive",),
            gives=FIELDS,
            suffixes=FASTA_SUFFIXES,
            sample="seqloom_protein.samples:archive",
        ),
        Component(
            kind="head",
            name="secondary_structure",
            schema=SecondaryStructure,
            target="seqloom_protein.head:SecondaryStructureHead",
            takes={
                "field": ("residue_states",),
                "mask": ("residue_mask",),
                "steps": ("token",),
            },
            sample="seqloom_protein.samples:labelled",
        ),
    ]


@hookimpl
def seqloom_config_packages() -> Iterable[str]:
    """Return the package of the presets."""
    return ["seqloom_protein.conf"]
