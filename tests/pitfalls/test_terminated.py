"""A run that is told to end by SIGTERM ends soon, says so, and can go on.

Ranks see a signal at different steps, and the first that leaves lets the others wait. Data workers
inherit their parent's handlers. And the last checkpoint of a second attempt is written beside that
of the first, as ``last-v1.ckpt``, while a run goes on from ``last.ckpt``. Our launcher ends all
ranks of a run, and there is one last checkpoint, which each epoch replaces.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqloom
from seqloom.train.checkpoints.progress import read_progress
from seqloom.train.preemption import EXIT_CODE

from .conftest import LINES, WITNESS, Ended, record, terminate

Start = Callable[..., "subprocess.Popen[str]"]


def test_naively_the_last_checkpoint_is_not_the_one_that_is_read(
    naive_runs: dict[str, Any],
) -> None:
    assert naive_runs["last"] == ["last-v1.ckpt", "last.ckpt"]


def goes_on(ended: Ended, said: pytest.LogCaptureFixture, *words: str) -> None:
    """Check that a run ended well by SIGTERM, and that it goes on from its last epoch."""
    assert ended.code == EXIT_CODE, ended.said
    assert "Preempted (SIGTERM).\n" in ended.said
    assert f"To resume: the same command with run_dir={ended.folder} resume=auto" in ended.said
    assert "Traceback" not in ended.said
    assert record(ended.folder)["state"] == "preempted"
    progress = read_progress(ended.folder / "checkpoints" / "last.ckpt")
    epochs = progress.epochs
    assert epochs >= 2
    more = f"trainer.max_epochs={epochs + 2}"
    said.set_level(logging.INFO, "seqloom")
    copy = ended.folder.with_name("copy")  # other tests look at the run as it ended
    shutil.copytree(ended.folder, copy)
    seqloom.fit(*words, more, "resume=auto", run_dir=copy)
    after = record(copy)
    assert (after["state"], after["attempts"], after["epochs"]) == ("done", 2, epochs + 2)
    assert f"Resuming {progress}." in said.text
    names = {path.name for path in (copy / "checkpoints").iterdir()}
    assert names == {"best.ckpt", "best_copy.ckpt", "last.ckpt", "previous.ckpt"}


def test_on_one_device_with_a_data_worker(
    start: Start,
    small: tuple[str, ...],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = (*small, "batch.workers=1", "callbacks=none")
    folder = tmp_path / "run"
    run = start("train", *words, "trainer.max_epochs=5000", f"run_dir={folder}")
    goes_on(terminate(run, folder), caplog, *words)


def test_on_two_ranks(
    terminated: Ended,
    parts: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.syspath_prepend(str(parts))
    # How many ranks go on is the user's choice; one is the quickest.
    goes_on(terminated, caplog, *LINES, "trainer=cpu", "callbacks=none", WITNESS)
