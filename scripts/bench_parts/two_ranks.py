"""What a step costs on two ranks, and the question in each step whether a signal came.

``python scripts/bench_parts/two_ranks.py`` prints the rows. Each rank has as many examples in a
step as the process that is alone, so that what is left of a ratio of 1 is what they exchange. It
needs two idle cores.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean, median
from typing import Any

from _timing import Settings

HERE = Path(__file__).parent
ROUNDS = 3
STEPS = 200
WARM = 20
WORDS = (
    "encoder=bilstm",
    "encoder.hidden_size=128",
    "callbacks=none",
    "batch.max_examples=32",
    "data.train_size=12800",
    "data.val_size=10",
    "data.test_size=10",
    f"trainer.max_steps={STEPS}",
    "trainer=cpu",
    "threads=1",
)


def step(ranks: int) -> tuple[float, float]:
    """Return the seconds of a step on so many ranks, the median, and those of its question."""
    with tempfile.TemporaryDirectory() as folder:
        clock = f"+callbacks.clock={{_target_: _step_clock.StepClock, out: '{folder}'}}"
        words = [*WORDS, clock, f"trainer.devices={ranks}", f"run_dir={folder}/run"]
        command = [sys.executable, "-W", "ignore", "-m", "seqloom", "train", *words]
        environment = os.environ | {"PYTHONPATH": str(HERE)}
        subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        starts, asked = json.loads((Path(folder) / "0.json").read_text(encoding="utf-8"))
    pairs = zip(starts[WARM:], starts[WARM + 1 :], strict=False)
    return median(after - before for before, after in pairs), mean(asked[WARM:])


def measure() -> list[dict[str, Any]]:
    """Compare the fastest of some interleaved trainings."""
    alone = together = (float("inf"), float("inf"))
    for _ in range(1 if Settings.quick else ROUNDS):
        alone, together = min(alone, step(1)), min(together, step(2))
    both = f"a step of two ranks ({together[0] * 1e3:.1f} ms)"
    rows = {
        "ranks-step": (
            f"{both}, each with as many examples as a single process, against it",
            together[0] / alone[0],
            None,
        ),
        "flag": (
            "a step with the check for a signal, against one without",
            1 + alone[1] / alone[0],
            1.02,
        ),
        "flag-ranks": (
            "a step of two ranks with the check for a signal, against one without",
            1 + together[1] / together[0],
            1.02,
        ),
    }
    return [
        {"id": name, "what": what, "ratio": ratio, "target": target}
        for name, (what, ratio, target) in rows.items()
    ]


if __name__ == "__main__":
    for row in measure():
        print(row)
