"""What checkpoints cost a training with one every 50 steps.

``python scripts/bench_parts/checkpoints.py`` prints the rows. One compares the seconds of steps
with those of a training without checkpoints inside an epoch, which tells little on a busy machine.
The others compare seconds of CPU inside one training: those of the saves with those of the steps.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from _timing import Settings

ROUNDS = 3
STEPS = 400
EVERY = 50

TRAINING = """
import json, sys, tempfile, time
import pytorch_lightning as pl
import seqloom
from seqloom.train.checkpoints import writer
from seqloom.train.checkpoints.callbacks import LastCheckpoint

class Clock(pl.Callback):
    times = []

    def on_train_batch_start(self, *args):
        self.times.append((time.perf_counter(), time.thread_time()))

def timed(function, seconds):
    def call(*args, **named):
        start = time.thread_time()
        function(*args, **named)
        seconds.append(time.thread_time() - start)
    return call

steps, every = map(int, sys.argv[1:])
module = sys.modules["bench_clock"] = type(sys)("bench_clock")
module.Clock = Clock
saves, writes = [], []
LastCheckpoint.save = timed(LastCheckpoint.save, saves)
writer.write_checkpoint = timed(writer.write_checkpoint, writes)
words = ["encoder=bilstm", "encoder.hidden_size=128", "callbacks=none", "data.train_size=6400"]
words += ["data.val_size=10", "data.test_size=10", f"trainer.max_steps={steps}", "threads=1"]
words += ["+callbacks.clock._target_=bench_clock.Clock", "trainer=cpu"]
words += [f"save_every={every}"] if every else []
with tempfile.TemporaryDirectory() as folder:
    seqloom.fit(*words, run_dir=f"{folder}/run")
warm = 20
seconds, cpu = (last - first for first, last in zip(Clock.times[warm], Clock.times[-1]))
inside = steps // every - 1 if every else 0  # the save of the last step is not timed
spent = sum(saves[:inside])
print(json.dumps([seconds, cpu - spent, spent, sum(writes[:inside])]))
"""
"""Prints the seconds of all steps but the first 20, and seconds of CPU: steps, saves, writes."""


def seconds(every: int) -> list[float]:
    """Return what a training with a checkpoint every so many steps prints; 0: without."""
    command = [sys.executable, "-W", "ignore", "-c", TRAINING, str(STEPS), str(every)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure() -> list[dict[str, Any]]:
    """Compare the fastest of some interleaved trainings, and the least CPU of each part."""
    with_them, without = [float("inf")] * 4, float("inf")
    for _ in range(1 if Settings.quick else ROUNDS):
        without = min(without, seconds(0)[0])
        with_them = [min(pair) for pair in zip(with_them, seconds(EVERY), strict=True)]
    wall, steps, saves, writes = with_them
    every = f"a checkpoint every {EVERY} steps"
    cpu = f"{every}, {steps / STEPS * 1e3:.1f} ms of CPU per step"
    rows = {
        "checkpoints": (
            f"{every}, {STEPS} steps ({without:.1f} s), against none",
            wall / without,
        ),
        "checkpoints-thread": (f"{cpu}: the training thread alone", 1 + saves / steps),
        "checkpoints-core": (
            f"{cpu}: training and writing thread on one core",
            1 + (saves + writes) / steps,
        ),
    }
    return [
        {"id": name, "what": what, "ratio": ratio, "target": 1.02}
        for name, (what, ratio) in rows.items()
    ]


if __name__ == "__main__":
    for row in measure():
        print(row)
