"""Time of a training step of each encoder, with its default parameters, against `lstm`.

32 sequences of T steps without padding, D = H = 128, one thread. Processor time, so that waiting
for a core does not count; the encoders take turns, so that other load slows all of them alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from encoder_cards.components import ENCODERS, build

from seqloom.interfaces import Features

STEPS = (32, 128)
ROUNDS = 9
SIZE = 128
BATCH = 32


def measure() -> dict[str, Any]:
    """Return the time of each encoder as a multiple of `lstm`'s, by number of steps."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    times = {str(steps): medians(steps) for steps in STEPS}
    ratios = {
        name: {steps: found[name] / found["lstm"] for steps, found in times.items()}
        for name in ENCODERS
    }
    said = ", ".join(f"{name} {by['128']:.2f}" for name, by in ratios.items())
    title = f"Time against lstm: {said}"
    axis = {"label": "time of a training step, lstm = 1; dot: 128 steps, line: from 32 steps"}
    rows = [
        {"name": name, "value": by["128"], "low": min(by.values()), "high": max(by.values())}
        for name, by in ratios.items()
    ]
    return {"drawing": "dots", "title": title, "x": axis, "rows": rows, "ratios": ratios}


def medians(steps: int) -> dict[str, float]:
    """Return the median seconds of a training step of each encoder."""
    given = Features(torch.randn(BATCH, steps, SIZE), torch.full((BATCH,), steps))

    def step(name: str) -> Callable[[], None]:
        encoder = build(name, SIZE)
        return lambda: torch.autograd.backward(encoder(given).states.sum())

    runs = {name: step(name) for name in ENCODERS}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(ROUNDS + 1):
        for name, run in runs.items():
            started = time.process_time()
            run()
            if turn:  # the first round is a warm-up
                seconds[name].append(time.process_time() - started)
    return {name: statistics.median(each) for name, each in seconds.items()}
