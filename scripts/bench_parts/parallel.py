"""Time a BiLSTM whose directions are computed side by side on two threads (P6): A B A B.

``python scripts/bench_parts/parallel.py`` prints the rows; two cores must be free. In the rows
``busy`` another process keeps one of them busy. The other side is an LSTM of the same size on one
thread, or the same layer on one thread, or a direction at a time with both threads in each kernel.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch

from _timing import Run, interleaved, rounds, row, skipped
from seqloom.cores import available_cores
from seqloom.interfaces import Features
from seqloom.nn import side_by_side
from seqloom.nn.companion import single_thread
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


def against_one_direction(rows: int, steps: int, size: int, *, training: bool) -> dict[str, Any]:
    """Compare a BiLSTM on two threads with an LSTM on one."""
    two, one = (
        Case(kind(size, hidden_size=size), rows, steps, size, training=training)
        for kind in (BiLSTM, LSTM)
    )
    runs = with_threads(two, 2), with_threads(one, 1)
    times = interleaved(*runs, rounds=rounds(TURNS), warm_up=2, clock=CLOCK)
    does = "training" if training else "inference"
    what = f"BiLSTM {size} on two threads against LSTM {size} on one, {does}, B={rows}, T={steps}"
    return row(f"P6-parallel-{rows}-{steps}-{size}-{does}", what, *times, 1.15)


def against_itself(rows: int, steps: int, size: int, *, busy: bool) -> list[dict[str, Any]]:
    """Compare a BiLSTM, side by side, with itself on one thread and with a direction at a time."""
    case = Case(BiLSTM(size, hidden_size=size), rows, steps, size, training=True)
    runs = with_threads(case, 2), with_threads(case, 1), with_threads(case, 2, in_turn=True)
    with busy_core() if busy else nullcontext():
        times = interleaved(*runs, rounds=rounds(TURNS), warm_up=2, clock=CLOCK)
    key, where = ("P6-parallel-busy", ", next to a busy process") if busy else ("P6-parallel", "")
    what = f"BiLSTM {size} on two threads, training, B={rows}, T={steps}{where}"
    return [
        row(f"{key}-one", f"{what}, against one thread", times[0], times[1], None),
        row(f"{key}-turn", f"{what}, against one direction at a time", times[0], times[2], None),
    ]


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison."""
    if len(available_cores()) < 2:
        what = "BiLSTM on two threads, against LSTM on one"
        return [skipped("P6-parallel", what, 1.15, "this machine has one core")]
    torch.manual_seed(0)
    with single_thread():
        return [
            *(
                against_one_direction(*size, training=training)
                for size in SIZES
                for training in (True, False)
            ),
            *against_itself(*SIZES[1], busy=False),
            *against_itself(*SIZES[1], busy=True),
        ]


if __name__ == "__main__":
    for one in measure():
        print(one)
