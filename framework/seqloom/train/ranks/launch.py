"""Launch the ranks of a run from its folder, and end them all when one of them fails."""

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

from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.strategies import DDPStrategy, Strategy
from pytorch_lightning.strategies.launchers.multiprocessing import _MultiProcessingLauncher
from pytorch_lightning.strategies.single_device import SingleDeviceStrategy
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from seqloom.config.run_config import Section
from seqloom.errors import Cause, ConfigError, RunError, SeqloomError
from seqloom.quiet import quiet
from seqloom.train import preemption
from seqloom.train.checkpoints.recovery import recover
from seqloom.train.data import RunData, sampler
from seqloom.train.folder import RunFolder
from seqloom.train.instantiate import build
from seqloom.train.preemption import Preempted
from seqloom.train.prepare import store_encoded
from seqloom.train.ranks.errors import recorded_error
from seqloom.train.ranks.hang import HangWatch
from seqloom.train.record import Summary
from seqloom.train.run_log import FORMAT_VARIABLE
from seqloom.train.sharding import NAME, refuse
from seqloom.train.watch import OWNER_VARIABLE, Process

log = logging.getLogger("seqloom")

RANK_COMMAND = ("-P", "-m", "seqloom.train.ranks.rank")
"""Arguments of Python for a rank; with ``-P`` it imports nothing from the current folder."""

GRACE = 3
"""Seconds that ranks have to end by themselves when another one has failed."""

DEVICE_ARGUMENTS = ("_target_", "accelerator", "devices", "strategy", "num_nodes", "precision")
"""Arguments of Lightning's Trainer that decide on the number of processes."""

SIGNALS = (signal.SIGINT, signal.SIGQUIT)
"""Signals that torch elastic handles; those of a preemption are ours."""

TAIL = 15
"""Number of lines of output shown in the error for a rank that recorded no error."""


def ranks_per_node(trainer: Section) -> int | None:
    """Return how many ranks a run has on each node; None if it is in one process alone.

    ``trainer.devices``, ``trainer.strategy`` and ``trainer.accelerator`` mean what they mean to
    Lightning: ``devices=2``, ``devices=-1``, ``devices=[0,2]``, ``strategy=ddp``.

    Args:
        trainer: Section ``trainer`` of the config.

    Raises:
        ConfigError: Lightning refuses the settings, or such processes cannot be launched.
    """
    name = str(trainer.get("strategy", "auto"))
    if name.startswith(("fsdp_", "deepspeed")):
        raise ConfigError(_other_strategy(name))
    settings = {key: trainer[key] for key in DEVICE_ARGUMENTS if key in trainer}
    # The same processes; Lightning's own strategy of this name needs GPUs.
    strategy = _strategy({**settings, "strategy": "ddp"} if name == NAME else settings)
    if isinstance(strategy, SingleDeviceStrategy):
        return None
    if isinstance(strategy.launcher, _MultiProcessingLauncher):
        raise ConfigError(
            f"trainer.strategy={trainer['strategy']} forks a process that has started to train, "
            "but seqloom launches ranks from the run's folder. Set trainer.strategy=ddp."
        )
    if not isinstance(strategy, DDPStrategy):
        raise ConfigError(_other_strategy(type(strategy).__name__))
    devices: Any = getattr(strategy, "parallel_devices", None) or [None]
    if name == NAME:
        refuse(trainer, len(devices) * strategy.num_nodes)
    return len(devices)


def _other_strategy(name: str) -> str:
    return (
        f"trainer.strategy={name}: expected ddp or one of its variants, where each rank has the "
        "whole model, or fsdp, where each keeps a part of it. Set one of these."
    )


def _strategy(settings: Section) -> Strategy:
    """Return the strategy that Lightning chooses."""
    output = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = build(
        {**settings, **dict.fromkeys(output, False)}, "trainer", plugins=[LightningEnvironment()]
    )
    strategy: Strategy = trainer.strategy
    return strategy


def launch_ranks(folder: RunFolder, data: RunData, ranks: int) -> Summary:
    """Run a prepared run on several ranks of this machine, and return its summary.

    Args:
        folder: Folder of the run, from which each rank reads its config and data.
        data: Prepared data.
        ranks: Number of ranks.

    Raises:
        SeqloomError: The error of the first rank that failed; or the data cannot be distributed
            over so many ranks.
        Preempted: A signal to this process or a rank ended it.
        KeyboardInterrupt: The user interrupted the run.
        SystemExit: SIGQUIT ended it.
    """
    elastic = [name for name in logging.root.manager.loggerDict if "distributed.elastic" in name]
    with written_for_ranks(folder, data, ranks):
        _set_environment()
        # Our own errors explain how a rank ended.
        with (
            quiet(logging.CRITICAL, *elastic),
            _own_signals(),
            preemption.passing_on(folder.preempted),
        ):
            _launch(folder, ranks)
    summary: Summary = json.loads(folder.rank_summary.read_text("utf-8"))
    return summary


