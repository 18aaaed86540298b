"""Runs over two hosts whose network is cut: all processes end in a sentence; the run resumes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import PATIENCE, Hosts

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("network")]

SMALL = (
    "data.train_size=120",
    "data.val_size=20",
    "data.test_size=20",
    "callbacks=none",
    "trainer.max_epochs=6",
    "trainer.accelerator=cpu",
    "trainer.log_every_n_steps=1",
    "batch.max_examples=4",
    "encoder.hidden_size=8",
    "frontend.dropout=0.2",
    "frontend.size=8",
    "hang_timeout=15",
)
STEPS = 6 * 15

LIMIT = 120.0
"""Seconds within which both sides must end after a cut; most of them on a busy machine."""


def steps(run: Path) -> list[int]:
    """Return the steps that a run has logged the loss of."""
    path = run / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row["step"] for row in rows if "train/loss" in row or "train/loss_step" in row]


def model(run: Path) -> bytes:
    return (run / "bundle" / "model.safetensors").read_bytes()


def wait(until: Callable[[], object], hosts: Hosts) -> None:
    end = time.monotonic() + PATIENCE
    while not until():
        assert all(one.poll() is None for one, _ in hosts.started[-2:]), hosts.ended()
        assert time.monotonic() < end
        time.sleep(0.01)


def cut_and_resumed(
    hosts: Hosts,
    run: Path,
    words: tuple[str, ...],
    start: Callable[..., None],
    until: Callable[[], object],
) -> list[tuple[int, str]]:
    """Cut the network at a moment, and finish the run; return how the processes had ended."""
    start(*words, f"run_dir={run}")
    wait(until, hosts)
    hosts.cut()
    begin = time.monotonic()
    ended = hosts.ended()
    seconds = time.monotonic() - begin
    print(f"both ended {seconds:.0f} s after the cut, at step {max(steps(run), default=0)}")
    for status, said in ended:
        print(status, said[-1500:])
        assert status != 0
        assert seconds < LIMIT
    hosts.join()
    start(*words, f"run_dir={run}", "resume=auto")
    again = hosts.ended()
    assert [status for status, _ in again] == [0, 0], again
    assert steps(run) == list(range(STEPS))
    return ended


@pytest.mark.parametrize("moment", ["step", "save"])
@pytest.mark.parametrize("by", ["hand", "torchrun"])
def test_cut_in_training(hosts: Hosts, tmp_path: Path, by: str, moment: str) -> None:
    run, start = tmp_path / "run", getattr(hosts, f"train_by_{by}")
    words = (*SMALL, *(["save_every=1"] if moment == "save" else []))
    checkpoints = run / "checkpoints"

    def writing() -> bool:
        return any(".part" in path.name for path in checkpoints.glob(".*"))

    def now() -> bool:
        return len(steps(run)) > 20 and (moment == "step" or writing())

    ended = cut_and_resumed(hosts, run, words, start, now)
    for _, said in ended:
        assert "ranks have waited for one another for 15 s, so the network between" in said
    if by == "hand":
        assert all("Traceback" not in said for _, said in ended)
    start(*SMALL, f"run_dir={tmp_path / 'whole'}")
    assert [status for status, _ in hosts.ended()] == [0, 0]
    assert model(run) == model(tmp_path / "whole")


def test_cut_before_they_meet(hosts: Hosts, tmp_path: Path) -> None:
    run = tmp_path / "run"
    hosts.cut()
    hosts.train_by_hand(*SMALL, f"run_dir={run}", patience=20.0)
    (first, said), (second, told) = hosts.ended()
    assert (first, second) == (1, 1)
    assert "these did not start within 20 s: 1" in said
    assert "cannot reach the first one at 10.213.77.1:29500 within 20 s" in told
    assert "Traceback" not in said + told
    hosts.join()
    hosts.train_by_hand(*SMALL, f"run_dir={run}")
    assert [status for status, _ in hosts.ended()] == [0, 0]
