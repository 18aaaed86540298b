"""What seqloom asks of every reader and head."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from seqloom.interfaces import Example
from seqloom.testing import HeadCase, HeadConformance, ReaderConformance

from seqloom_protein import samples
from seqloom_protein.head import SecondaryStructureHead


def structures(example: Example) -> Iterator[Example]:
    """Yield the example with each structure that it could have, all of it resolved."""
    size = len(example.fields["structure"])
    for letters in itertools.product("CEH", repeat=size):
        fields = {"structure": "".join(letters), "resolved": "1" * size}
        yield replace(example, fields=example.fields | fields)


class TestSecondaryStructure(HeadConformance):
    name = "secondary_structure"


class TestAllStructures(HeadConformance):
    """The same, and that ``decode`` gives the likeliest of all structures of short proteins."""

    def case(self) -> HeadCase:
        frames = (5, 1, 9, 3)
        proteins = samples.labelled(frames, np.random.default_rng(1))
        head = SecondaryStructureHead
        return HeadCase(head, proteins, frames, candidates=structures, likelihood=True)


class TestProteinTable(ReaderConformance):
    name = "protein_table"


class TestFlipResidues(ReaderConformance):
    name = "flip_residues"
