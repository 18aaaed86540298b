"""The peak of the memory of whole processes: a training and a prediction, against loops by hand.

``P13``: each side is a program of its own that imports what it needs, reads the same sentences, and
takes 60 steps of training, or predicts their tags once, on one thread.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _corpus import sentences, write

HERE = Path(__file__).parent
COUNT = 3000
TARGETS = {"train": ("training", 1.6), "predict": ("inference", 1.1)}

OURS = """
import sys, tempfile
from pathlib import Path
from _memory import peak_memory
what, file = sys.argv[1:]
if what == "train":
    import seqloom
    from training import WORDS
    with tempfile.TemporaryDirectory() as folder:
        words = [*WORDS, f"data.train={file}", "trainer.max_steps=60", "threads=1"]
        seqloom.fit(*words, run_dir=f"{folder}/run")
else:
    import torch
    import seqloom
    from baselines.tagger import read
    torch.set_num_threads(1)
    pipeline = seqloom.load(Path(file).with_name("bundle"))
    pipeline([[word for word, _ in one] for one in read(Path(file))], scores=False)
print(peak_memory())
"""

BUNDLE = """
import sys, tempfile
from pathlib import Path
import seqloom
from training import WORDS
file = sys.argv[1]
with tempfile.TemporaryDirectory() as folder:
    words = [*WORDS, f"data.train={file}", "trainer.max_steps=2", "threads=1"]
    seqloom.fit(*words, run_dir=f"{folder}/run")
    (Path(folder) / "run" / "bundle").rename(Path(file).with_name("bundle"))
"""


def peak(*command: str) -> int:
    """Return the KiB that a program prints in its last line."""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *command],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    lines = done.stdout.split()
    return int(lines[-1]) if lines else 0


def measure() -> list[dict[str, Any]]:
    """Return a row for training, and one for inference."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        file = str(write(Path(place) / "train.conll", sentences(COUNT)))
        peak("-c", BUNDLE, file)
        for what, (name, target) in TARGETS.items():
            ours = peak("-c", OURS, what, file)
            theirs = peak("-m", "baselines.tagger", what, file)
            told = f"peak memory of {name}, {ours / 1024:.0f} MiB against {theirs / 1024:.0f}"
            rows.append(
                {"id": f"P13-{name}", "what": told, "ratio": ours / theirs, "target": target}
            )
    return rows


if __name__ == "__main__":
    for one in measure():
        print(one)
