"""A run that hangs where nobody launched it ends from within, and says what it was doing."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
from tests.seqloom.train.conftest import Fit, Parts, wait

from seqloom.errors import ConfigError, RunError
from seqloom.sweep.trials import read_trial
from seqloom.train import preemption
from seqloom.train.folder import RunFolder
from seqloom.train.ranks import hang
from seqloom.train.ranks.hang import HangEnd, Heartbeat
from seqloom.train.ranks.stacks import in_debugger, stack_file, stack_of

Program = Callable[..., "subprocess.CompletedProcess[str]"]

FAULTY = """
import signal, time
import pytorch_lightning as pl

class Faulty(pl.Callback):
    def on_train_batch_start(self, trainer, *rest):
        if trainer.global_step == 2:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            time.sleep(600)
"""
MESSAGE = "The run has made no progress for 6 s after step 2 (loading). It was in\n  File "


class Dozing(pl.Callback):
    """Waits for nothing in the third step."""

    def on_train_batch_start(self, trainer: pl.Trainer, *rest: Any) -> None:
        if trainer.global_step == 2:
            time.sleep(600)


def test_a_run_on_one_device_fails_in_its_process(tmp_path: Path, fit: Fit, parts: Parts) -> None:
    words = (f"+callbacks.dozing._target_={parts(Dozing)}", "hang_timeout=6")
    with pytest.raises(RunError) as error:
        fit(*words)
    assert str(error.value).startswith(MESSAGE)
    assert "test_hang_end.py" in str(error.value)
    assert "in on_train_batch_start" in str(error.value)
    trial = read_trial(tmp_path / "run")  # as a sweep sees it
    assert trial.state == "failed"
    assert MESSAGE in trial.record["error"]
    assert trial.failures == 1
    assert "on_train_batch_start" in (tmp_path / "run/stack.txt").read_text("utf-8")
    assert preemption.requested() is None


def test_a_process_that_does_not_return_to_python_ends(
    tmp_path: Path, program: Program, small: tuple[str, ...]
) -> None:
    (tmp_path / "faulty.py").write_text(FAULTY, encoding="utf-8")
    words = ("+callbacks.faulty._target_=faulty.Faulty", "callbacks=none", "hang_timeout=6")
    done = program("train", *small, *words, f"run_dir={tmp_path / 'run'}", site=tmp_path)
    assert done.returncode == 1
    assert MESSAGE in done.stderr
    assert "Traceback" not in done.stderr
    trial = read_trial(tmp_path / "run")
    assert trial.state == "failed"
    assert MESSAGE in trial.record["error"]
    assert MESSAGE in trial.record["history"][0]["error"]


def test_a_run_that_does_not_hang_leaves_no_stacks(tmp_path: Path, fit: Fit) -> None:
    fit("trainer.max_epochs=1", "hang_timeout=60")
    assert not stack_file(tmp_path / "run", None).exists()


@pytest.fixture
def called(tmp_path: Path) -> Any:
    """Return a function that starts a heartbeat without progress, and the list of its calls."""
    calls: list[tuple[int, str]] = []
    beats: list[Heartbeat] = []

    def begin() -> list[tuple[int, str]]:
        beat = Heartbeat(tmp_path, None, 0.4, calls.append)
        beats.append(beat)
        beat.on_train_start(SimpleNamespace(global_step=3), None)  # type: ignore[arg-type]
        return calls

    yield begin
    for beat in beats:
        beat.on_exception()


def test_what_it_was_doing_is_told(called: Any, tmp_path: Path) -> None:
    calls = called()
    wait(lambda: calls)
    assert calls == [(3, "loading")]
    assert stack_of(stack_file(tmp_path, None))


def test_the_time_in_which_a_process_was_stopped_does_not_count(
    called: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hang, "SUSPENDED", -1.0)  # every look comes late
    calls = called()
    time.sleep(1.0)
    assert not calls
    assert not stack_of(stack_file(tmp_path, None))


def test_a_process_in_a_debugger_does_not_hang(
    called: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    monkeypatch.setattr(hang, "in_debugger", lambda _: not asked.set())
    calls = called()
    assert asked.wait(30)
    assert not calls
    assert in_debugger(['  File "/usr/lib/python3.11/pdb.py", line 3 in interaction'])
    assert not in_debugger(['  File "mine.py", line 3 in interaction'])


def test_a_timeout_of_nothing_is_refused(fit: Fit) -> None:
    with pytest.raises(ConfigError, match="hang_timeout=0: expected seconds"):
        fit("hang_timeout=0")


def test_an_error_is_raised_in_the_main_thread() -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert not preemption.raise_in_main_thread(RunError("not handled"))
    with preemption.handled():
        thread = threading.Timer(0.1, preemption.raise_in_main_thread, (RunError("enough"),))
        thread.start()
        with pytest.raises(RunError, match="enough"):
            time.sleep(60)
        thread.join()
        assert preemption.requested() is None
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_rank_that_leaves_in_time_may_live(tmp_path: Path) -> None:
    end = HangEnd(RunFolder(tmp_path), 1, 2, timeout=0.1)
    with end:
        pass
    end((2, "forward"))
    error = end._error((2, "forward"))
    assert "of 2 has made no progress for 0.1 s" in str(error)
    assert "its process is stopped, or was not scheduled." in str(error)
