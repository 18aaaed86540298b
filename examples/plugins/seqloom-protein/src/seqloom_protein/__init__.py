"""Secondary structure of proteins: what each residue is part of, a helix, a strand or a coil.

This module is the entry point: it is imported at every start and loads neither torch nor numpy.
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
    """Tables of proteins, separated by tabs, with a header; the parameters of ``protein_table``.

    Attributes:
        train: a path, or a pinned URL (``https://…#sha256=HEX&local=RELATIVE``); ``.gz`` is
            unpacked while it is read.
        val: the same; if it is not given, ``split.val`` may cut it from ``train``.
        test: the same; if it is not given, ``split.test`` may cut it from ``train``.
        split: how ``train`` is cut.
        columns: Columns of the fields.
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    split: SplitConfig = field(default_factory=SplitConfig)
    columns: Columns = field(default_factory=Columns)


@dataclass
class FlipArchive:
    """An archive of the FLIP benchmark with a label for each residue; of ``flip_residues``.

    Attributes:
        archive: a path or a pinned URL of the zip, which has ``sequences.fasta``, the labels with
            their splits, and ``mask.fasta``.
        labels: the file in it with the labels and splits.
    """

    archive: str | None = None
    labels: str = "sampled.fasta"


@dataclass
class SecondaryStructure:
    """Parameters of ``head=secondary_structure``.

    Attributes:
        field: of the examples that is predicted: a letter for each residue.
        mask: the field that tells which residues are resolved; the others count neither in the
            loss nor in the score.
        dropout: on the encoder's states, the same mask at all steps of a sequence.
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
            gives=FIELDS,
            suffixes=(*FASTA_SUFFIXES, ".tsv"),
            sample="seqloom_protein.samples:table",
        ),
        Component(
            kind="data",
            name="flip_residues",
            schema=FlipArchive,
            target="seqloom_protein.flip:FlipReader",
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