@contextmanager
def written_for_ranks(folder: RunFolder, data: RunData, ranks: int) -> Iterator[None]:
    """Write what the ranks of a run read, and remove the encoded data after the block.

    What earlier ranks left is removed first.

    Args:
        folder: Folder of the run.
        data: Prepared data.
        ranks: Number of ranks on all nodes.

    Raises:
        SeqloomError: The data cannot be distributed over so many ranks.
    """
    # Its sampler refuses that: here, in one error, instead of in each rank.
    sampler(data.splits["train"], folder.config().batch, training=True, ranks=ranks)
    shutil.rmtree(folder.ranks, ignore_errors=True)
    folder.ranks.mkdir(parents=True)
    try:
        store_encoded(data, folder)
        yield
    finally:
        shutil.rmtree(folder.encoded, ignore_errors=True)


def _launch(folder: RunFolder, ranks: int) -> None:
    """Run the ranks, again if one is killed or hangs and that is allowed."""
    cfg = folder.config()
    attempts = 0
    while True:
        attempts += 1
        hang = HangWatch(folder.ranks, ranks, cfg.hang_timeout)
        try:
            with hang.watching():
                command = (*RANK_COMMAND, str(folder.path))
                elastic_launch(_config(folder, ranks), sys.executable)(*command)
        except SignalException as error:
            if error.sigval == signal.SIGINT:
                raise KeyboardInterrupt from None
            raise SystemExit(128 + error.sigval) from None
        except ChildFailedError as error:
            if _preempted(error):
                raise Preempted(preemption.reason() or "a signal to a rank") from None
            found = hang.error or _first_error(folder, ranks, error)
            if attempts > cfg.max_restarts or not (hang.error or _killed(error)):
                raise found from None
            log.warning("%s Restart %d of %d.", found, attempts, cfg.max_restarts)
            _forget(folder)
            recover(folder)
        else:
            return


def _forget(folder: RunFolder) -> None:
    """Remove what the ranks of an attempt left of their end."""
    for pattern in ("stack-*", "progress-*", folder.rank_error("*").name):
        for path in folder.ranks.glob(pattern):
            path.unlink(missing_ok=True)


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
        signals_to_handle=",".join(one.name for one in SIGNALS),
        logs_specs=DefaultLogsSpecs(
            log_dir=str(folder.ranks), redirects=Std.ALL, tee={0: Std.ALL, **_not_shown(processes)}
        ),
        **more,
    )


def _not_shown(processes: int) -> dict[int, Std]:
    return dict.fromkeys(range(1, processes), Std.NONE)


def _set_environment() -> None:
    """Pass the ranks this process and its log format; the run restores the environment."""
    formats = [one.formatter._fmt for one in logging.root.handlers if one.formatter]
    os.environ[OWNER_VARIABLE] = Process.current().to_text()
    os.environ[FORMAT_VARIABLE] = (formats and formats[0]) or "%(message)s"
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # ranks would each take all the cores


@contextmanager
def _own_signals() -> Iterator[None]:
    """Restore the handlers of signals, which elastic replaces."""
    known = {one: signal.getsignal(one) for one in SIGNALS}
    handlers = {one: handler for one, handler in known.items() if handler is not None}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for one, handler in handlers.items():
                signal.signal(one, handler)


def _preempted(error: ChildFailedError) -> bool:
    """Return whether a rank left because of a preemption; the others are ended then."""
    codes = {one.exitcode for one in error.failures.values()}
    killed = {-number for number in preemption.SIGNALS}  # before they could notice
    return preemption.EXIT_CODE in codes or (
        preemption.requested() is not None and bool(codes & killed)
    )


def _killed(error: ChildFailedError) -> bool:
    """Return whether the first rank that failed was killed."""
    return bool(error.get_first_failure()[1].exitcode < 0)


def _first_error(folder: RunFolder, processes: int, error: ChildFailedError) -> SeqloomError:
    """Return the error of the rank that failed first."""
    killed = error.get_first_failure()[1].exitcode < 0
    found = recorded_error(folder, processes, follows=not killed)
    return found or _silent_end(folder, processes, error)


def _silent_end(folder: RunFolder, processes: int, error: ChildFailedError) -> RunError:
    """Return an error for a rank that left none: it was killed, or failed while starting."""
    rank, failure = error.get_first_failure()
    code = failure.exitcode
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    why = " Perhaps it was out of memory." if code == -signal.SIGKILL else ""
    logs: list[Path] = sorted(folder.ranks.glob(f"**/{rank}/stderr.log"))
    lines = logs[-1].read_text("utf-8", "replace").splitlines()[-TAIL:] if logs else []
    text = "\n".join([f"Rank {rank} of {processes} {how}.{why}", *lines])
    return RunError(text, cause=Cause.rank_killed)
