"""Give each of several trials that run at once its own share of the machine's cores and GPUs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from seqloom.errors import RunError
from seqloom.files import cannot_write

POLL = 0.2
"""Seconds between two looks for a free slot."""

_held: dict[str, Slot] = {}  # this process's places, by key
_seen: list[tuple[str, ...]] = []  # the GPUs of the last share that was applied here


@dataclass(frozen=True)
class Share:
    """What one of several trials may use.

    Attributes:
        cores: numbers of CPU cores.
        gpus: as ``CUDA_VISIBLE_DEVICES`` names them.
    """

    cores: tuple[int, ...]
    gpus: tuple[str, ...]


def share(slot: int, slots: int, cores: Sequence[int], gpus: Sequence[str], devices: int) -> Share:
    """Return one trial's share: neighbours that are its own, as long as there are enough.

    Where there are fewer cores than trials at once, each trial has one core; the cores go to the
    places in turn, so that several trials share one. Where there are fewer GPUs than the trials use
    together, they go round in turn as well: a trial has as many as it uses, or all, and shares
    them. What is shared is shared evenly: no core and no GPU has two trials more than another.

    Args:
        slot: the trial's place, from 0.
        slots: places for trials that run at once.
        cores: all there are; they are dealt out to the last.
        gpus: all there are; those beyond what the trials use are left over.
        devices: GPUs that a trial uses; 0: none.

    >>> share(1, 3, cores=range(8), gpus=["0", "1", "2", "3"], devices=1)
    Share(cores=(2, 3, 4), gpus=('1',))
    >>> share(2, 3, cores=range(2), gpus=["0", "1", "2"], devices=2)  # cores and GPUs in turn
    Share(cores=(0,), gpus=('1', '2'))
    """
    if len(cores) >= slots:
        own = cores[_edge(slot, slots, cores) : _edge(slot + 1, slots, cores)]
    else:
        own = [cores[slot % len(cores)]] if cores else []
    count = min(devices, len(gpus))
    turns = (gpus[(slot * count + turn) % len(gpus)] for turn in range(count))
    return Share(tuple(own), tuple(turns))


def _edge(slot: int, slots: int, cores: Sequence[int]) -> int:
    return slot * len(cores) // slots


def cores() -> list[int]:
    """Return the CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def gpus() -> list[str]:
    """Return the GPUs that this process may use, without waking CUDA."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return [str(number) for number in range(_count_gpus())]
    found: list[str] = []
    for name in map(str.strip, named.split(",")):
        if name in ("", "-1", "NoDevFiles"):  # CUDA sees nothing from here on
            break
        found.append(name)
    return found


def _count_gpus() -> int:
    files = len(list(Path("/dev").glob("nvidia[0-9]*")))
    program = shutil.which("nvidia-smi")
    if files or program is None:
        return files
    listing = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)
    return sum(line.startswith("GPU ") for line in listing.stdout.splitlines())


@contextmanager
def apply(share: Share, threads: int | None) -> Iterator[None]:
    """Keep this process, and those it starts within the block, to a share.

    A share without GPUs says nothing about them. Processes inherit all of it: cores, GPUs and the
    number of threads.

    Args:
        share: what may be used.
        threads: that torch may use on the CPU; None: one for each core of the share.

    Raises:
        RunError: CUDA runs in this process and sees other GPUs already.
    """
    _refuse_late(share)
    count = threads or len(share.cores)
    chosen = {"OMP_NUM_THREADS": str(count)} if count else {}
    if share.gpus:
        chosen["CUDA_VISIBLE_DEVICES"] = ",".join(share.gpus)
        _seen[:] = [share.gpus]
    with _environment(chosen), _affinity(share.cores), _threads(count):
        yield


def _refuse_late(share: Share) -> None:
    torch = sys.modules.get("torch")
    if share.gpus and [share.gpus] != _seen and torch and torch.cuda.is_initialized():
        raise RunError(
            f"This trial should use GPU {', '.join(share.gpus)}, but its process has already "
            "started CUDA with others. Start it in a process of its own."
        )


@contextmanager
def _environment(chosen: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _affinity(cores: Collection[int]) -> Iterator[None]:
    if not cores or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    _pin(cores)
    try:
        yield
    finally:
        _pin(before)


def _pin(cores: Collection[int]) -> None:
    # Each thread has cores of its own; only threads to come take after the one that starts them.
    for task in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended
            os.sched_setaffinity(int(task.name), cores)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    torch = sys.modules.get("torch")  # what is not imported yet goes by the environment
    if not count or torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class Slot:
    """One of several places for trials on this machine, held until the process ends.

    Attributes:
        number: from 0.
        lock: descriptor of the open file whose lock holds the place.
    """

    number: int
    lock: int


def claim(slots: int, key: str) -> Slot:
    """Take one of some places on this machine, and wait while all are taken.

    It is freed when the process ends, however it ends. A process that has one for the key keeps
    it: a joblib worker runs many trials in one place, as CUDA cannot change its GPUs once it runs.

    Args:
        slots: places there are.
        key: of those who share the places; a sweep's folder.

    Raises:
        RunError: the temporary folder cannot be written.
    """
    while key not in _held:
        found = _first_free(slots, key)
        if found is None:
            time.sleep(POLL)
        else:
            _held[key] = found
            _remove("*")  # what sweeps left whose workers outlived them
    return _held[key]


def tidy(key: str) -> None:
    """Remove the lock files of a key, but for those of places that are held.

    Idle joblib workers hold theirs until they end; the next claim of any key removes those.

    Args:
        key: see :func:`claim`.
    """
    _remove(f"{_name(key)}-*")


def _first_free(slots: int, key: str) -> Slot | None:
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for number in range(slots):
            lock = _try(folder / f"{_name(key)}-{number}.lock")
            if lock is not None:
                return Slot(number, lock)
    except OSError as fault:
        raise cannot_write(folder, fault) from fault
    return None


def _remove(pattern: str) -> None:
    for path in _folder().glob(f"{pattern}.lock"):
        with suppress(OSError):  # it is of no use and does no harm
            lock = _try(path)
            if lock is not None:
                try:
                    path.unlink(missing_ok=True)  # while it is locked: see _try
                finally:
                    os.close(lock)


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / f"seqloom-{os.getuid()}"


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _try(path: Path) -> int | None:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another process may have removed the file in the meantime; it then locks nothing.
        if os.path.samestat(path.stat(), os.fstat(lock)):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _forget() -> None:
    for slot in _held.values():
        os.close(slot.lock)
    _held.clear()


os.register_at_fork(after_in_child=_forget)  # else a data worker would hold its parent's place
