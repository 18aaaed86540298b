"""Runs are killed at random moments, random bits of checkpoints are changed: nothing is lost.

Slow: each kill trains a model. `SEQLOOM_KILLS` sets another number of kills.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]

pytestmark = pytest.mark.slow

WORDS = (
    "train",
    "encoder.hidden_size=8",
    "encoder.dropout=0.4",
    "frontend.dropout=0.4",
    "data.train_size=160",
    "data.val_size=20",
    "data.test_size=20",
    "batch.workers=2",
    "trainer.max_epochs=8",
    "trainer.accelerator=cpu",
    "save_every=3",
    "callbacks=none",
)
KILLS = int(os.environ.get("SEQLOOM_KILLS", "25"))
"""Number of kills for each number of ranks."""


def run(start: Start, folder: Path, ranks: int, *more: str) -> str:
    with start(*WORDS, f"trainer.devices={ranks}", f"run_dir={folder}", *more) as process:
        _, said = process.communicate(timeout=1200)
    assert process.returncode == 0, said
    return said


def same(folder: Path, whole: Path) -> bool:
    names = ("bundle/model.safetensors", "metrics.jsonl", "metrics.json")
    return all((folder / name).read_bytes() == (whole / name).read_bytes() for name in names)


def children(pid: int) -> list[int]:
    """Return the processes below one, at any depth."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == pid and words[0] not in "ZX":
            found += [int(path.parent.name), *children(int(path.parent.name))]
    return found


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_run_that_is_killed_at_any_moment(start: Start, tmp_path: Path, ranks: int) -> None:
    whole, chance = tmp_path / "whole", random.Random(ranks)
    began = time.monotonic()
    run(start, whole, ranks)
    seconds, results = time.monotonic() - began, []
    for number in range(KILLS):
        folder = tmp_path / f"killed-{number}"
        process = start(*WORDS, f"trainer.devices={ranks}", f"run_dir={folder}")
        with process:
            after = chance.uniform(0.1, 0.95) * seconds
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                below = children(process.pid)
                os.kill(chance.choice([process.pid, *below]) if ranks > 1 else process.pid, 9)
                process.communicate(timeout=300)
                time.sleep(5)
                orphans = alive(below)
            else:
                orphans = []
        said = run(start, folder, ranks, "resume=auto")
        line = next((one for one in said.splitlines() if "Resuming" in one), "from the start")
        results.append((same(folder, whole), orphans))
        print(f"{ranks} ranks, killed after {after:.1f} of {seconds:.1f} s:", line, results[-1])
        shutil.rmtree(folder)
    assert results == [(True, [])] * KILLS


def test_a_bit_of_a_checkpoint_is_never_changed_in_silence(start: Start, tmp_path: Path) -> None:
    """All 200 bits are noticed; for some of them the run is resumed, and ends like any other."""
    from seqloom.train.checkpoints.files import DamagedCheckpointError, verified

    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run(start, whole, 1)
    with start(*WORDS, f"run_dir={stopped}") as process:
        while not (stopped / "checkpoints/previous.ckpt").exists():
            time.sleep(0.05)
        time.sleep(1)
        os.kill(process.pid, signal.SIGKILL)
    files, chance = sorted((stopped / "checkpoints").glob("*.ckpt")), random.Random(5)
    for number in range(200):
        path = files[number % len(files)]
        content = path.read_bytes()
        changed = bytearray(content)
        bit = chance.randrange(len(content) * 8)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(DamagedCheckpointError):
            verified(path)
        if number < 12:
            folder = tmp_path / f"flipped-{number}"
            shutil.copytree(stopped, folder)
            config = (folder / "config.yaml").read_text()
            (folder / "config.yaml").write_text(config.replace(str(stopped), str(folder)))
            said = run(start, folder, 1, "resume=auto")
            assert f"{path.name} cannot be read: it is damaged" in said
            assert same(folder, whole)
        path.write_bytes(content)
