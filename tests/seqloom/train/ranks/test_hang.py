"""A rank that hangs is named with what it was doing, and a rank that dies is started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.seqloom.train.conftest import wait

from seqloom.errors import ConfigError
from seqloom.train.ranks.hang import HangWatch
from seqloom.train.ranks.stacks import Seen, rank_error, stack_file, stack_of, the_one_that_hangs
from seqloom.train.watch import Process

Program = Callable[..., "subprocess.CompletedProcess[str]"]
TWO = ("trainer.devices=2", "trainer.accelerator=cpu", "callbacks=none")

FAULTY = '''
import os, signal, time
from pathlib import Path
import pytorch_lightning as pl

def doze():
    time.sleep(600)

class Faulty(pl.Callback):
    """Does something to the second rank, in the third step, once."""

    def __init__(self, how):
        self.how = how

    def on_train_batch_start(self, trainer, *rest):
        flag = Path(trainer.default_root_dir, "harmed")
        if trainer.global_step == 2 and trainer.global_rank == 1 and not flag.exists():
            flag.touch()
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            if self.how == "lock":
                import re
                re.match("(a+)+$", "a" * 60 + "b")  # holds the interpreter's lock
            doze()
'''


@pytest.fixture
def train(program: Program, small: tuple[str, ...], tmp_path: Path) -> Program:
    """Train on two ranks, of which one comes to harm, in the folder ``run``."""
    (tmp_path / "faulty.py").write_text(FAULTY, encoding="utf-8")

    def run(how: str, *words: str) -> subprocess.CompletedProcess[str]:
        harm = f"+callbacks.faulty={{_target_: faulty.Faulty, how: {how}}}"
        folder = f"run_dir={tmp_path / 'run'}"
        return program("train", *small, *TWO, harm, folder, *words, site=tmp_path)

    return run


def state(tmp_path: Path) -> str:
    return str(json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))["state"])


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("sleep", [" after step 2 (", "faulty.py", "in doze"]),
        pytest.param("lock", ["It was in", "faulty.py"], marks=pytest.mark.slow),
        pytest.param("stop", ["its process is stopped"], marks=pytest.mark.slow),
    ],
)
def test_a_rank_that_hangs_is_named(
    tmp_path: Path, train: Program, how: str, words: list[str]
) -> None:
    started = time.monotonic()
    done = train(how, "hang_timeout=10", "trainer.max_epochs=3")
    assert time.monotonic() - started < 300
    assert done.returncode == 1
    assert "Error: Rank 1 of 2 has made no progress for 10 s" in done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr
    assert state(tmp_path) == "failed"


@pytest.mark.parametrize("how", ["kill", pytest.param("sleep", marks=pytest.mark.slow)])
def test_ranks_are_started_again(tmp_path: Path, train: Program, how: str) -> None:
    done = train(how, "max_restarts=1", "hang_timeout=10", "trainer.max_epochs=3")
    assert done.returncode == 0, done.stderr
    assert "Restart 1 of 1." in done.stderr
    assert "Resuming" in done.stderr
    assert state(tmp_path) == "done"


def seen(rank: int, doing: tuple[int, str] | None, *stack: str) -> Seen:
    return Seen(rank, None, doing, list(stack))


@pytest.mark.parametrize(
    ("others", "culprit"),
    [
        (seen(0, (4, "backward"), "a"), seen(1, (4, "forward"), "a")),
        (seen(0, (4, "loading"), "a"), seen(1, (3, "update"), "a")),
        (seen(0, (4, "forward"), "a"), seen(1, (4, "validation"), "a")),
        (seen(0, (4, "forward"), "a"), seen(1, None)),
        (seen(0, (4, "forward"), "a"), seen(1, None, "a")),
        (seen(0, (4, "backward"), "graph.py in _engine_run_backward"), seen(1, (4, "backward"))),
        (seen(0, (4, "backward"), "_engine_run_backward"), seen(1, (4, "backward"), "doze")),
    ],
)
def test_the_rank_that_others_wait_for(others: Seen, culprit: Seen) -> None:
    assert min([others, culprit], key=Seen.order) is culprit
    assert min([culprit, others], key=Seen.order) is culprit


def test_the_stack_of_the_main_thread_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stack"
    assert stack_of(path) == []
    thread = 'Thread 0x1 (most recent call first):\n  File "{}.py", line 1 in {}\n'
    text = "Timeout (0:00:01)!\n" + thread.format("a", "b") + thread.format("main", "go")
    path.write_text("Timeout (0:00:01)!\n" + thread.format("old", "old") + text)
    assert stack_of(path) == ['  File "main.py", line 1 in go']


def test_it_is_killed_and_only_it(tmp_path: Path) -> None:
    process = subprocess.Popen(["sleep", "60"])
    own = Process.current()
    started = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    text = Process(process.pid, started, own.host, own.boot).to_text()
    for rank, (word, doing) in enumerate([(own.to_text(), "backward"), (text, "loading")]):
        facts = {"process": word, "known": True, "doing": [7, doing]}
        (tmp_path / f"progress-{rank}.json").write_text(json.dumps(facts))
        stack = f'Timeout (\nThread (most recent call first):\n  File "{doing}.py", line 1 in x\n'
        stack_file(tmp_path, rank).write_text(stack)
    watch = HangWatch(tmp_path, 2, 0.2)
    with watch.watching():
        wait(lambda: watch.error is not None)
    assert process.wait(20) == -signal.SIGKILL
    assert str(watch.error).startswith(
        "Rank 1 of 2 has made no progress for 0.2 s after step 7 (loading). It was in\n"
        '  File "loading.py", line 1 in x\nThe stacks of all ranks are in '
    )
    assert os.getpid() == own.pid


def test_a_rank_that_was_only_slow_is_not_killed(tmp_path: Path) -> None:
    path = stack_file(tmp_path, 0)
    path.write_text('Timeout (\nThread (most recent call first):\n  File "a.py", line 1 in x\n')
    watch = HangWatch(tmp_path, 2, 1)
    with watch.watching():
        time.sleep(0.15)
        path.write_text("")  # it made a step
        time.sleep(0.4)
    assert watch.error is None


def test_a_timeout_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hang_timeout=0: expected seconds"):
        HangWatch(tmp_path, 2, 0)


def test_ranks_that_all_wait_for_one_another_have_lost_the_network(tmp_path: Path) -> None:
    form = 'Timeout (0:00:09)!\nThread 0x1 (most recent call first):\n  File "{}", line 1 in f\n'
    for rank, file in enumerate(["torch/nn/parallel/distributed.py", "distributed_c10d.py"]):
        stack_file(tmp_path, rank).write_text(form.format(file), encoding="utf-8")
    error = rank_error(the_one_that_hangs(tmp_path, 2), 2, 9, tmp_path)
    assert "All 2 ranks have waited for one another for 9 s, so the network between" in str(error)
    stack_file(tmp_path, 1).write_text(form.format("own.py"), encoding="utf-8")
    error = rank_error(the_one_that_hangs(tmp_path, 2), 2, 9, tmp_path)
    assert str(error).startswith("Rank 1 of 2 has made no progress for 9 s")


def test_without_a_time_to_wait_nobody_looks(tmp_path: Path) -> None:
    before = threading.active_count()
    with HangWatch(tmp_path, 2, None).watching():
        assert threading.active_count() == before


def test_a_rank_that_never_started_cannot_be_killed() -> None:
    Seen(1, None, None, []).kill()
