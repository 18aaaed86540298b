"""How the batches of an epoch scale: their plan over the number of examples, for 1,024 ranks.

``python scripts/bench_parts/ranks.py`` prints the rows, with the seconds and the memory of a rank.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from _timing import Settings

RANKS = 1024
HERE = Path(__file__).parent
SIZES = (1_000_000, 10_000_000)
ROUNDS = 3

PLAN = """
import sys, time
import numpy as np
from _memory import peak_memory
from seqloom.data.sampler import BatchSampler

examples, ranks = int(sys.argv[1]), int(sys.argv[2])
costs = np.clip(np.random.default_rng(0).lognormal(3, 0.6, examples), 1, 400).astype(np.int64)
before = peak_memory()
start = time.process_time()
sampler = BatchSampler(
    costs, max_examples=64, max_cost=8192, shuffle=True, seed=0, rank=ranks - 1, world_size=ranks
)
planned = time.process_time()
sampler.set_epoch(1)
next(iter(sampler))
shuffled = time.process_time()
memory = peak_memory() - before
print(planned - start, shuffled - planned, memory / 1024)
"""
"""Seconds of the plan, seconds of an epoch's shuffle, MiB that both need beside the costs."""


def planned(examples: int) -> tuple[float, ...]:
    """Return what one rank spends on a data set of this size, in a process of its own."""
    command = [sys.executable, "-c", PLAN, str(examples), str(RANKS)]
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return tuple(map(float, done.stdout.split()))


def measure() -> list[dict[str, Any]]:
    """Compare the larger size with the smaller one; the factor between them is taken out."""
    best = {size: [float("inf")] * 3 for size in SIZES}
    for _ in range(1 if Settings.quick else ROUNDS):
        for size in SIZES:
            best[size] = [min(pair) for pair in zip(best[size], planned(size), strict=True)]
    small, large = SIZES
    factor = large / small
    rows = []
    for index, (name, what) in enumerate(
        {
            "plan": "time to plan",
            "epoch": "time to shuffle",
            "memory": "memory to plan and shuffle",
        }.items()
    ):
        unit = "MiB" if name == "memory" else "s"
        rows.append(
            {
                "id": f"ranks-{name}",
                "what": f"{what}, {large:,} examples for {RANKS:,} ranks "
                f"({best[large][index]:.1f} {unit} per rank), against {factor:g} x {small:,}",
                "ratio": best[large][index] / best[small][index] / factor,
                "target": 2.0,  # sorting takes n log n, and ten million keys leave the caches
            }
        )
    return rows


if __name__ == "__main__":
    for row in measure():
        print(row)
