"""A signal sets a flag, or ends what is not worth finishing; nothing else changes."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fork_server import Forked, ForkServer

from seqloom.train import preemption
from seqloom.train.preemption import EXIT_CODE, SIGNALS, Preempted

from .conftest import wait

Python = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def noticed() -> Iterator[None]:
    with preemption.handled():
        yield


def tell(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.usefixtures("noticed")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_sets_a_flag(number: signal.Signals) -> None:
    assert preemption.requested() is None
    preemption.check()
    tell(number)
    tell(signal.SIGTERM)  # a second one changes nothing
    assert preemption.requested() is number
    with pytest.raises(Preempted, match=number.name) as left:
        preemption.check()
    assert left.value.code == EXIT_CODE == os.EX_TEMPFAIL


@pytest.mark.usefixtures("noticed")
def test_a_block_is_left_where_a_signal_comes_and_once() -> None:
    done = []

    def work() -> None:
        with preemption.at_once():
            try:
                tell(signal.SIGUSR1)
            finally:
                tell(signal.SIGUSR1)  # what ends already must not be ended
                done.append("tidied up")

    with pytest.raises(Preempted):
        work()
    with pytest.raises(Preempted):
        work()
    assert done == ["tidied up"]


@pytest.mark.usefixtures("noticed")
def test_a_block_that_swallows_everything_is_left_at_its_end() -> None:
    def work() -> None:
        with preemption.at_once():
            try:
                tell()
            except BaseException:
                done.append("swallowed")

    done: list[str] = []
    with pytest.raises(Preempted):
        work()
    assert done == ["swallowed"]


def test_the_handlers_of_before_come_back() -> None:
    found: list[int] = []

    def own(number: int, _: object) -> None:
        found.append(number)

    before = {number: signal.signal(number, own) for number in SIGNALS[:2]}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with preemption.handled():
            tell(signal.SIGHUP)
            assert preemption.requested() is None
            tell(signal.SIGUSR1)
            assert preemption.requested() is None  # it is the program's
            tell(signal.SIGTERM)
            with preemption.handled():
                pass
            assert preemption.requested() is signal.SIGTERM
        assert found == [signal.SIGUSR1]
        tell(signal.SIGTERM)
        assert found == [signal.SIGUSR1, signal.SIGTERM]
        assert preemption.requested() is None
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_thread_cannot_have_handlers_and_needs_none() -> None:
    found: list[object] = []

    def work() -> None:
        with preemption.handled(), preemption.at_once():
            preemption.request("nobody listens")
            found.append(preemption.requested())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None]


@pytest.mark.usefixtures("noticed")
def test_a_process_that_leads_tells_those_that_follow(tmp_path: Path) -> None:
    path = tmp_path / "preempted"
    with preemption.passing_on(path):
        tell(signal.SIGUSR2)
        wait(lambda: path.exists() and path.read_text() != "")
        assert path.read_text() == "SIGUSR2"
    assert not path.exists()
    path.write_text("SIGUSR2")
    preemption._flag.received = None  # as in a process that starts to follow later
    with pytest.raises(Preempted, match="SIGUSR2"), preemption.following(path):
        raise AssertionError("it is there already")
    path.unlink()
    preemption._flag.received = None
    with pytest.raises(Preempted, match="SIGHUP"):
        _work_until_told(path)
    with preemption.passing_on(path):  # the next attempt
        assert not path.exists()


def _work_until_told(path: Path) -> None:
    with preemption.following(path), preemption.at_once():
        path.write_text("SIGHUP")
        time.sleep(20)


@pytest.mark.usefixtures("noticed")
def test_a_fork_ends_as_it_would_without_us() -> None:
    tell()
    pid = os.fork()
    if pid == 0:
        os._exit(3 if preemption.requested() else _sleep())
    time.sleep(0.1)
    os.kill(pid, signal.SIGTERM)
    assert os.waitpid(pid, 0)[1] == signal.SIGTERM


def _sleep() -> int:
    time.sleep(20)
    return 4


def test_it_comes_back_from_another_process() -> None:
    again = pickle.loads(pickle.dumps(Preempted("SIGTERM")))
    assert (str(again), again.code) == ("SIGTERM", EXIT_CODE)


def test_importing_it_imports_nothing_else(python: Python) -> None:
    done = python(
        "import sys, seqloom.cli.main, seqloom.train.preemption\n"
        "print({'numpy', 'hydra', 'torch', 'yaml'} & set(sys.modules))"
    )
    assert done.stdout.strip() == "set()"


IMPORTS = """
import os, signal, sys
from seqloom.cli import main
class Heavy:
    def find_spec(self, name, *rest):
        if name == "hydra":
            os.kill(os.getpid(), signal.SIGUSR1)
sys.meta_path.insert(0, Heavy())
sys.argv = ["seqloom", "train", "encoder=lstm"]
try:
    main.main()
finally:
    print("torch" in sys.modules)
"""


def test_a_signal_while_it_imports_ends_it_before_the_next_import(python: Python) -> None:
    done = python(IMPORTS)
    assert done.returncode == EXIT_CODE
    assert (done.stdout, done.stderr) == ("False\n", "Preempted (SIGUSR1).\n")


AT_EXIT = """
import atexit, os, signal, sys
from seqloom.cli import main
from seqloom.train import preemption
atexit.register(lambda: print(__import__("wave").__name__))
main.run = lambda arguments: os.kill(os.getpid(), signal.SIGUSR1) or preemption.EXIT_CODE
sys.argv = ["seqloom", "train"]
main.main()
"""


def test_libraries_may_import_when_a_program_ends_that_was_preempted(python: Python) -> None:
    done = python(AT_EXIT)
    assert (done.returncode, done.stdout, done.stderr) == (EXIT_CODE, "wave\n", "")


def test_a_program_that_calls_fit_ends_with_the_status(
    tmp_path: Path, small: tuple[str, ...], fork_server: ForkServer
) -> None:
    script = (
        "import os, signal, seqloom, seqloom.train.run as run\n"
        "prepare = run.prepare_data\n"
        "def slow(*args):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return prepare(*args)\n"
        "run.prepare_data = slow\n"
        f"seqloom.fit(*{small!r}, run_dir={str(tmp_path / 'run')!r})"
    )
    process = Forked(fork_server, script, stderr=subprocess.PIPE, text=True)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == EXIT_CODE, said
    assert "Preempted (SIGTERM).\n" in said
    assert f"To resume: the same command with run_dir={tmp_path / 'run'} resume=auto" in said
