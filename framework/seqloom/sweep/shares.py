"""Shares of a machine's cores and GPUs for trials that run at the same time."""

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
from typing import TYPE_CHECKING, Any

from seqloom.cores import available_cores
from seqloom.errors import RunError
from seqloom.files import cannot_write
from seqloom.sweep.folder import SweepFolder, read_plan

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from seqloom.config.run_config import Section

POLL = 0.2
"""Seconds between two attempts to claim a slot."""

_held: dict[str, Slot] = {}  # the slots of this process, by key
_seen: list[tuple[str, ...]] = []  # the GPUs of the last share that was applied in this process


@contextmanager
def own_share(
    sweep: str, launcher: DictConfig, trainer: Section, threads: int | None
) -> Iterator[None]:
    """Restrict a trial to its share of cores and GPUs; wait until one is free.

    This applies to the launchers that run several trials on this machine at once, ``joblib`` and
    ``submitit_local``. Slurm assigns resources itself.

    Args:
        sweep: Folder of the sweep.
        launcher: Hydra's settings of the launcher.
        trainer: The config's section.
        threads: Number of CPU threads of the trial; None: one per core of its share.
    """
    folder = Path(sweep)
    cores, gpus = available_cores(), available_gpus()
    planned = len(read_plan(folder).trials) if SweepFolder(folder).plan.exists() else len(cores)
    count = min(slots(launcher, trainer, threads, len(cores), len(gpus)), planned)
    if count < 2:
        yield
        return
    # Kept until the process ends: a joblib worker that has initialised CUDA cannot change its GPU.
    slot = claim(count, str(folder.absolute()))
    devices = _gpus_wanted(trainer, len(gpus), count)
    mine = share(slot.number, count, cores, gpus, devices)
    with apply(mine, threads):
        yield


def slots(
    launcher: DictConfig, trainer: Section, threads: int | None, cores: int, gpus: int
) -> int:
    """Return how many trials the launcher may run at once on this machine.

    Submitit starts all jobs of a local sweep at once; those without a share wait.

    >>> from omegaconf import OmegaConf
    >>> launcher = OmegaConf.create({"_target_": "x.JoblibLauncher", "n_jobs": -1})
    >>> slots(launcher, {}, None, cores=8, gpus=0)
    8
    """
    target = str(launcher._target_).rpartition(".")[2]
    if target == "JoblibLauncher":
        return jobs_of(int(launcher.get("n_jobs") or 1), cores)
    if target == "LocalLauncher":
        devices = trainer.get("devices", 1)
        ranks = devices if isinstance(devices, int) and devices > 0 else 1
        places = cores // ((threads or 1) * ranks)
        wanted = _gpus_wanted(trainer, gpus, max(1, places))
        return max(1, min(places, gpus // wanted) if wanted else places)
    return 1


def jobs_of(n_jobs: int, cores: int) -> int:
    """Return the number of jobs that joblib's ``n_jobs`` means: -1: one per core, -2: one fewer.

    >>> jobs_of(-2, cores=8)
    7
    """
    return n_jobs if n_jobs > 0 else max(1, cores + 1 + n_jobs)


def _gpus_wanted(trainer: dict[str, Any], gpus: int, places: int) -> int:
    """Return how many GPUs a trial needs; 0 if it needs none, or chooses them itself."""
    if not gpus or trainer.get("accelerator") not in ("auto", "gpu", "cuda"):
        return 0
    devices = trainer.get("devices", 1)
    if isinstance(devices, int) and devices > 0:
        return devices
    return max(1, gpus // places) if devices in ("auto", -1, "-1") else 0


@dataclass(frozen=True)
class Share:
    """The cores and GPUs that a trial may use.

    Attributes:
        cores: Numbers of CPU cores.
        gpus: Names of GPUs, as in ``CUDA_VISIBLE_DEVICES``.
    """

    cores: tuple[int, ...]
    gpus: tuple[str, ...]


def share(slot: int, slots: int, cores: Sequence[int], gpus: Sequence[str], devices: int) -> Share:
    """Return the share of a trial: its own adjacent cores and GPUs, if there are enough.

    If there are fewer cores than slots, each trial gets one core, assigned in turn, so several
    trials share one. If there are fewer GPUs than the trials use together, they are also assigned
    in turn: each trial gets as many as it uses, or all, and shares them. Sharing is even: the
    numbers of trials on two cores, or on two GPUs, differ by at most one.

    Args:
        slot: Slot of the trial, from 0.
        slots: Number of slots for trials that run at the same time.
        cores: All cores; every one is assigned.
        gpus: All GPUs; those beyond what the trials use stay unassigned.
        devices: Number of GPUs that a trial uses; 0: none.

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


def available_gpus() -> list[str]:
    """Return the GPUs that this process may use, without initialising CUDA."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return [str(number) for number in range(_count_gpus())]
    found: list[str] = []
    for name in map(str.strip, named.split(",")):
        if name in ("", "-1", "NoDevFiles"):  # CUDA ignores the rest
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
    """Restrict this process, and those it starts within the block, to a share.

    A share without GPUs does not restrict them. Child processes inherit the cores, the GPUs and
    the number of threads.

    Args:
        share: Share to apply.
        threads: Number of CPU threads of torch; None: one per core of the share.

    Raises:
        RunError: CUDA is already initialised in this process with other GPUs.
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
            "started CUDA with others. Run it in its own process."
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
    # Each thread has its own affinity; only new threads inherit it from the one that starts them.
    for task in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # the thread has ended
            os.sched_setaffinity(int(task.name), cores)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    torch = sys.modules.get("torch")  # if it is imported later, it reads the environment
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
    """A slot for one of several trials on this machine, held until the process ends.

    Attributes:
        number: Number of the slot, from 0.
        lock: Descriptor of the open file whose lock holds the slot.
    """

    number: int
    lock: int


def claim(slots: int, key: str) -> Slot:
    """Claim one of the slots on this machine; wait while all are taken.

    The slot is freed when the process ends, in any way. A process that has one for the key keeps
    it: a joblib worker runs many trials in one slot, since CUDA cannot change its GPUs later.

    Args:
        slots: Number of slots.
        key: Key of those who share the slots: a sweep's folder.

    Raises:
        RunError: The temporary folder cannot be written.
    """
    while key not in _held:
        found = _first_free(slots, key)
        if found is None:
            time.sleep(POLL)
        else:
            _held[key] = found
            _remove("*")  # left by sweeps whose workers outlived them
    return _held[key]


def tidy(key: str) -> None:
    """Remove the lock files of a key, except those of slots that are held.

    Idle joblib workers hold theirs until they end; the next claim of any key removes these.

    Args:
        key: Key of the slots; see :func:`claim`.
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
    except OSError as error:
        raise cannot_write(folder, error) from error
    return None


def _remove(pattern: str) -> None:
    for path in _folder().glob(f"{pattern}.lock"):
        with suppress(OSError):  # a leftover file does no harm
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
        # If another process has removed the file in the meantime, its lock is void.
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


os.register_at_fork(after_in_child=_forget)  # else a data worker would hold its parent's slot
