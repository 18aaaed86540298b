"""Small data for the conformance checks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.interfaces import Example
from seqloom_translation.schemas import Unit

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


def candidates(example: Example, params: Mapping[str, Any]) -> Iterator[Example]:
    """Yield a sample with each translation that it could have; none if a search may miss the best.

    A search is exact if it ranks by the probability alone, and keeps as many hypotheses as there
    are texts: of few characters, and not of subwords, which can be any byte.
    """
    steps = len(example.fields["text"])
    longest = math.ceil(params["max_ratio"] * steps) + params["max_extra"]
    changed = [params[name] for name in ("length_penalty", "coverage_penalty", "no_repeat")]
    many = params["beam"] < len(LETTERS) ** (longest + 1)
    if params["unit"] != Unit.character or any(changed) or many:
        return
    for length in range(longest + 1):
        for letters in itertools.product(LETTERS, repeat=length):
            fields = {**example.fields, params["field"]: "".join(letters)}
            yield replace(example, fields=fields)
