"""A full disk, a refused setting, too little memory: sentences, and nothing half written."""

from __future__ import annotations

import errno
import gc
import json
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from fork_server import Forked, ForkServer
from lightning_fabric.utilities.exceptions import MisconfigurationException

from seqloom.errors import ConfigError, RunError
from seqloom.train.process import (
    COLLECTIONS,
    explained_errors,
    few_collections,
    restored_process,
    set_seed,
    set_threads,
)

Fit = Callable[..., Any]


@contextmanager
def _full_over(limit: int) -> Iterator[None]:
    """Let no file grow over so many bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _all_whole(folder: Path) -> None:
    """Require each file that is there to be one that can be read, and no drafts."""
    for path in folder.rglob("*"):
        assert ".part" not in path.name
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        if path.suffix == ".ckpt":
            torch.load(path, weights_only=True)


def test_a_disk_that_is_full_at_the_checkpoint(fit: Fit, tmp_path: Path) -> None:
    with _full_over(100_000), pytest.raises(RunError, match=r"Cannot write .*\.ckpt: File too"):
        fit()
    _all_whole(tmp_path)
    assert not (tmp_path / "run" / "bundle").exists()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "failed"


def test_a_disk_that_is_full_at_the_metrics(
    fit: Fit, parts: Callable[..., str], tmp_path: Path
) -> None:
    class Chatter(pl.Callback):
        """Logs so much that metrics.jsonl is the first file to be too large."""

        def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
            trainer.loggers[0].log_metrics({f"name-{n}": 1.0 for n in range(100_000)}, 0)

    with _full_over(1_000_000), pytest.raises(RunError, match=r"Cannot write .*metrics\.jsonl"):
        fit(f"+callbacks.chatter._target_={parts(Chatter)}")
    _all_whole(tmp_path)


def test_a_disk_that_is_full_at_the_config(fit: Fit, tmp_path: Path) -> None:
    # The lease, which comes before it, is smaller.
    with _full_over(600), pytest.raises(RunError, match=r"Cannot write .*config\.yaml"):
        fit()
    assert [path.name for path in tmp_path.rglob("*")] == ["run"]


def test_a_disk_that_is_full_at_a_logger(fit: Fit, parts: Callable[..., str]) -> None:
    class Full(pl.Callback):
        def on_train_batch_end(self, *args: Any) -> None:
            raise OSError(28, "No space left on device", "events.out")

    with pytest.raises(RunError, match=r"Cannot write events\.out: No space left on device"):
        fit(f"+callbacks.full._target_={parts(Full)}")


LIMITED = """
import resource
from seqloom.cli.main import main
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
main()
"""
"""The program where no file can be large."""


def test_the_program_tells_a_full_disk_in_a_sentence(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    words = ["train", *("data.train_size=60", "data.val_size=20", "data.test_size=20")]
    words += ["trainer=cpu", "trainer.max_epochs=1", f"run_dir={tmp_path / 'run'}"]
    pipe = subprocess.PIPE
    with Forked(
        fork_server, LIMITED, *words, stdout=pipe, stderr=pipe, text=True, cwd=tmp_path
    ) as program:
        _, said = program.communicate(timeout=600)
    assert program.returncode == 1
    assert "Traceback" not in said
    assert "Error: Cannot write" in said
    assert "best.ckpt: File too large. Free some space" in said
    _all_whole(tmp_path)


def test_a_slurm_that_is_not_used_is_not_mentioned(
    program: Callable[..., subprocess.CompletedProcess[str]],
    small: tuple[str, ...],
    tmp_path: Path,
) -> None:
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.touch(mode=0o755)
    path = f"{srun.parent}{os.pathsep}{os.environ['PATH']}"
    done = program("train", *small, f"run_dir={tmp_path / 'run'}", PATH=path)
    assert done.returncode == 0, done.stderr
    assert "srun" not in done.stderr
    assert "Warning" not in done.stderr


def test_a_setting_that_lightning_refuses() -> None:
    sentence = "Lightning refuses this training: no such thing"
    with pytest.raises(ConfigError, match=sentence), explained_errors(Path("run")):
        raise MisconfigurationException("no such thing")


@pytest.mark.parametrize(
    ("fault", "kind", "sentence"),
    [
        (
            "Early stopping conditioned on metric `val/x` which is not available.",
            ConfigError,
            "callbacks: Early stopping conditioned on metric `val/x` which is not available.",
        ),
        (
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes.\nat x",
            RunError,
            "Out of memory: [enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes.",
        ),
    ],
)
def test_what_torch_and_lightning_say_is_a_sentence(
    fault: str, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind) as caught, explained_errors(Path("run")):
        raise RuntimeError(fault)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_torch_does_not_take_is_refused(seed: int) -> None:
    with pytest.raises(ConfigError, match=rf"^seed={seed}: expected a whole number in"):
        set_seed(seed)


def test_too_little_memory() -> None:
    sentence = r"out of memory: .*Lower batch\.max_examples"
    with pytest.raises(RunError, match=sentence), explained_errors(Path("run")):
        raise torch.OutOfMemoryError("CUDA out of memory.")


def test_other_faults_pass_unchanged() -> None:
    for fault in (RuntimeError("a bug"), SystemExit(3), KeyError("x"), OSError(errno.EIO, "x")):
        with pytest.raises(type(fault)) as caught, explained_errors(Path("run")):
            raise fault
        assert caught.value is fault


def test_all_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_KEPT", "before")
    threads = torch.get_num_threads()
    with restored_process():
        os.environ["SEQLOOM_KEPT"] = "after"
        os.environ["SEQLOOM_NEW"] = "new"
        torch.set_num_threads(threads + 1)
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = True
    assert os.environ["SEQLOOM_KEPT"] == "before"
    assert "SEQLOOM_NEW" not in os.environ
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark


def test_the_number_of_threads_is_changed_on_request_only() -> None:
    before = torch.get_num_threads()
    with restored_process():
        set_threads(None)
        assert torch.get_num_threads() == before
        set_threads(before + 1)
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_garbage_is_collected_rarely_in_a_block_and_as_before_after_it() -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)  # Python's own, which a library may have changed
        with few_collections():
            assert gc.get_threshold() == COLLECTIONS
        assert gc.get_threshold() == (700, 10, 10)
        gc.set_threshold(50_000, 10, 10)  # the user's own are rarer still
        with few_collections():
            assert gc.get_threshold()[0] == 50_000
    finally:
        gc.set_threshold(*before)
