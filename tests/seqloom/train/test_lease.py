"""One process at a time writes a folder, whoever dies and wherever it runs."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seqloom.errors import RunError
from seqloom.train import lease as module
from seqloom.train.lease import EXPIRY, Lease, holder
from seqloom.train.watch import Process

from .conftest import names, say, stands, wait, write_lease

HOLD = """
import sys
from pathlib import Path
from seqloom.errors import RunError
from seqloom.train.lease import Lease
sys.stdin.readline() if "wait" in sys.argv else None
try:
    with Lease(Path(sys.argv[1])) as lease:
        print(lease.token, flush=True)
        sys.stdin.readline()
except RunError as fault:
    print("refused:", fault, flush=True)
"""

BOOT = Process.current().boot.partition("/")[0]
"""Tells this machine; a container on it has it too, with numbers of processes of its own."""

APART = ("--user", "--map-root-user", "--pid", "--fork", "--mount-proc")
"""Has a program run with numbers of processes of its own, as in a container."""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start processes that take a folder, say so, and hold it until a line comes."""
    started: list[subprocess.Popen[str]] = []

    def _start(folder: Path, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(folder), *words]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield _start
    for process in started:
        process.kill()
        process.communicate()


def tell(process: subprocess.Popen[str]) -> None:
    """Send a process a line."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_lease_names_its_holder_and_goes_with_the_block(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet"
    with Lease(folder) as lease:
        found = json.loads((folder / "lease.json").read_text(encoding="utf-8"))
        assert found["pid"] == os.getpid()
        assert found["token"] == lease.token
        known = holder(folder)
        assert known is not None
        assert (known.token, known.process) == (lease.token, Process.current())
        assert names(folder) == ["lease.json"]
    assert holder(folder) is None
    assert names(folder) == []


def test_the_same_process_is_refused_too(tmp_path: Path) -> None:
    with Lease(tmp_path), pytest.raises(RunError, match="this process itself"), Lease(tmp_path):
        pass
    with Lease(tmp_path):
        pass


def test_a_copy_of_a_held_folder_is_told_from_it(tmp_path: Path) -> None:
    folder, copy, other = tmp_path / "run", tmp_path / "copy", tmp_path / "other"
    with Lease(folder):
        shutil.copytree(folder, copy)
        with pytest.raises(
            RunError, match=rf"^{copy} is in use: it seems to be a copy of .*"
        ) as no:
            Lease(copy).__enter__()
        assert "kill" not in str(no.value)
        assert f"remove {copy / 'lease.json'} and try again" in str(no.value)
        (copy / "lease.json").unlink()
        with Lease(copy):
            pass
        folder.rename(other)
        with pytest.raises(RunError, match=rf"^{other} is in use: process {os.getpid()} on "):
            Lease(other).__enter__()
        other.rename(folder)


@pytest.mark.parametrize("dead", [False, True])
def test_of_eight_that_try_at_once_exactly_one_wins(
    tmp_path: Path, start: Start, dead: bool
) -> None:
    if dead:
        write_lease(tmp_path, started="long ago")
    racers = [start(tmp_path, "wait") for _ in range(8)]
    for racer in racers:
        tell(racer)
    said = [say(racer) for racer in racers]
    winners = [line for line in said if not line.startswith("refused:")]
    assert len(winners) == 1
    assert json.loads((tmp_path / "lease.json").read_text())["token"] == winners[0]
    assert names(tmp_path) == ["lease.json"]


def test_many_threads_take_a_dead_lease_over_once(tmp_path: Path) -> None:
    # Threads meet far more often than processes that take a second to start.
    script = """
