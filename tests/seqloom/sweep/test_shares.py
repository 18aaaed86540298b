"""Trials that run at once do not get in each other's way."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqloom.cores import available_cores
from seqloom.errors import RunError
from seqloom.sweep import shares
from seqloom.sweep.shares import Share, apply, available_gpus, claim, share, tidy

WORK = """
import os, sys, time
from pathlib import Path
from seqloom.sweep.shares import claim, tidy
for turn in range(int(sys.argv[2])):
    if os.fork() == 0:
        slot = claim(2, sys.argv[1])
        mark = Path(sys.argv[1]) / str(slot.number)
        mark.mkdir()  # fails if another is in this slot
        time.sleep(0.01)
        mark.rmdir()
        os._exit(0)
    assert os.wait()[1] == 0
    tidy(sys.argv[1])
print("done", flush=True)
"""

HOLD = """
import sys
from seqloom.sweep.shares import claim
print(claim(2, sys.argv[1]).number, flush=True)
sys.stdin.readline()
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Start]:
    """Start Python on a script, with a folder of its own for locks."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    started: list[subprocess.Popen[str]] = []

    def _start(script: str, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, *words]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield _start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Have this process hold no places, and free at the end those that it has taken."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(shares, "_held", held := dict[str, shares.Slot]())
    yield
    for slot in held.values():
        os.close(slot.lock)


def say(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def speaks(process: subprocess.Popen[str], within: float) -> bool:
    """Return whether a process says something within some seconds."""
    assert process.stdout is not None
    return bool(select.select([process.stdout.fileno()], [], [], within)[0])


def tell(process: subprocess.Popen[str]) -> None:
    """Send a process a line."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def names(count: int) -> list[str]:
    """Return as many GPUs."""
    return [str(number) for number in range(count)]


@given(slots=st.integers(1, 12), count=st.integers(1, 40))
def test_cores_are_neighbours_and_none_is_shared_where_there_are_enough(
    slots: int, count: int
) -> None:
    dealt = [share(slot, slots, range(3, 3 + count), [], 0).cores for slot in range(slots)]
    flat = [core for own in dealt for core in own]
    if count >= slots:
        assert flat == list(range(3, 3 + count))  # in order, so each has neighbours
        assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
    else:
        assert flat == [3 + slot % count for slot in range(slots)]


