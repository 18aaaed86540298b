"""Time a BiLSTM whose directions are computed side by side on two threads (P6): A B A B.

``python scripts/bench_parts/parallel.py`` prints the rows. Each takes the time of a layer on two
free cores as a share of that of an LSTM of its size on one, or of the same layer computed in
another way. The rows ``busy`` are measured while another process keeps one core busy.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch

from _timing import Run, interleaved, one_thread, rounds, row, skipped
from seqloom.interfaces import Features
from seqloom.nn import side_by_side
from seqloom.nn.companion import cores
from seqloom_recurrent.encoders import LSTM, BiLSTM, Recurrent

CLOCK = time.perf_counter
TURNS = 31
SIZES = ((32, 32, 64), (32, 32, 256), (32, 128, 64), (32, 128, 256), (1, 25, 256))
"""B, T and H, the units of a direction and the size of the input."""


class Case:
    """An encoder that reads one batch of full length.

    Args:
        encoder: Encoder to time.
        rows: B.
        steps: T.
        size: D.
        training: Whether to go backward too.
    """

    def __init__(
        self, encoder: Recurrent, rows: int, steps: int, size: int, *, training: bool
    ) -> None:
        self.encoder = encoder.train(training)
        self.features = Features(torch.randn(rows, steps, size), torch.full((rows,), steps))
        self.training = training

    def __call__(self) -> None:
        """Read the batch."""
        with torch.set_grad_enabled(self.training):
            states = self.encoder(self.features).states
            if self.training:
                torch.autograd.backward(states.sum())


def with_threads(case: Case, count: int, *, in_turn: bool = False) -> Run:
    """Return a function that reads on some threads, side by side if they are two.

    Args:
        case: What to run.
        count: Number of threads.
        in_turn: Whether to compute one direction after the other, on all threads each.
    """

    def run() -> None:
        torch.set_num_threads(count)
        worth = sys.maxsize if in_turn else side_by_side._WORTH
        with patch.object(side_by_side, "_WORTH", worth):
            case()

    return run


@contextmanager
def busy_core() -> Iterator[None]:
    """Keep one core busy in the block."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def compared(rows: int, steps: int, size: int, *, training: bool) -> list[dict[str, Any]]:
    """Return the rows of one size."""
    two, one = (
        Case(kind(size, hidden_size=size), rows, steps, size, training=training)
        for kind in (BiLSTM, LSTM)
    )
    does = "training" if training else "inference"
    key = f"{rows}-{steps}-{size}-{does}"
    sizes = f"{does}, B={rows}, T={steps}"
    beside = with_threads(two, 2)
    runs = beside, with_threads(one, 1), with_threads(two, 1), with_threads(two, 2, in_turn=True)
    times = interleaved(*runs, rounds=rounds(TURNS), warm_up=2, clock=CLOCK)
    bilstm = f"BiLSTM {size} on two threads, {sizes}"
    found = [
        row(f"P6-parallel-{key}", f"{bilstm}, against LSTM {size} on one", *times[:2], 1.15),
        row(f"P6-parallel-one-{key}", f"{bilstm}, against one", times[0], times[2], None),
        row(f"P6-parallel-turn-{key}", f"{bilstm}, against in turn", times[0], times[3], None),
    ]
    with busy_core():
        times = interleaved(*runs, rounds=rounds(TURNS), warm_up=2, clock=CLOCK)
    what = f"{bilstm}, beside a busy process"
    return [
        *found,
        row(f"P6-parallel-busy-one-{key}", f"{what}, against one", times[0], times[2], None),
        row(f"P6-parallel-busy-turn-{key}", f"{what}, against in turn", times[0], times[3], None),
    ]


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison."""
    if cores() < 2:
        what = "BiLSTM on two threads, against LSTM on one"
        return [skipped("P6-parallel", what, 1.15, "this machine has one core")]
    torch.manual_seed(0)
    with one_thread():
        return [
            found
            for size in SIZES
            for training in (True, False)
            for found in compared(*size, training=training)
        ]


if __name__ == "__main__":
    for one in measure():
        print(one)
