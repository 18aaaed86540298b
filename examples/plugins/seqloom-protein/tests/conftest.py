"""What the tests share: proteins as examples, codecs and batches of them, files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from seqloom.interfaces import Example, Origin, Targets

from seqloom_protein.codec import UNRESOLVED, StructureCodec


def _protein(structure: str, resolved: str | None = None, residues: str | None = None) -> Example:
    letters = list(residues or "A" * len(structure))
    mask = resolved or "1" * len(structure)
    fields = {"residues": letters, "tokens": letters, "structure": structure, "resolved": mask}
    return Example("1abc-A", fields, Origin("train.tsv", 7))


@pytest.fixture
def protein() -> Callable[..., Example]:
    """Make a protein of its structure; all residues are resolved unless a mask is given."""
    return _protein


@pytest.fixture
def codec() -> StructureCodec:
    """With the states C, E and H."""
    codec = StructureCodec()
    codec.restore(codec.fit([_protein("HEC")]))
    return codec


@pytest.fixture
def batch_of(codec: StructureCodec) -> Callable[..., Targets]:
    """Make a batch of the targets of proteins."""

    def make(*examples: Example) -> Targets:
        rows = [torch.from_numpy(codec.encode(one)["states"]) for one in examples]
        states = torch.nn.utils.rnn.pad_sequence(rows, True, UNRESOLVED)
        lengths = torch.tensor([len(row) for row in rows])
        ids = [str(number) for number in range(len(rows))]
        return Targets({"states": states}, {"states": lengths}, ids)

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    """Write a file, and return its path."""

    def make(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return make
