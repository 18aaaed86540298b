"""A process ends with those that it watches, whatever it is doing."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seqloom.errors import RunError
from seqloom.train import watch
from seqloom.train.watch import SWEEP_VARIABLE, Process, die_with_sweep, naming_sweep, sweep_leader

from .conftest import say

GRACE = 10.0
"""Seconds after which a watching process must have ended, on a busy machine too."""

SLEEP = "time.sleep(60)"
READ = "os.read(0, 1)"
BUSY = "[None for _ in iter(int, 1)]"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Python on a script, and wait until it says something."""
    started: list[subprocess.Popen[str]] = []

    def _start(script: str, *words: str) -> subprocess.Popen[str]:
        lines = f"import os, sys, time\nfrom seqloom.train.watch import *\n{script}"
        command = [sys.executable, "-u", "-c", lines, *words]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        started.append(process)
        return process

    yield _start
    for process in started:
        process.kill()
        process.communicate()


def gone(process: Process) -> bool:
    """Wait for a process to end, and return whether it did in time."""
    deadline = time.monotonic() + GRACE
    while process.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not process.alive()


def test_a_process_is_told_from_a_later_one_of_its_number(start: Start) -> None:
    own = Process.current()
    assert own.alive()
    assert not Process(own.pid, "1", own.host, own.boot).alive()
    other = start("print(Process.current().to_text()); time.sleep(60)")
    known = Process.from_text(say(other))
    assert known.pid == other.pid
    assert known != own
    assert known.alive()
    other.send_signal(signal.SIGSTOP)
    assert known.alive()
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert not known.alive()  # still in the list of processes, as nobody asked for its end
    other.wait()
    assert not known.alive()


def test_what_is_elsewhere_counts_as_alive() -> None:
    own = Process.current()
    assert Process(own.pid, "1", "node7", "another machine").alive()


