"""Time a BiLSTM layer against packed torch (P5) and against an LSTM (P6): one thread, A B A B.

``python scripts/bench_parts/recurrent.py`` prints the rows. Training: forward, backward.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from _timing import Run, interleaved, rounds, row
from seqloom.interfaces import Features
from seqloom.nn.companion import single_thread
from seqloom_recurrent.encoders import LSTM, BiLSTM, Recurrent

CLOCK = time.perf_counter
B = 32
SIGMA = 0.6  # of the log-normal lengths
BATCHES = {25: 4, 128: 2}  # of ragged lengths by their mean, drawn once, the same for both


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


def against_packed(mean: int, size: int, turns: int, target: float) -> dict[str, Any]:
    """Compare a BiLSTM layer with a packed nn.LSTM on ragged batches."""
    batches = ragged(mean, size)
    stock = nn.LSTM(size, size, batch_first=True, bidirectional=True)
    ours = encoder_step(BiLSTM(size, hidden_size=size), batches)
    what = f"BiLSTM {size}, training, ragged, mean T {mean}, against packed nn.LSTM"
    times = interleaved(ours, packed_step(stock, batches), rounds=rounds(turns), clock=CLOCK)
    return row(f"P5-{mean}-{size}", what, *times, target)


def against_one_direction(steps: int, size: int) -> dict[str, Any]:
    """Compare a BiLSTM layer with an LSTM layer, without padding."""
    features = [Features(torch.randn(B, steps, size), torch.full((B,), steps))]
    two = encoder_step(BiLSTM(size, hidden_size=size), features)
    one = encoder_step(LSTM(size, hidden_size=size), features)
    what = f"BiLSTM {size} against LSTM {size}, training, B={B}, T={steps}"
    turns = rounds(21 if size * steps > 30_000 else 41)
    times = interleaved(two, one, rounds=turns, clock=CLOCK)
    return row(f"P6-{steps}-{size}", what, *times, 2.1)


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison."""
    torch.manual_seed(0)
    with single_thread():
        return [
            *(against_packed(25, size, 9, 0.55) for size in (64, 256)),
            *(against_packed(128, size, 5, 0.25) for size in (64, 256)),
            *(against_one_direction(steps, size) for steps in (32, 128) for size in (64, 256)),
        ]


if __name__ == "__main__":
    for one in measure():
        print(one)
