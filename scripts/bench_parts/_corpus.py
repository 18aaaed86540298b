"""Sentences for the benchmark: words by Zipf's law, 13 tags, log-normal lengths."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TYPES = ("PER", "ORG", "LOC", "DRUG", "TIME", "SUM")
VOCABULARY = 5000
REAL_SIGMA = 0.3
"""Spread of log-normal lengths whose random batches are as full as those of real sentences."""


def lengths(count: int, mean: float, sigma: float, seed: int = 0) -> list[int]:
    """Return log-normal lengths with about this mean, at least 1."""
    rng = np.random.default_rng(seed)
    drawn = rng.lognormal(np.log(mean) - sigma * sigma / 2, sigma, count)
    return [max(1, round(one)) for one in drawn.tolist()]


def sentences(
    count: int, mean: float = 18, sigma: float = REAL_SIGMA, seed: int = 0
) -> list[list[tuple[str, str]]]:
    """Return sentences of pairs of a word and its tag, O or that of an entity of one token."""
    rng = np.random.default_rng(seed)
    found = []
    for length in lengths(count, mean, sigma, seed):
        words = np.minimum(rng.zipf(1.3, length), VOCABULARY).tolist()
        kinds = rng.integers(0, 8 * len(TYPES), length).tolist()
        tags = [f"B-{TYPES[kind]}" if kind < len(TYPES) else "O" for kind in kinds]
        found.append([(f"w{word}", tag) for word, tag in zip(words, tags, strict=True)])
    # All 13 tags, so that both sides have as many.
    found[0] = [("w1", f"{mark}-{kind}") for kind in TYPES for mark in "BI"]
    return found


def write(path: Path, found: list[list[tuple[str, str]]]) -> Path:
    """Write sentences as CoNLL."""
    lines = ["".join(f"{word} {tag}\n" for word, tag in one) for one in found]
    path.write_text("\n".join(lines), "utf-8")
    return path