import sys, threading, json, os, itertools
from pathlib import Path
from seqloom.errors import RunError
from seqloom.train.lease import Lease, holder
sys.setswitchinterval(1e-6)
folder = Path(sys.argv[1])
for turn in range(60):
    dead = json.loads((folder / "dead.json").read_text()) | {"token": f"old{turn}"}
    (folder / "lease.json").write_text(json.dumps(dead))
    barrier, won = threading.Barrier(6), []
    def race():
        lease = Lease(folder)
        barrier.wait()
        try:
            lease.__enter__()
            won.append(lease)
        except RunError:
            pass
    threads = [threading.Thread(target=race) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(won) == 1, (turn, won)
    assert holder(folder).token == won[0].token
    won[0].__exit__(None, None, None)
    assert sorted(os.listdir(folder)) == ["dead.json"], os.listdir(folder)
"""
    write_lease(tmp_path, started="long ago").rename(tmp_path / "dead.json")
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=600)


def test_a_killed_holder_is_followed_at_once(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path)
    assert say(process)
    with pytest.raises(RunError, match=rf"process {process.pid} .*kill {process.pid}"):
        Lease(tmp_path).__enter__()
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, though not yet buried
    assert holder(tmp_path) is None
    with Lease(tmp_path) as lease:
        assert stands(lease, tmp_path)


def test_a_stopped_holder_holds_on(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path)
    assert say(process)
    process.send_signal(signal.SIGSTOP)
    path = tmp_path / "lease.json"
    os.utime(path, (time.time() - 10 * EXPIRY,) * 2)
    with pytest.raises(RunError, match=f"process {process.pid}"):
        Lease(tmp_path).__enter__()
    process.send_signal(signal.SIGCONT)


def test_a_number_that_another_process_bears_now_holds_nothing(tmp_path: Path) -> None:
    write_lease(tmp_path, started="1")
    assert holder(tmp_path) is None
    with Lease(tmp_path):
        assert holder(tmp_path) is not None


@pytest.mark.parametrize("boot", ["another machine", f"{BOOT}/pid:[1]"])
def test_a_holder_elsewhere_is_alive_while_it_renews(tmp_path: Path, boot: str) -> None:
    # The number is of a live process here, which must not count: it means another one there.
    write_lease(tmp_path, age=EXPIRY / 2, boot=boot, host="node7")
    known = holder(tmp_path)
    assert known is not None
    assert known.process is not None
    assert known.process.host == "node7"
    with pytest.raises(RunError, match=r"on node7 .*renewed it (29|30|31) s ago"):
        Lease(tmp_path).__enter__()
    assert names(tmp_path) == ["lease.json"]
    write_lease(tmp_path, age=EXPIRY + 1, boot=boot, host="node7", pid=os.getppid())
    assert holder(tmp_path) is None
    with Lease(tmp_path) as lease:
        assert stands(lease, tmp_path)


@pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(["unshare", *APART, "true"], capture_output=True, check=False).returncode > 0,
    reason="needs leave to make a container",
)
def test_a_container_does_not_take_a_holder_outside_for_dead(tmp_path: Path) -> None:
    with Lease(tmp_path):
        command = ["unshare", *APART, sys.executable, "-c", HOLD, str(tmp_path)]
        said = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
        assert f"process {os.getpid()} on" in said.stdout
        assert "renewed it" in said.stdout


def test_the_file_system_s_clock_tells_the_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lease(tmp_path, boot="another machine")
    monkeypatch.setattr(time, "time", lambda: 4e9)
    with pytest.raises(RunError, match="renewed it 0 s ago"):
        Lease(tmp_path).__enter__()
    assert holder(tmp_path) is not None  # who has written there knows that clock
    monkeypatch.setattr(module, "_ahead", {})
    assert holder(tmp_path) is None


@pytest.mark.usefixtures("quickly")
def test_a_renewal_notices_that_a_clock_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    write_lease(tmp_path, boot="another machine")
    with Lease(tmp_path / "own"):
        monkeypatch.setattr(time, "time", lambda: 4e9)
        wait(lambda: holder(tmp_path) is not None)


@pytest.mark.parametrize("content", ["", None])
@pytest.mark.parametrize("boot", [BOOT, "another machine"])
def test_who_looks_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, boot: str
) -> None:
    path = write_lease(tmp_path, boot=boot)
    if content is not None:
        path.write_text(content, encoding="utf-8")
    os.utime(tmp_path, (0, 0))
    before = path.stat()
    monkeypatch.setattr(module, "_ahead", {})
    holder(tmp_path)
    assert tmp_path.stat().st_mtime == 0  # no file came or went, not even for a moment
    assert path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"token": 1}',
        '{"pid": -1, "token": "", "started": "", "host": "", "boot": ""}',
    ],
)
def test_a_damaged_lease_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "lease.json"
    path.write_text(content, encoding="utf-8")
    assert holder(tmp_path) is None
    with pytest.raises(
        RunError, match="another process is acquiring it"
    ):  # where links lack, it may be in the making
        Lease(tmp_path).__enter__()
    os.utime(path, (time.time() - 5,) * 2)
    with Lease(tmp_path) as lease:
        assert stands(lease, tmp_path)
    assert names(tmp_path) == []


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lease.json")
    assert holder(tmp_path) is None
    with (
        pytest.raises(RunError, match=r"lease\.json: it is not a regular"),
        Lease(tmp_path),
    ):
        pass


def test_a_fork_that_ends_leaves_the_lease(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from seqloom.train.lease import Lease, holder
folder = Path(sys.argv[1])
with Lease(folder) as lease:
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        assert holder(folder).token == lease.token
assert holder(folder) is None or not child
"""
    command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)]
    subprocess.run(command, check=True, timeout=600)
    assert names(tmp_path) == []


def test_a_taker_that_died_on_the_way_stops_nobody(tmp_path: Path) -> None:
    write_lease(tmp_path, token="first", started="1")
    guard = tmp_path / ".lease.json.first.taking"
    write_lease(tmp_path, token="second", started="2").rename(guard)
    left = tmp_path / ".lease.json.0.part"
    left.touch()
    os.utime(left, (0, 0))
    write_lease(tmp_path, token="first", started="1")
    with Lease(tmp_path) as lease:
        assert stands(lease, tmp_path)
        assert names(tmp_path) == ["lease.json"]


def test_who_takes_a_dead_lease_over_keeps_others_out(tmp_path: Path) -> None:
    write_lease(tmp_path, token="next", started=Process.current().started).rename(
        tmp_path / ".lease.json.dead.taking"
    )
    write_lease(tmp_path, token="dead", started="1")
    with pytest.raises(RunError, match=r"is in use: .* is this process itself"):
        Lease(tmp_path).__enter__()


@pytest.mark.parametrize("fault", [errno.ENOTSUP, errno.EPERM])
def test_it_works_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    def link(*_: object) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, "link", link)
    write_lease(tmp_path, started="1")
    for _ in range(2):
        with Lease(tmp_path), pytest.raises(RunError, match="in use"), Lease(tmp_path):
            pass
    assert names(tmp_path) == []


def test_a_link_whose_answer_was_lost_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def twice(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", twice)
    with Lease(tmp_path) as lease:
        assert stands(lease, tmp_path)


def test_what_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"Cannot write .*file"):
        Lease(tmp_path / "file").__enter__()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        with pytest.raises(RunError, match="No space left"):
            Lease(tmp_path).__enter__()
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match="No space left"):
        Lease(tmp_path).__enter__()
    assert names(tmp_path) == ["file"]


def test_light() -> None:
    script = (
        "import sys, seqloom.train.lease, seqloom.train.watch, seqloom.sweep.shares;"
        "assert not {'torch', 'pytorch_lightning'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=600)
