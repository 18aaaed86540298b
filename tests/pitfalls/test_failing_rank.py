"""A rank that fails must be heard, end its trial, and leave the other trials alone.

In Hydra's multirun a rank's error is swallowed in the process of that rank, which goes on to the
next trial while the others wait for it: nothing is said, and nothing ends. Where the process ends
instead, its parent is killed or fails in each trial that is left. Our ranks are processes of one
trial, watched by a launcher that ends them together and hands the first one's error on.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from .conftest import Ended, Naive, code_of


def test_naively_the_sweep_stands_still_without_a_word(naive: Naive, tmp_path: Path) -> None:
    run = naive("sweep.py", "-m", "seed=1,2", "fault=none", folder=tmp_path)
    end = time.monotonic() + 90
    while not (tmp_path / "fault").exists() and run.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    # Lightning refuses what rank 1 has returned by an error, on that rank alone.
    with pytest.raises(subprocess.TimeoutExpired):
        code_of(run, 8)
    assert (tmp_path / "fault").exists()
    assert "training_step" not in (tmp_path / "said.txt").read_text()
    assert not list(tmp_path.glob("[01]-*.json"))


def test_naively_the_trials_that_are_left_are_lost(naive_sweep: Path) -> None:
    assert (naive_sweep / "fault").exists()
    done = {path.name.partition("-")[0] for path in naive_sweep.glob("?-*.json")}
    assert done == {"0", "1"}


def test_the_sweep_goes_on(sweep: Ended) -> None:
    assert sweep.code == 1
    assert [trial["state"] for trial in sweep.trials()] == ["done", "failed", "done", "done"]


def test_its_error_is_shown_and_kept(sweep: Ended) -> None:
    log = sweep.folder / "1" / "train.log"
    text = f"RuntimeError: boom on purpose (rank 1 of 2; see {log})"
    assert sweep.said.splitlines().count(f"[1] Error: {text} [S500]") == 1
    assert sweep.trials()[1]["error"] == f"RunError: {text}"
    assert "in on_train_batch_start" in log.read_text()


def test_nobody_waits_for_it(sweep: Ended) -> None:
    whole, failed = sweep.trials()[:2]
    # It trains less than the whole one; beyond that, ranks get seconds to end by themselves.
    assert failed["seconds"] < whole["seconds"] + 30
