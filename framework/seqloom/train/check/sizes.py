"""Numbers of examples, their lengths, their classes, and the padding of their batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.config.run_config import RunConfig
from seqloom.data.encoded import EncodedSplit
from seqloom.errors import plural
from seqloom.interfaces import HeadCodec
from seqloom.train.check.finding import Finding, place
from seqloom.train.data import RunData, sampler

MOST_CLASSES = 1000
"""Number of different targets up to which they are taken for classes."""

FULL = 0.8
"""Share of a batch below which padding is worth a word."""

MANY = 10
"""Number of batches from which on their padding can be told from chance."""


def sizes(cfg: RunConfig, data: RunData) -> dict[str, Any]:
    """Return the numbers of the data by split, in plain types."""
    found: dict[str, Any] = {}
    for split, encoded in data.splits.items():
        found[split] = {"examples": len(encoded), "skipped": len(data.skipped.get(split, []))}
        if len(encoded):
            low, middle, high, top = np.quantile(encoded.steps, [0, 0.5, 0.95, 1]).tolist()
            longest = encoded[int(encoded.steps.argmax())].example
            found[split]["steps"] = {
                "shortest": int(low),
                "median": int(middle),
                "95%": int(high),
                "longest": int(top),
                "longest_at": place(longest),
            }
    batches = sampler(data.splits["train"], cfg.batch, training=True)
    found["batches"] = {"in_an_epoch": len(batches), "fill": round(batches.fill(), 4)}
    return found


def padding(found: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding if much of the batches is padding.

    Args:
        found: Result of `sizes`.
    """
    fill, batches = found["batches"]["fill"], found["batches"]["in_an_epoch"]
    if fill < FULL and batches >= MANY:
        yield Finding(
            "padding",
            error=False,
            text=f"Only {fill:.0%} of the training batches is data: padding wastes {1 - fill:.0%} "
            "of the time. Use smaller batches (batch.max_examples), or limit them by size "
            "(batch.max_cost).",
        )


def classes(data: RunData) -> tuple[dict[str, dict[str, int]], dict[str, str], list[Finding]]:
    """Return the number of examples of each class by split, and what is odd about them.

    Targets are taken for classes if there are at most a thousand different ones, and on average
    at least two training examples of each.

    Returns:
        The numbers; the place of the first training example of each class; what is odd.
    """
    counts: dict[str, Counter[str]] = {}
    first: dict[str, str] = {}
    for codec in data.codecs.heads.values():
        for split, encoded in data.splits.items():
            counts[split] = _count(codec, encoded, first if split == "train" else {})
    most = min(MOST_CLASSES, max(2, counts["train"].total() // 2)) if counts else 0
    if len(set().union(*counts.values())) > most:
        return {}, first, []
    train, found = counts["train"], []
    single = [name for name, count in train.items() if count == 1]
    if single and len(train) > 1:
        found.append(
            Finding(
                "rare",
                error=False,
                text=f"{len(single)} of {len(train)} classes "
                f"{plural(len(single), 'has', 'have')} a single training example: "
                f"{_listed(single)}. A model can hardly learn them.",
                places=[f"{first[name]}: {name!r}" for name in single],
            )
        )
    for split, seen in counts.items():
        missing = [name for name in train if name not in seen]
        if split != "train" and seen and missing:
            found.append(
                Finding(
                    "missing",
                    error=False,
                    text=f"{len(missing)} of {len(train)} {plural(len(train), 'class', 'classes')} "
                    f"{plural(len(missing), 'does', 'do')} not occur in {split}: "
                    f"{_listed(missing)}. The scores do not show how well they are predicted.",
                )
            )
    return {split: dict(one.most_common()) for split, one in counts.items()}, first, found


def _count(codec: HeadCodec, encoded: EncodedSplit, first: dict[str, str]) -> Counter[str]:
    """Return how many examples have each class, or each type of span; note the first of each."""
    found: Counter[str] = Counter()
    for one in encoded:
        target = dict.fromkeys(codec.target(one.example) or [])
        if codec.row_per_token:
            target = dict.fromkeys(tag.partition("-")[2] for tag in target if "-" in tag)
        for name in target:
            if name not in found:
                first[name] = place(one.example)
        found.update([*target])
        if len(found) > MOST_CLASSES:
            break
    return found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:10])
    return f"{shown}, …" if len(names) > 10 else shown
