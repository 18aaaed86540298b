"""A run that ended early goes on and ends with the same bits; another run is refused."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from fork_server import Forked, ForkServer

import seqloom
from seqloom.errors import DataError, RunError
from seqloom.files import sha256
from seqloom.train.folder import Result

Fit = Callable[..., Result]
WILD = ("encoder.dropout=0.4", "frontend.dropout=0.4", "frontend.word_dropout=2.0")


class Stop(pl.Callback):
    """Ends the run in the middle of its third epoch, until it is told not to."""

    armed = True
    error: type[BaseException] = RuntimeError

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        if self.armed and trainer.current_epoch == 2 and trainer.global_step >= 9:
            raise self.error("stopped by a test")


@pytest.fixture
def stop(parts: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(Stop, "armed", True)
    return f"+callbacks.stop._target_={parts(Stop)}"


def _same(one: Result, other: Result) -> None:
    for name in ("bundle/model.safetensors", "metrics.jsonl", "codecs.json"):
        assert sha256(one.run_dir / name) == sha256(other.run_dir / name), name
    assert one.metrics == other.metrics


def _state(path: Path) -> str:
    return str(json.loads((path / "run.json").read_text(encoding="utf-8"))["state"])


# With workers, tests of exact resuming stop and resume a run inside an epoch.
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_resumed_run_ends_with_the_same_bits(
    fit: Fit, tmp_path: Path, stop: str, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    settings = (*WILD, "trainer.max_epochs=4", f"batch.workers={workers}")
    whole = fit(*settings, run_dir=tmp_path / "whole")
    with pytest.raises(RuntimeError, match="stopped by a test"):
        fit(*settings, stop, run_dir=tmp_path / "cut")
    assert _state(tmp_path / "cut") == "failed"
    monkeypatch.setattr(Stop, "armed", False)
    resumed = fit(*settings, "resume=auto", run_dir=tmp_path / "cut")
    _same(whole, resumed)
    assert json.loads((resumed.run_dir / "run.json").read_text())["attempts"] == 2


def test_a_killed_run_resumes_where_its_folder_was_moved_to(
    fit: Fit, tmp_path: Path, fork_server: ForkServer
) -> None:
    settings = (*WILD, "head=classification", "trainer.max_epochs=4")
    program = textwrap.dedent(
        """
        import os, signal, sys, types
        import pytorch_lightning as pl, seqloom

        class Kill(pl.Callback):
            def on_train_batch_end(self, trainer, *args):
                if trainer.current_epoch == 2:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.modules["killer"] = types.SimpleNamespace(Kill=Kill)
        seqloom.fit(*sys.argv[2:], "+callbacks.kill._target_=killer.Kill", run_dir=sys.argv[1])
        """
    )
    from_conftest = _overrides(fit, tmp_path / "whole", settings)
    pipe = subprocess.PIPE
    words = (str(tmp_path / "cut"), *from_conftest)
    with Forked(fork_server, program, *words, stdout=pipe, stderr=pipe, text=True) as killed:
        _, said = killed.communicate(timeout=600)
    assert killed.returncode == -signal.SIGKILL, said
    assert _state(tmp_path / "cut") == "running"
    with (tmp_path / "cut" / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 99, "train/l')  # as a kill in the middle of writing leaves it
    (tmp_path / "cut").rename(tmp_path / "moved")
    resumed = fit(*settings, "resume=auto", run_dir=tmp_path / "moved")
    whole = fit(*settings, "resume=auto", run_dir=tmp_path / "whole")
    _same(whole, resumed)


def _overrides(fit: Fit, run_dir: Path, settings: tuple[str, ...]) -> list[str]:
    """Run, and return all overrides that the run had."""
    fit(*settings, run_dir=run_dir)
    found: list[str] = json.loads((run_dir / "run.json").read_text())["overrides"]
    return found


def test_a_run_killed_before_its_first_checkpoint_starts_anew(
    fit: Fit, tmp_path: Path, parts: Callable[..., str]
) -> None:
    class Early(pl.Callback):
        def on_train_batch_end(self, *args: Any) -> None:
            raise RuntimeError("stopped early")

    log_all = "trainer.log_every_n_steps=1"
    whole = fit(log_all, run_dir=tmp_path / "whole")
    with pytest.raises(RuntimeError, match="stopped early"):
        fit(log_all, f"+callbacks.early._target_={parts(Early)}", run_dir=tmp_path / "cut")
    _same(whole, fit(log_all, "resume=auto", run_dir=tmp_path / "cut"))


def test_a_run_goes_on_from_the_last_epoch_not_from_the_best(
    fit: Fit, stop: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RuntimeError, match="stopped by a test"):
        fit("optimizer.lr=1e-30", stop)
    monkeypatch.setattr(Stop, "armed", False)
    with caplog.at_level(logging.INFO, "seqloom"):
        fit("optimizer.lr=1e-30", "resume=auto")
    assert "Resuming after epoch 2, step 8." in caplog.text


def test_a_run_that_has_ended_is_not_trained_again(
    fit: Fit, caplog: pytest.LogCaptureFixture
) -> None:
    first = fit()
    before = {path: path.stat().st_mtime_ns for path in first.run_dir.rglob("*")}
    with caplog.at_level(logging.INFO, "seqloom"):
        second = fit("resume=auto", "title=another")
    assert second == first
    assert "is finished already: there is nothing left to train" in caplog.text
    assert before == {path: path.stat().st_mtime_ns for path in first.run_dir.rglob("*")}


def test_a_run_that_has_ended_goes_on_with_more_epochs(fit: Fit, ran: Path) -> None:
    fit("trainer.max_epochs=3", "resume=auto")
    record = json.loads((ran / "run.json").read_text(encoding="utf-8"))
    assert (record["epochs"], record["attempts"]) == (3, 2)


def test_a_used_folder_is_refused(fit: Fit, ran: Path) -> None:
    with pytest.raises(RunError, match=r"run already holds a run.*resume=auto"):
        fit("trainer.max_epochs=1")
    assert _state(ran) == "done"


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("encoder.hidden_size=9", r"encoder\.hidden_size \(was 8, is 9\)"),
        ("encoder=lstm", r"encoder\.name \(was 'bilstm', is 'lstm'\)"),
        ("seed=5", r"seed \(was 1, is 5\)"),
        ("optimizer.lr=1", r"optimizer\.lr"),
    ],
)
def test_other_settings_are_refused_by_name(
    fit: Fit, ran: Path, override: str, sentence: str
) -> None:
    with pytest.raises(RunError, match=f"cannot be resumed with other settings: .*{sentence}"):
        fit("trainer.max_epochs=1", "resume=auto", override)


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        ("codecs.json", RunError, r"codecs\.json is missing or damaged.*new run_dir"),
        ("config.yaml", RunError, r"config\.yaml is damaged.*new run_dir"),
    ],
)
def test_what_a_resumed_run_needs_may_be_damaged(
    fit: Fit, ran: Path, name: str, error: type[Exception], sentence: str
) -> None:
    path = ran / name
    path.write_bytes(path.read_bytes()[: 4 if name == "config.yaml" else 7])
    with pytest.raises(error, match=sentence):
        fit("trainer.max_epochs=2", "resume=auto")


def test_an_interrupt_is_one_still(
    fit: Fit, tmp_path: Path, stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stop, "error", KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(stop)
    assert _state(tmp_path / "run") == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_resume_without_a_run_starts_one(fit: Fit, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    assert fit("resume=auto", "trainer.max_epochs=1").bundle.is_dir()
    assert torch.load(tmp_path / "run/checkpoints/last.ckpt", weights_only=True)["epoch"] == 0
    assert os.listdir(tmp_path) == ["run"]  # noqa: PTH208


def test_a_run_that_failed_before_its_first_epoch_leaves_its_folder_free(
    fit: Fit, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"typo\.csv"):
        seqloom.fit(
            "data=csv", "data.train=typo.csv", "head=classification", run_dir=tmp_path / "run"
        )
    assert fit("trainer.max_epochs=1").bundle.exists()


def test_other_data_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = [f"word{number} one,{'ab'[number % 2]}" for number in range(20)]
    table.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    settings = ("data=csv", f"data.train={table}", "head=classification", "trainer=cpu")
    small = ("encoder.hidden_size=4", "trainer.max_epochs=1")
    seqloom.fit(*settings, *small, run_dir=tmp_path / "run")
    table.write_text("\n".join(["text,label", *rows[:-2]]), encoding="utf-8")
    with pytest.raises(
        RunError, match=r"the data has changed since this run started \(train, val, test\)"
    ):
        seqloom.fit(
            *settings, *small, "trainer.max_epochs=2", "resume=auto", run_dir=tmp_path / "run"
        )


def test_a_run_that_stopped_early_does_not_train_on(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it was killed after its last epoch, before its model was written."""
    settings = ("trainer.max_epochs=9", "callbacks.early_stopping.patience=1", "optimizer.lr=1e-9")
    whole = fit(*settings, run_dir=tmp_path / "whole")
    broken = tmp_path / "broken"
    shutil.copytree(whole.run_dir, broken)
    shutil.rmtree(broken / "bundle")
    config = (broken / "config.yaml").read_text(encoding="utf-8")
    (broken / "config.yaml").write_text(config.replace(str(whole.run_dir), str(broken)))
    again = fit(*settings, "resume=auto", run_dir=broken)
    _same(whole, again)


def test_a_run_that_is_named_by_the_time_cannot_be_found_again(
    fit: Fit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = "resume=auto has nothing to resume: without run_dir, each start has a folder of its own."
    words = ("trainer.max_epochs=1", "resume=auto")
    fit(*words, run_dir=tmp_path / "mine")
    assert said not in caplog.text
    fit(*words, run_dir=tmp_path / "2026-11-30/09-05-00")
    assert said in caplog.text
