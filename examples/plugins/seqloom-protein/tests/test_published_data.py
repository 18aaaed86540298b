"""The published data set, where it is at hand: SEQLOOM_DATA names the folder that has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seqloom_protein.flip import FlipReader

pytestmark = pytest.mark.skipif(
    "SEQLOOM_DATA" not in os.environ, reason="SEQLOOM_DATA is not set, so there is no data"
)
SIZES = {
    "train": (9712, 2479773, 2319963),
    "val": (1080, 280780, 262853),
    "test": (364, 84541, 75402),
}


@pytest.mark.parametrize("split", SIZES)
def test_sizes(split: str) -> None:
    """Proteins, residues and resolved residues, as the publishers count them."""
    archive = Path(os.environ["SEQLOOM_DATA"], "protein_ss3/original/splits.zip")
    found = [one.fields for one in FlipReader(archive=str(archive)).examples(split)]
    residues = sum(len(fields["residues"]) for fields in found)
    resolved = sum(fields["resolved"].count("1") for fields in found)
    assert (len(found), residues, resolved) == SIZES[split]
    assert set("".join(fields["structure"] for fields in found)) == set("HEC")