@given(slots=st.integers(1, 8), count=st.integers(0, 16), devices=st.integers(0, 4))
def test_gpus_are_a_trial_s_own_where_there_are_enough(
    slots: int, count: int, devices: int
) -> None:
    dealt = [share(slot, slots, range(4), names(count), devices).gpus for slot in range(slots)]
    flat = [gpu for own in dealt for gpu in own]
    each = min(devices, count)
    assert all(len(set(own)) == len(own) == each for own in dealt)
    if slots * devices <= count:
        assert flat == names(slots * devices)
    elif each:
        uses = [flat.count(gpu) for gpu in names(count)]
        assert max(uses) - min(uses) <= 1


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("2, 0", ["2", "0"]),
        ("1,-1,0", ["1"]),
        ("GPU-8a,MIG-7", ["GPU-8a", "MIG-7"]),
    ],
)
def test_only_visible_gpus_are_dealt(
    monkeypatch: pytest.MonkeyPatch, visible: str, expected: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert available_gpus() == expected


def test_gpus_are_counted_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert available_gpus() == names(torch.cuda.device_count())
    assert not torch.cuda.is_initialized()


def test_gpus_without_device_files_are_asked_of_the_driver(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf 'GPU 0: A (UUID: x)\\nGPU 1: A (UUID: y)\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    assert available_gpus() == ["0", "1"]


def test_a_share_binds_all_threads_and_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    asked, answered = threading.Event(), threading.Event()
    found: list[set[int]] = []

    def older() -> None:
        asked.wait()
        found.append(os.sched_getaffinity(0))
        answered.set()

    threading.Thread(target=older, daemon=True).start()
    last = max(before)
    with apply(Share((last,), ("3", "5")), threads=None):
        assert os.sched_getaffinity(0) == {last}
        assert available_cores() == [last]
        assert available_gpus() == ["3", "5"]
        assert torch.get_num_threads() == 1
        asked.set()
        answered.wait(600)
        script = "import os; print(*os.sched_getaffinity(0), os.environ['OMP_NUM_THREADS'])"
        child = subprocess.check_output([sys.executable, "-c", script], text=True)
        assert child.split() == [str(last), "1"]
    assert found == [{last}]
    assert os.sched_getaffinity(0) == before
    assert torch.get_num_threads() == threads
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_a_share_is_put_back_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,2")
    before = os.sched_getaffinity(0)
    with pytest.raises(ValueError, match="stop"), apply(Share((min(before),), ("1",)), threads=2):
        raise ValueError("stop")
    assert os.sched_getaffinity(0) == before
    assert available_gpus() == ["1", "2"]


def test_threads_are_as_many_as_asked() -> None:
    with apply(Share(tuple(available_cores()), ()), threads=3):
        assert torch.get_num_threads() == 3
        assert os.environ["OMP_NUM_THREADS"] == "3"


def test_a_share_comes_too_late_once_cuda_sees_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "_seen", [])
    awake = SimpleNamespace(is_initialized=lambda: True)
    first = Share((), ("0",))
    with apply(first, threads=None):
        pass
    monkeypatch.setattr(torch, "cuda", awake)
    with apply(first, threads=None):  # the next trial of a joblib worker, in the same slot
        pass
    with apply(Share((), ()), threads=None):
        pass
    with pytest.raises(RunError, match=r"GPU 1.*in its own process"):
        apply(Share((), ("1",)), threads=None).__enter__()


def locks(tmp_path: Path) -> list[Path]:
    """Return the lock files there are."""
    return sorted((tmp_path / "temporary").glob("*/*"))


def test_two_are_never_in_one_slot(start: Start, tmp_path: Path) -> None:
    # They claim, end and tidy up all the time, in each other's midst.
    workers = [start(WORK, str(tmp_path), "25") for _ in range(4)]
    for worker in workers:
        assert say(worker) == "done"
    tidy(str(tmp_path))
    assert locks(tmp_path) == []


def test_places_are_tidied_once_nobody_holds_them(start: Start, tmp_path: Path) -> None:
    first = start(HOLD, "sweep")
    assert say(first) == "0"
    held = locks(tmp_path)
    second = start(HOLD, "sweep")
    assert say(second) == "1"
    second.kill()
    second.wait()
    assert len(locks(tmp_path)) == 2
    tidy("other")
    assert len(locks(tmp_path)) == 2
    tidy("sweep")
    assert locks(tmp_path) == held
    third = start(HOLD, "sweep")
    assert say(third) == "1"
    for process in (first, third):  # as joblib's workers, they end after the sweep has tidied up
        process.kill()
        process.wait()
    assert say(start(HOLD, "other")) == "0"
    assert len(locks(tmp_path)) == 1
    assert not set(locks(tmp_path)) & set(held)


def test_nothing_to_tidy_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder in (tmp_path, file, tmp_path / "none"):
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        tidy("a")
    assert list(tmp_path.iterdir()) == [file]


def test_a_slot_is_freed_when_its_holder_is_killed(start: Start, tmp_path: Path) -> None:
    first = start(HOLD, str(tmp_path))
    second = start(HOLD, str(tmp_path))
    held = {say(first), say(second)}
    assert held == {"0", "1"}
    third = start(HOLD, str(tmp_path))
    first.kill()
    first.wait()
    assert say(third) in held
    assert second.poll() is None


@pytest.mark.usefixtures("fresh")
def test_a_process_keeps_its_slot() -> None:
    first = claim(3, "a")
    assert claim(3, "a") is first
    assert claim(3, "b").number == 0  # other trials, other places
    tidy("a")
    assert claim(3, "a") is first


def test_a_fork_does_not_hold_its_parent_s_slot(start: Start, tmp_path: Path) -> None:
    script = """
import os, sys, time
from seqloom.sweep.shares import claim
slot = claim(1, sys.argv[1])
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.readline()
    os._exit(0)
time.sleep(60)
"""
    parent = start(script, str(tmp_path))
    assert say(parent) == "forked"
    waiting = start("print('ready', flush=True)" + HOLD.replace("2", "1"), str(tmp_path))
    assert say(waiting) == "ready"
    assert not speaks(waiting, within=1)
    parent.kill()
    parent.wait()
    assert speaks(waiting, within=20)
    tell(parent)  # lets the fork end


@pytest.mark.usefixtures("fresh")
def test_a_lock_that_was_removed_meanwhile_locks_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    flock, removed = fcntl.flock, list[Path]()

    def late(lock: int, how: int) -> None:
        if not removed:  # another process tidies up after we opened the file
            removed.extend(tmp_path.glob("*/*.lock"))
            removed[0].unlink()
        flock(lock, how)

    monkeypatch.setattr(fcntl, "flock", late)
    slot = claim(1, "a")
    assert [*tmp_path.glob("*/*.lock")] == removed
    assert os.path.samestat(removed[0].stat(), os.fstat(slot.lock))


@pytest.mark.usefixtures("fresh")
def test_locks_that_cannot_be_written_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr("tempfile.tempdir", str(file))
    with pytest.raises(RunError, match="Cannot write"):
        claim(1, "a")


def test_the_lock_of_a_file_that_was_replaced_is_void(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock = tmp_path / "slot", shares.fcntl.flock

    def late(file: int, how: int) -> None:
        path.unlink()
        path.touch()
        flock(file, how)

    monkeypatch.setattr(shares.fcntl, "flock", late)
    assert shares._try(path) is None
    monkeypatch.undo()
    lock = shares._try(path)
    assert lock is not None
    assert shares._try(path) is None
    os.close(lock)
