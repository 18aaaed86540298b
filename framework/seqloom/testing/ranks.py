"""Run a function in two real processes that train together."""

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

from seqloom.testing.compare import ConformanceError, NotApplicable, describe_error

RANKS = 2
LIMIT = 120.0
"""Seconds that the two processes may take; more counts as a hang."""


def on_two_ranks(function: Callable[..., Any], *args: Any) -> list[Any]:
    """Call a function in two processes joined by gloo; return the results of ranks 0 and 1.

    In the function, ``torch.distributed.get_rank()`` is the rank. The processes are forks if that
    is safe, so that closures work. Beside an accelerator, whose threads a fork would lack, they
    are spawned: then the function and its arguments must be picklable.

    Raises:
        ConformanceError: A rank raised, died, or did not end in time.
        NotApplicable: Two ranks cannot be started here.
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
        raise NotApplicable("this build of torch has no gloo, which two ranks on a CPU need")
    if distributed.is_initialized():
        raise NotApplicable("this process is itself a rank")
    if _method() == "spawn":
        try:
            ForkingPickler.dumps((function, args))
        except Exception as error:
            raise NotApplicable(
                "two ranks must be spawned here, and what they need cannot be pickled "
                f"({error}); define it at the top of a module"
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
    """Fork without a warning: idle threads do not harm a child that uses only one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
        yield


def _result(folder: Path, rank: int) -> Path:
    return folder / f"result-{rank}"


def _error(folder: Path, rank: int) -> Path:
    return folder / f"error-{rank}"


def _run(
    rank: int, folder: Path, limit: float, function: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    """Run one rank: leave a result or an error in the folder."""
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
    except BaseException as error:
        applies = not isinstance(error, NotApplicable)
        failure = (time.monotonic(), applies, describe_error(error))
        _write(_error(folder, rank), pickle.dumps(failure))
        return
    _write(_result(folder, rank), found)
    distributed.destroy_process_group()


def _write(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.rename(path)


def _await(ranks: list[BaseProcess], folder: Path) -> None:
    """Wait until all ranks have ended; raise as soon as one has failed."""
    deadline = time.monotonic() + LIMIT
    running = dict(enumerate(ranks))
    while running:
        left = deadline - time.monotonic()
        connection.wait([rank.sentinel for rank in running.values()], max(0.0, left))
        ended = [number for number, rank in running.items() if rank.exitcode is not None]
        _raise_first_error(folder)
        for number in ended:
            code = running.pop(number).exitcode
            if not _result(folder, number).exists():
                raise ConformanceError(f"rank {number} of two died with exit code {code}")
        if not ended and left <= 0:
            names = " and ".join(str(number) for number in running)
            raise ConformanceError(
                f"rank {names} of two did not end within {LIMIT:g} s; does one wait for the other?"
            )


def _raise_first_error(folder: Path) -> None:
    """Raise the first error: the other rank's is then its lost partner."""
    errors = [
        (*pickle.loads(path.read_bytes()), number)
        for number in range(RANKS)
        if (path := _error(folder, number)).exists()
    ]
    if errors:
        _, applies, text, number = min(errors)
        raise (ConformanceError if applies else NotApplicable)(f"rank {number} of two: {text}")
