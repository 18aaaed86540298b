"""Two real processes that train together, for the checks that need them."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from seqloom.testing.compare import ConformanceError, NotApplicable, told

RANKS = 2
LIMIT = 120.0
"""Seconds that the two processes may take; more is taken for a hang."""


def on_two_ranks(function: Callable[..., Any], *args: Any) -> list[Any]:
    """Call the function in two processes joined by gloo; return what rank 0 and rank 1 gave.

    ``torch.distributed.get_rank()`` tells them apart. The processes are forks where that is safe,
    so that closures will do. Beside an accelerator, whose threads a fork would lack, they start
    anew: then the function and its arguments must be picklable.

    Raises:
        ConformanceError: a rank raised, died, or did not end in time.
        NotApplicable: two ranks cannot be started here.
    """
    _require_startable(function, args)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ranks = _started(_method(), folder, function, args)
        try:
            _await(ranks, folder)
        finally:
            for rank in ranks:
                rank.kill()
                rank.join()
        return [pickle.loads(_result(folder, rank).read_bytes()) for rank in range(RANKS)]


def _method() -> str:
    alone = sys.platform == "linux" and not torch.accelerator.is_available()
    return "fork" if alone else "spawn"


def _require_startable(function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    if not distributed.is_available() or not distributed.is_gloo_available():
        raise NotApplicable("this build of torch has no gloo, so no two ranks on one machine")
    if distributed.is_initialized():
        raise NotApplicable("this process is a rank itself")
    if _method() == "spawn":
        try:
            ForkingPickler.dumps((function, args))
        except Exception as fault:
            raise NotApplicable(
                "here two ranks must start anew, and what they need cannot be pickled "
                f"({fault}); define it at the top of a module"
            ) from None


def _started(
    method: str, folder: Path, function: Callable[..., Any], args: tuple[Any, ...]
) -> list[BaseProcess]:
    context: Any = multiprocessing.get_context(method)
    ranks = [
        context.Process(target=_run, args=(number, folder, LIMIT, function, args), daemon=True)
        for number in range(RANKS)
    ]
    with quiet_forks():
        for rank in ranks:
            rank.start()
    return ranks


@contextmanager
def quiet_forks() -> Iterator[None]:
    """Fork without a warning: threads that wait are no danger to a child that uses one only."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
        yield


def _result(folder: Path, rank: int) -> Path:
    return folder / f"result-{rank}"


def _fault(folder: Path, rank: int) -> Path:
    return folder / f"fault-{rank}"


def _run(
    rank: int, folder: Path, limit: float, function: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    """Be one rank: leave a result or a fault in the folder."""
    torch.set_num_threads(1)  # a fork has none of its parent's threads
    try:
        distributed.init_process_group(
            "gloo",
            init_method=f"file://{folder}/store",
            rank=rank,
            world_size=RANKS,
            timeout=timedelta(seconds=limit),
        )
        found = pickle.dumps(function(*args))
    except BaseException as fault:
        applies = not isinstance(fault, NotApplicable)
        _write(_fault(folder, rank), pickle.dumps((time.monotonic(), applies, told(fault))))
        return
    _write(_result(folder, rank), found)
    distributed.destroy_process_group()


def _write(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.rename(path)


def _await(ranks: list[BaseProcess], folder: Path) -> None:
    """Wait until all ranks have ended; raise as soon as one has gone wrong."""
    deadline = time.monotonic() + LIMIT
    running = dict(enumerate(ranks))
    while running:
        left = deadline - time.monotonic()
        connection.wait([rank.sentinel for rank in running.values()], max(0.0, left))
        ended = [number for number, rank in running.items() if rank.exitcode is not None]
        _raise_first_fault(folder)
        for number in ended:
            code = running.pop(number).exitcode
            if not _result(folder, number).exists():
                raise ConformanceError(f"rank {number} of two died with exit code {code}")
        if not ended and left <= 0:
            names = " and ".join(str(number) for number in running)
            raise ConformanceError(
                f"rank {names} of two did not end within {LIMIT:g} s; does one wait for the other?"
            )


def _raise_first_fault(folder: Path) -> None:
    """Raise what went wrong first: the other rank's fault is then its lost partner."""
    faults = [
        (*pickle.loads(path.read_bytes()), number)
        for number in range(RANKS)
        if (path := _fault(folder, number)).exists()
    ]
    if faults:
        _, applies, text, number = min(faults)
        raise (ConformanceError if applies else NotApplicable)(f"rank {number} of two: {text}")
