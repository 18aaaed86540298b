"""What checkpoints cost a training: steps with one every 50 steps, against steps without.

``python scripts/bench_parts/checkpoints.py`` prints the row. Each training is a process of its own;
the one without checkpoints inside an epoch still writes one at its end, outside of what is timed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

ROUNDS = 5
STEPS = 400
EVERY = 50

TRAINING = """
import json, sys, tempfile, time
import pytorch_lightning as pl
import seqloom

class Clock(pl.Callback):
    times = []

    def on_train_batch_start(self, *args):
        self.times.append(time.perf_counter())

steps, every = map(int, sys.argv[1:])
module = sys.modules["bench_clock"] = type(sys)("bench_clock")
module.Clock = Clock
words = ["encoder=bilstm", "encoder.hidden_size=128", "callbacks=none", "data.train_size=6400"]
words += ["data.val_size=10", "data.test_size=10", f"trainer.max_steps={steps}", "threads=1"]
words += ["+callbacks.clock._target_=bench_clock.Clock", "trainer=cpu"]
words += [f"save_every={every}"] if every else []
with tempfile.TemporaryDirectory() as folder:
    seqloom.fit(*words, run_dir=f"{folder}/run")
warm = 20
print(json.dumps(Clock.times[-1] - Clock.times[warm]))
"""
"""Prints the seconds of all steps but the first 20."""


def seconds(every: int) -> float:
    """Return the seconds of a training with a checkpoint every so many steps; 0: without."""
    command = [sys.executable, "-W", "ignore", "-c", TRAINING, str(STEPS), str(every)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def measure() -> list[dict[str, Any]]:
    """Compare the fastest of some interleaved trainings."""
    with_them = without = float("inf")
    for _ in range(ROUNDS):
        without = min(without, seconds(0))
        with_them = min(with_them, seconds(EVERY))
    return [
        {
            "id": "checkpoints",
            "what": f"{STEPS} steps ({without:.1f} s) with a checkpoint every {EVERY}, against "
            "without",
            "ratio": with_them / without,
            "target": 1.02,
        }
    ]


if __name__ == "__main__":
    for row in measure():
        print(row)
