"""Time the CRF against pytorch-crf and, where it is installed, Flair: one thread, A B A B.

A run is five calls in a row; times are of the processor, which other programs disturb less.
``python scripts/bench_parts/crf.py`` prints medians and ratios; below 1 is faster than the other.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
import torchcrf
from torch import Tensor

from seqloom_ner.crf import CRF
from seqloom_ner.spans import legal_steps

B, T = 32, 40
ROUNDS, CALLS, WARM_UP = 15, 5, 2
TAGS = (13, 45)
TARGETS = {"pytorch-crf": (0.30, 0.40), "flair": (0.13, 0.10)}
Run = Callable[[], Any]


def _data(size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return emissions, legal tags (no I-), and lengths, all T."""
    torch.manual_seed(0)
    emissions = torch.randn(B, T, size, requires_grad=True)
    tags = torch.randint(0, size // 2 + 1, (B, T)) * 2 - 1
    return emissions, tags.clamp_min(0), torch.full((B,), T)


def _backward(loss: Callable[[], Tensor], emissions: Tensor) -> Run:
    def run() -> None:
        emissions.grad = None
        loss().backward()

    return run


def _ours(size: int) -> tuple[Run, Run]:
    emissions, tags, lengths = _data(size)
    crf = CRF(size, *legal_steps(size))
    loss = _backward(lambda: crf.loss(emissions, tags, lengths).sum(), emissions)
    return loss, lambda: crf.decode(emissions.detach(), lengths)


def _pytorch_crf(size: int) -> tuple[Run, Run]:
    emissions, tags, lengths = _data(size)
    crf = torchcrf.CRF(size, batch_first=True)
    mask = torch.arange(T) < lengths[:, None]
    loss = _backward(lambda: -crf(emissions, tags, mask=mask), emissions)
    return loss, lambda: crf.decode(emissions.detach(), mask=mask)


def _flair(size: int) -> tuple[Run, Run]:
    import flair
    from flair.data import Dictionary
    from flair.models.sequence_tagger_utils import crf as flair_crf
    from flair.models.sequence_tagger_utils.viterbi import ViterbiDecoder, ViterbiLoss

    flair.device = torch.device("cpu")
    names = Dictionary(add_unk=False)
    for name in [*(f"T{n}" for n in range(size - 2)), "<START>", "<STOP>"]:
        names.add_item(name)
    emissions, tags, lengths = _data(size)
    crf, criterion = flair_crf.CRF(names, size, init_from_state_dict=False), ViterbiLoss(names)
    gold = tags.clamp_max(size - 3).flatten()
    loss = _backward(lambda: criterion((crf(emissions), lengths, crf.transitions), gold), emissions)
    decoder = ViterbiDecoder(names)
    sentences = [[None] * T for _ in range(B)]

    def decode() -> None:
        scores = crf(emissions.detach())
        decoder.decode((scores, lengths, crf.transitions.detach()), False, sentences)

    return loss, decode


def interleaved(ours: Run, theirs: Run, rounds: int = ROUNDS) -> tuple[float, float]:
    """Return the median seconds of a call of each of two functions that are run in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + WARM_UP):
        for run, kept in zip((ours, theirs), times, strict=True):
            started = time.process_time()
            for _ in range(CALLS):
                run()
            if turn >= WARM_UP:
                kept.append((time.process_time() - started) / CALLS)
    return statistics.median(times[0]), statistics.median(times[1])


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison: id, what, ratio of our time to theirs, target, seconds."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _compare()
    finally:
        torch.set_num_threads(threads)


def _compare() -> list[dict[str, Any]]:
    others = {"pytorch-crf": _pytorch_crf}
    if find_spec("flair"):
        others["flair"] = _flair
    rows = []
    for name, make in others.items():
        for size in TAGS:
            pairs = zip(("loss", "viterbi"), _ours(size), make(size), TARGETS[name], strict=True)
            for what, ours, theirs, target in pairs:
                seconds = interleaved(ours, theirs)
                rows.append(
                    {
                        "id": f"P9-{name}-{what}-{size}",
                        "what": f"CRF {what} of {size} tags, B={B}, T={T}, against {name}",
                        "ratio": seconds[0] / seconds[1],
                        "target": target if size == TAGS[0] else None,
                        "seconds": seconds,
                    }
                )
    return rows


def main() -> None:
    """Print the comparisons."""
    for row in measure():
        ours, theirs = row["seconds"]
        aim = f"target <= {row['target']:.2f}" if row["target"] else "no target"
        print(
            f"{row['what']:60} {1e3 * ours:8.2f} ms against {1e3 * theirs:8.2f} ms: "
            f"ratio {row['ratio']:.3f} ({aim})"
        )


if __name__ == "__main__":
    main()
