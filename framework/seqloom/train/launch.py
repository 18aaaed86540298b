"""Start a run's ranks from its folder, and end them all when one of them fails."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from seqloom.errors import (
    BundleError,
    ConfigError,
    DataError,
    PluginError,
    RunError,
    SeqloomError,
)
from seqloom.train.folder import RunFolder
from seqloom.train.rank import FORMAT_VARIABLE, OWNER_VARIABLE
from seqloom.train.watch import Process

log = logging.getLogger("seqloom")

GRACE = 3
"""Seconds that ranks are given to end by themselves when another one has failed."""

KINDS: dict[str, type[SeqloomError]] = {
    kind.__name__: kind for kind in (BundleError, ConfigError, DataError, PluginError)
}
"""What an error of a rank becomes; anything else is a ``RunError``."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""What elastic listens to."""

TAIL = 15
"""How many lines of a rank's output an error shows, where the rank left no word of its own."""


def launch(folder: RunFolder, processes: int, *, going_on: bool) -> dict[str, Any]:
    """Run a prepared run on so many ranks of this machine; return what its record says of it.

    Raises:
        SeqloomError: a rank failed; it is the error of the first one that did.
        KeyboardInterrupt: the user ended the run.
        SystemExit: another signal did.
    """
    shutil.rmtree(folder.ranks, ignore_errors=True)
    folder.ranks.mkdir(parents=True)
    words = ["-m", "seqloom.train.rank", str(folder.path), *(["--going-on"] if going_on else [])]
    _tell_ranks()
    with _silent(), _own_signals():
        try:
            elastic_launch(_config(folder, processes), sys.executable)(*words)
        except SignalException as fault:
            if fault.sigval == signal.SIGINT:
                raise KeyboardInterrupt from None
            name = fault.sigval.name
            log.warning("Ended by %s; resume=auto goes on from the last whole epoch.", name)
            raise SystemExit(128 + fault.sigval) from None
        except ChildFailedError as fault:
            raise _first_error(folder, processes, fault) from None
    outcome: dict[str, Any] = json.loads((folder.ranks / "outcome.json").read_text("utf-8"))
    return outcome


def _config(folder: RunFolder, processes: int) -> LaunchConfig:
    newer = {field.name for field in fields(LaunchConfig)} & {"shutdown_timeout"}
    more: dict[str, Any] = dict.fromkeys(newer, GRACE)
    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        role="",
        log_line_prefix_template="${role_name}",  # that is, nothing
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",  # a port that is free, so that runs do not collide
        local_addr="127.0.0.1",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(
            log_dir=str(folder.ranks), redirects=Std.ALL, tee={0: Std.ALL, **_quiet(processes)}
        ),
        **more,
    )


def _quiet(processes: int) -> dict[int, Std]:
    return dict.fromkeys(range(1, processes), Std.NONE)


def _tell_ranks() -> None:
    """Tell ranks whom to die with and how to speak; the run puts the environment back."""
    formats = [one.formatter._fmt for one in logging.root.handlers if one.formatter]
    os.environ[OWNER_VARIABLE] = Process.current().to_text()
    os.environ[FORMAT_VARIABLE] = (formats and formats[0]) or "%(message)s"
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # ranks would each take all the cores


@contextmanager
def _silent() -> Iterator[None]:
    """Silence elastic: what it says of a rank's end, our errors say in sentences."""
    names = [name for name in logging.root.manager.loggerDict if "distributed.elastic" in name]
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in names}
    for logger in levels:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Put back the handlers of signals, which elastic leaves as its own."""
    known = {one: signal.getsignal(one) for one in SIGNALS}
    handlers = {one: handler for one, handler in known.items() if handler is not None}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for one, handler in handlers.items():
                signal.signal(one, handler)


def _first_error(folder: RunFolder, processes: int, fault: ChildFailedError) -> SeqloomError:
    """Return what the rank said that failed first; what the others say follows from it."""
    found = [json.loads(path.read_text("utf-8")) for path in folder.ranks.glob("error_*.json")]
    own = [error for error in found if not error["follows"]]
    if not own and (not found or fault.get_first_failure()[1].exitcode < 0):
        return _silent_end(folder, processes, fault)
    first = min(own or found, key=lambda error: error["time"])
    whose = f"rank {first['rank']} of {processes}"
    with folder.log.open("a", encoding="utf-8") as file:
        file.write(f"{whose}:\n{first['traceback']}")
    if first["ours"]:
        kind = KINDS.get(first["type"], RunError)
        return kind(f"{first['text']} ({whose})")
    return RunError(f"{first['type']}: {first['text']} ({whose}; see {folder.log})")


def _silent_end(folder: RunFolder, processes: int, fault: ChildFailedError) -> RunError:
    """Return an error for a rank that ended without a word: killed, or before it could speak."""
    rank, failure = fault.get_first_failure()
    code = failure.exitcode
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    why = " Perhaps memory ran out." if code == -signal.SIGKILL else ""
    logs: list[Path] = sorted(folder.ranks.glob(f"**/{rank}/stderr.log"))
    lines = logs[-1].read_text("utf-8", "replace").splitlines()[-TAIL:] if logs else []
    return RunError("\n".join([f"Rank {rank} of {processes} {how}.{why}", *lines]))
