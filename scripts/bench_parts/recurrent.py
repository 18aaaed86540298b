"""Time a BiLSTM layer against packed torch (P5) and against an LSTM (P6): one thread, A B A B.

``python scripts/bench_parts/recurrent.py`` prints medians and ratios. Training: forward, backward.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqloom.interfaces import Features
from seqloom_recurrent.encoders import LSTM, BiLSTM, Recurrent

B = 32
SIGMA = 0.6  # of the log-normal lengths
BATCHES = {25: 4, 128: 2}  # of ragged lengths by their mean, drawn once, the same for both
Run = Callable[[], Any]


def lengths(mean: int, generator: torch.Generator) -> Tensor:
    """Return (B,) log-normal lengths with about this mean."""
    drawn = torch.empty(B).log_normal_(-SIGMA * SIGMA / 2, SIGMA, generator=generator)
    return (drawn * mean).round().long().clamp_min(1)


def ragged(mean: int, size: int) -> list[Features]:
    """Return batches with log-normal lengths, as an unsorted data set gives them."""
    generator = torch.Generator().manual_seed(0)
    batches = []
    for _ in range(BATCHES[mean]):
        of = lengths(mean, generator)
        values = torch.randn(B, int(of.max()), size, generator=generator)
        batches.append(Features(values.requires_grad_(), of))
    return batches


def encoder_step(encoder: Recurrent, batches: list[Features]) -> Run:
    """Return a function that trains the encoder on all batches."""

    def run() -> None:
        for features in batches:
            torch.autograd.backward(encoder(features).states.sum())

    return run


def packed_step(layer: nn.LSTM, batches: list[Features]) -> Run:
    """Return a function that trains torch's layer on all batches, packed."""

    def run() -> None:
        for of in batches:
            packed = pack_padded_sequence(
                of.values, of.lengths, batch_first=True, enforce_sorted=False
            )
            outputs, _ = pad_packed_sequence(layer(packed)[0], batch_first=True)
            torch.autograd.backward(outputs.sum())

    return run


def interleaved(ours: Run, theirs: Run, rounds: int) -> tuple[float, float]:
    """Return the median seconds of each of two functions that are run in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        for run, kept in zip((ours, theirs), times, strict=True):
            started = time.perf_counter()
            run()
            if turn:
                kept.append(time.perf_counter() - started)
    return statistics.median(times[0]), statistics.median(times[1])


def row(key: str, what: str, target: float, seconds: tuple[float, float]) -> dict[str, Any]:
    """Return one comparison."""
    ratio = seconds[0] / seconds[1]
    return {"id": key, "what": what, "ratio": ratio, "target": target, "seconds": seconds}


def against_packed(mean: int, size: int, rounds: int, target: float) -> dict[str, Any]:
    """Compare a BiLSTM layer with a packed nn.LSTM on ragged batches."""
    batches = ragged(mean, size)
    stock = nn.LSTM(size, size, batch_first=True, bidirectional=True)
    ours = encoder_step(BiLSTM(size, hidden_size=size), batches)
    seconds = interleaved(ours, packed_step(stock, batches), rounds)
    what = f"BiLSTM {size}, training, ragged, mean T {mean}, against packed nn.LSTM"
    return row(f"P5-{mean}-{size}", what, target, seconds)


def against_one_direction(steps: int, size: int) -> dict[str, Any]:
    """Compare a BiLSTM layer with an LSTM layer, without padding."""
    features = [Features(torch.randn(B, steps, size), torch.full((B,), steps))]
    two = encoder_step(BiLSTM(size, hidden_size=size), features)
    one = encoder_step(LSTM(size, hidden_size=size), features)
    what = f"BiLSTM {size} against LSTM {size}, training, B={B}, T={steps}"
    seconds = interleaved(two, one, 21 if size * steps > 30_000 else 41)
    return row(f"P6-{steps}-{size}", what, 2.1, seconds)


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison: id, what, ratio of our time to theirs, target, seconds."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return [
        *(against_packed(25, size, 9, 0.55) for size in (64, 256)),
        *(against_packed(128, size, 5, 0.25) for size in (64, 256)),
        *(against_one_direction(steps, size) for steps in (32, 128) for size in (64, 256)),
    ]


def main() -> None:
    """Print the comparisons."""
    for made in measure():
        ours, theirs = (1e3 * seconds for seconds in made["seconds"])
        print(
            f"{made['id']:12} {made['what']:66} {ours:8.2f} ms {theirs:8.2f} ms "
            f"{made['ratio']:.3f} (target {made['target']})"
        )


if __name__ == "__main__":
    main()
