"""Small data with the kinds of this plugin, for the conformance checks."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from seqloom.interfaces import Example

_RESIDUES = list("ACDEFGHIKLMNPQRSTVWY")
_SIZES = {"train": 6, "val": 3, "test": 3}


def labelled(lengths: Sequence[int], rng: np.random.Generator) -> list[Example]:
    """Return a protein for each length, as prepared by a frontend; some residues are unresolved."""
    return [_protein(f"protein-{i}", length, rng) for i, length in enumerate(lengths)]


def _protein(name: str, length: int, rng: np.random.Generator) -> Example:
    residues = rng.choice(_RESIDUES, length).tolist()
    resolved = rng.choice(["0", "1"], length, p=[0.2, 0.8])
    resolved[rng.integers(length)] = "1"
    fields = {
        "tokens": residues,
        "residues": residues,
        "structure": "".join(rng.choice(["H", "E", "C"], length)),
        "resolved": "".join(resolved),
    }
    return Example(name, fields)


def _splits() -> Iterable[tuple[str, list[Example]]]:
    rng = np.random.default_rng(5)
    for split, size in _SIZES.items():
        yield (
            split,
            [_protein(f"{split}-{i}", int(rng.integers(1, 30)), rng) for i in range(size)],
        )


def table(folder: Path) -> dict[str, Any]:
    """Write a table for each split; return parameters of ``protein_table``."""
    files = {split: folder / f"{split}.tsv" for split in _SIZES}
    for split, proteins in _splits():
        rows = [_row(one) for one in proteins]
        files[split].write_text("id\tsequence\tss3\tresolved\n" + "".join(rows))
    return {split: str(file) for split, file in files.items()}


def _row(one: Example) -> str:
    cells = (one.id, "".join(one.fields["residues"]), one.fields["structure"])
    return "\t".join((*cells, one.fields["resolved"])) + "\n"


def archive(folder: Path) -> dict[str, Any]:
    """Write an archive; return parameters of ``flip_residues``."""
    texts = {"sequences": "", "sampled": "", "mask": ""}
    for split, proteins in _splits():
        place = f"SET={'test' if split == 'test' else 'train'} VALIDATION={split == 'val'}"
        for one in proteins:
            texts["sequences"] += f">{one.id}\n{''.join(one.fields['residues'])}\n"
            texts["sampled"] += f">{one.id} {place}\n{one.fields['structure']}\n"
            texts["mask"] += f">{one.id}\n{one.fields['resolved']}\n"
    path = folder / "splits.zip"
    with zipfile.ZipFile(path, "w") as files:
        for name, text in texts.items():
            files.writestr(f"splits/{name}.fasta", text)
    return {"archive": str(path)}
