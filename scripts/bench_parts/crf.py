"""Time the CRF against pytorch-crf, and Flair in an environment of its own: one thread, A B A B.

A run is five calls in a row; times are of the processor, which other programs disturb less.
``python scripts/bench_parts/crf.py`` prints the rows; ratios below 1 are faster than the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torchcrf

from _peers import FLAIR_CRF
from _timing import Run, interleaved, rounds, row, skipped
from baselines.crf_data import B, T, backward, crf_data
from seqloom.nn.companion import single_thread
from seqloom_ner.crf import CRF
from seqloom_ner.spans import legal_steps

ROUNDS, CALLS, WARM_UP = 15, 5, 2
WHAT = ("loss", "viterbi")
TAGS = (13, 45)
TARGETS = {"pytorch-crf": (0.30, 0.40), "flair": (0.13, 0.10)}


def _ours(size: int, ragged: bool) -> tuple[Run, Run]:
    emissions, tags, lengths = crf_data(size, ragged)
    crf = CRF(size, *legal_steps(size))
    loss = backward(lambda: crf.loss(emissions, tags, lengths).sum(), emissions)
    return loss, lambda: crf.decode(emissions.detach(), lengths)


def _pytorch_crf(size: int, ragged: bool) -> tuple[Run, Run]:
    emissions, tags, lengths = crf_data(size, ragged)
    crf = torchcrf.CRF(size, batch_first=True)
    mask = torch.arange(T) < lengths[:, None]
    loss = backward(lambda: -crf(emissions, tags, mask=mask), emissions)
    return loss, lambda: crf.decode(emissions.detach(), mask=mask)


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison, on full and on ragged batches."""
    with single_thread():
        return [
            one
            for compare in (_with_pytorch_crf, _with_flair)
            for size in TAGS
            for ragged in (False, True)
            for one in compare(size, ragged)
        ]


def _named(name: str, size: int, ragged: bool) -> list[tuple[str, str, float | None]]:
    """Return the ids, descriptions and targets of two rows; P9 asks for one size, full."""
    shape = f"{size} tags, B={B}, T={'ragged, mean about 18' if ragged else T}"
    targets = TARGETS[name] if size == TAGS[0] and not ragged else (None, None)
    keys = [f"P9-{name}-{what}-{size}{'-ragged' * ragged}" for what in WHAT]
    told = [f"CRF {what} of {shape}, against {name}" for what in WHAT]
    return list(zip(keys, told, targets, strict=True))


def _with_pytorch_crf(size: int, ragged: bool) -> Iterator[dict[str, Any]]:
    sides = zip(_ours(size, ragged), _pytorch_crf(size, ragged), strict=True)
    named = _named("pytorch-crf", size, ragged)
    for runs, (key, what, target) in zip(sides, named, strict=True):
        times = interleaved(*runs, rounds=rounds(ROUNDS), warm_up=WARM_UP, calls=CALLS)
        yield row(key, what, *times, target)


def _with_flair(size: int, ragged: bool) -> Iterator[dict[str, Any]]:
    named = _named("flair", size, ragged)
    for number, (key, what, target) in enumerate(named):
        peer, reason = FLAIR_CRF.opened(WHAT[number], str(size), str(int(ragged)), str(CALLS))
        if peer is None:
            yield skipped(key, what, target, reason)
            continue
        run, mine, theirs = _ours(size, ragged)[number], [], []
        with peer:
            for _ in range(rounds(ROUNDS) + WARM_UP):
                (one,) = interleaved(run, rounds=1, warm_up=0, calls=CALLS)
                mine += one
                theirs.append(peer.step()[1] / CALLS)
        yield row(key, what, mine[WARM_UP:], theirs[WARM_UP:], target)


if __name__ == "__main__":
    for one in measure():
        print(one)
