"""Small data for the conformance checks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.interfaces import Example

LETTERS = "ab"


def examples(lengths: Sequence[int], rng: np.random.Generator) -> list[Example]:
    """Return texts of these lengths in two letters, with one or two translations each."""
    found = []
    for number, length in enumerate(lengths):
        texts = ["".join(rng.choice(list(LETTERS), size=length)) for _ in range(1 + number % 2)]
        fields = {"text": "x" * length, "translation": texts}
        found.append(Example(f"example-{number}", fields))
    return found


def lingo(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=lingo``: a few sentences."""
    return {"train_size": 8, "val_size": 4, "test_size": 4}