def test_a_process_that_one_may_not_look_at_is_alive(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = start("print(Process.current().to_text()); time.sleep(60)")
    known = Process.from_text(say(other))

    def hidden(*_: object, **__: object) -> str:
        raise FileNotFoundError  # as with /proc mounted so that others' processes are not shown

    monkeypatch.setattr(Path, "read_text", hidden)
    assert known.alive()
    other.kill()
    other.wait()
    assert not known.alive()


@pytest.mark.parametrize("text", ["", "12", "x@1@host@boot", "1@2@3@4@5"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(RunError, match="Expected a process"):
        Process.from_text(text)


def test_a_text_gives_the_process_back() -> None:
    assert Process.from_text(Process.current().to_text()) == Process.current()


@pytest.mark.parametrize("work", [SLEEP, READ, BUSY])
def test_it_ends_with_another_whatever_it_does(start: Start, work: str) -> None:
    leader = start("print(Process.current().to_text()); time.sleep(60)")
    script = f"die_with(Process.from_text(sys.argv[1])); print('watching'); {work}"
    follower = start(script, say(leader))
    assert say(follower) == "watching"
    time.sleep(0.6)
    assert follower.poll() is None  # not before
    leader.kill()
    assert follower.wait(GRACE) == -signal.SIGKILL


def test_it_ends_at_once_if_the_other_is_gone_already(start: Start) -> None:
    leader = start("print(Process.current().to_text())")
    text = say(leader)
    leader.wait()
    follower = start("die_with(Process.from_text(sys.argv[1])); time.sleep(60)", text)
    assert follower.wait(600) == -signal.SIGKILL


def test_the_kernel_tells_the_end_of_a_parent(start: Start) -> None:
    # The child stops its own threads from looking, so that only the kernel can end it.
    child = (
        "import seqloom.train.watch as watch\n"
        "watch._watch = lambda _: None\n"
        "watch.die_with(watch.Process.from_text(sys.argv[1]))\n"
        "print(watch.Process.current().to_text(), flush=True); time.sleep(60)"
    )
    script = (
        "import subprocess\n"
        f"child = 'import os, sys, time\\n' + {child!r}\n"
        "subprocess.run([sys.executable, '-c', child, Process.current().to_text()])"
    )
    parent = start(script)
    known = Process.from_text(say(parent))
    assert known.alive()
    parent.kill()
    assert gone(known)


def test_the_end_of_the_thread_that_started_it_is_no_end_of_the_parent(start: Start) -> None:
    child = "die_with(Process.from_text(sys.argv[1])); print('watching'); time.sleep(60)"
    lines = f"import os, sys, time\nfrom seqloom.train.watch import *\n{child}"
    script = (
        "import subprocess, threading\n"
        "def launch():\n"
        "    global child\n"
        f"    command = [sys.executable, '-u', '-c', {lines!r}, Process.current().to_text()]\n"
        "    child = subprocess.Popen(command, stdout=subprocess.PIPE)\n"
        "    child.stdout.readline()\n"
        "thread = threading.Thread(target=launch); thread.start(); thread.join()\n"
        "time.sleep(1); print(child.poll()); child.kill(); child.wait()"
    )
    assert say(start(script)) == "None"


def test_workers_of_a_sweep_end_with_it(start: Start) -> None:
    # Its parent, which may be the manager of a pool, lives on; it is the sweep that counts.
    worker = "die_with_sweep(); die_with_sweep(); print(Process.current().to_text())"
    lines = f"import os, sys, time\nfrom seqloom.train.watch import *\n{worker}; time.sleep(60)"
    script = (
        "import subprocess\n"
        "with naming_sweep():\n"
        f"    command = [sys.executable, '-u', '-c', {lines!r}]\n"
        "    subprocess.run(['sh', '-c', '\"$@\"; :', 'sh', *command])"
    )
    sweep = start(script)
    known = Process.from_text(say(sweep))
    assert known.alive()
    sweep.kill()
    assert gone(known)


def test_the_sweep_itself_follows_nobody() -> None:
    assert sweep_leader() is None
    with naming_sweep() as leader:
        assert leader == Process.current()
        assert sweep_leader() is None
        die_with_sweep()
        before = os.environ[SWEEP_VARIABLE]
        with naming_sweep():
            pass
        assert os.environ[SWEEP_VARIABLE] == before
    assert SWEEP_VARIABLE not in os.environ


@pytest.mark.parametrize(
    ("job", "boot", "follows"),
    [("7", None, True), ("8", None, False), (None, None, False), ("7", "another machine", False)],
)
def test_only_a_job_of_the_same_allocation_here_follows(
    monkeypatch: pytest.MonkeyPatch, job: str | None, boot: str | None, follows: bool
) -> None:
    own = Process.current()
    leader = Process(os.getppid(), "1", own.host, boot or own.boot)
    monkeypatch.setenv(SWEEP_VARIABLE, f"{leader.to_text()};7")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    if job is not None:
        monkeypatch.setenv("SLURM_JOB_ID", job)
    assert sweep_leader() == (leader if follows else None)


def test_a_variable_that_holds_something_else_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWEEP_VARIABLE, "yes")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(RunError, match=f"{SWEEP_VARIABLE} .*unset it"):
        die_with_sweep()


def test_a_process_is_known_where_there_is_no_proc() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        first = watch._start_by_ps(child.pid)
        assert first
        assert watch._start_by_ps(child.pid) == first
        child.kill()
    assert watch._start_by_ps(child.pid) is None


def test_a_process_of_another_user_that_is_hidden_counts_as_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hidden(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    other = replace(Process.current(), pid=1, started="7")
    monkeypatch.setattr(watch, "_start_by_proc", hidden)
    assert other.alive()
    monkeypatch.setattr(watch, "_start_by_proc", lambda pid: Path("/no/such").read_text())
    monkeypatch.setattr(os, "kill", hidden)
    assert other.alive()
