"""Train one model on processes that srun, torchrun or a person started: one leads, others follow.

The first process does what a launcher does elsewhere: it composes and freezes the config, holds the
lease, prepares the data and writes the record. Then all of them train, each from the run's folder,
which lies on a file system that all nodes share.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from torch import distributed

from seqloom.config.run_config import RunConfig, Section
from seqloom.errors import ConfigError, RunError, SeqloomError, plural
from seqloom.files import write_json
from seqloom.quiet import quiet
from seqloom.train import preemption
from seqloom.train.data import RunData
from seqloom.train.folder import RunFolder
from seqloom.train.prepare import load_encoded
from seqloom.train.process import restored_process
from seqloom.train.ranks.by_hand import group_by_hand, how_to_start, introduce
from seqloom.train.ranks.distributed import barrier
from seqloom.train.ranks.errors import (
    CAUSE_FIRST,
    follows_from_another,
    recorded_error,
    write_error,
)
from seqloom.train.ranks.group import POLL, Group, Meeting, current_group
from seqloom.train.ranks.launch import written_for_ranks
from seqloom.train.record import Summary

log = logging.getLogger("seqloom")

VISIBLE = 60.0
"""Seconds within which a file that one node wrote must be seen by the others."""

FAREWELL = 10.0
"""Seconds that the first process waits for the others to read its last word."""

_meetings: list[Meeting] = []  # the one that is going on, if any
_count = 0


@contextmanager
def joined(cfg: RunConfig | None = None) -> Iterator[Meeting | None]:
    """Meet the other processes of the group, if there is one; None if this process is alone.

    The first process tells the others how it ended, unless it has told them to train. Inside the
    block of another call the meeting is the same: `seqloom train` joins before it composes, and
    `run` again.

    Args:
        cfg: Config of the run, if it is known: processes started by hand need it to meet.

    Raises:
        ConfigError: The processes were not started as the config needs it.
        RunError: The first process cannot be reached.
    """
    global _count  # noqa: PLW0603  # a program may train several times, and each time is a meeting
    own = current_group() or (group_by_hand(cfg.trainer) if cfg else None)
    if own is None or _meetings:
        yield _meetings[0] if _meetings else None
        return
    _count += 1
    meeting, status = Meeting(own, _count), 0
    _meetings.append(meeting)
    try:
        if cfg and not own.by:
            introduce(meeting, cfg)
        yield meeting
    except BaseException as error:
        status = _status(error)
        raise
    finally:
        _meetings.clear()
        if own.rank == 0:
            with suppress(RuntimeError, SeqloomError, SystemExit):
                meeting.tell(end=status)
                meeting.wait_for_answers(FAREWELL)


def _status(error: BaseException) -> int:
    code = getattr(error, "code", 1)
    return 130 if isinstance(error, KeyboardInterrupt) else code if isinstance(code, int) else 1


def trains_jointly(trainer: Section, ranks: int | None, meeting: Meeting | None) -> bool:
    """Return whether the processes of the group train together; if not, this one is on its own.

    It refuses devices that are not those of the group. If srun started several processes for one
    device, it tells the others that this one trains alone.

    Args:
        trainer: Section ``trainer`` of the config.
        ranks: Number of ranks of a node, as `ranks_per_node` returns it.
        meeting: Meeting of the group, if there is one.

    Raises:
        ConfigError: The number of processes is not that of the devices.
    """
    nodes, devices = int(trainer.get("num_nodes") or 1), ranks or 1
    needed = f"trainer.num_nodes={nodes} × trainer.devices={devices}"
    if meeting is None:
        if nodes > 1:
            raise ConfigError(how_to_start(nodes))
        return False
    own, total = meeting.own, nodes * devices
    if total == own.size:
        if own.local_size != devices:
            raise ConfigError(
                f"{own.by} started {own.local_size} "
                f"{plural(own.local_size, 'process', 'processes')} on {platform.node()}, but "
                f"{needed} needs {devices} on each node."
            )
        return True
    if total == 1 and own.by == "srun":
        meeting.tell(alone=True)
        return False
    raise ConfigError(
        f"{own.by} started {own.size} processes, but {needed} is {total}: start one for each "
        f"device, or set these to what was started."
    )


def lead(
    meeting: Meeting,
    folder: RunFolder,
    data: RunData,
    work: Callable[[RunFolder, RunData], Summary],
) -> Summary:
    """Train a prepared run together with the other processes; return its summary.

    Args:
        meeting: Meeting of the group.
        folder: Folder of the run, which is open.
        data: Prepared data.
        work: Does one process's work.

    Raises:
        SeqloomError: A process cannot take part, or failed.
    """
    own = meeting.own
    with written_for_ranks(folder, data, own.size):
        token = uuid.uuid4().hex
        write_json(folder.ranks_start, {"token": token, "host": platform.node()})
        meeting.tell(folder=str(folder.path), token=token)
        problems = meeting.wait_for_answers()
        if problems:
            raise RunError(next(iter(problems.values())))
        os.environ.update(own.environment)  # the run restores it
        try:
            summary = work(folder, load_encoded(folder.config(), folder))
            barrier()  # no process ends before all are done: the first serves the others' group
            _leave_group()
        except Exception as error:
            if not follows_from_another(error):
                raise
            time.sleep(CAUSE_FIRST)  # the process that caused it writes down why
            found = recorded_error(folder, own.size)
            if found is None:
                raise RunError(f"Another of {own.size} processes has ended: {error}") from error
            raise found from error
    return summary


def follow(meeting: Meeting, take_part: Callable[[RunFolder], Any]) -> Path | None:
    """Take part in the run that the first process prepares, and return its folder.

    Args:
        meeting: Meeting of the group.
        take_part: Does one rank's work.

    Returns:
        None if there is nothing to do: the run was finished already.

    Raises:
        SeqloomError: The first process cannot be reached, the folder is not shared, or the training
            failed.
        SystemExit: The first process ended before the training, with this status; or it trains
            alone, then with 0.
    """
    own = meeting.own
    word = meeting.wait_for_word()
    if "end" in word or "alone" in word:
        meeting.answer()
        if word.get("end"):
            raise SystemExit(int(word["end"]))
        if word.get("alone"):  # what the caller does with the result, the first process does
            print(_not_needed(own), file=sys.stderr, flush=True)
            raise SystemExit(0)
        return None
    folder = RunFolder(Path(word["folder"]))
    try:
        _wait_for(folder, word["token"], own)
    except RunError as error:
        meeting.answer(str(error))
        raise
    meeting.answer()
    with restored_process(), quiet(logging.WARNING, log.name):  # the first process logs
        os.environ.update(own.environment)
        try:
            take_part(folder)
            _leave_group()
        except Exception as error:
            if follows_from_another(error):
                time.sleep(CAUSE_FIRST)  # so that its cause comes first
            write_error(error, folder, own.rank)
            if isinstance(error, SeqloomError):
                raise
            if follows_from_another(error):
                raise RunError(f"Another process has ended, and so does {own}.") from error
            raise RunError(f"{type(error).__name__}: {error} ({own})") from error
    _wait_for_record(folder)
    return folder.path


def _wait_for_record(folder: RunFolder) -> None:
    """Wait until the first process has recorded the end of the run, which it does now."""
    end = time.monotonic() + VISIBLE
    while time.monotonic() < end and folder.read_record().get("state") == "running":
        time.sleep(POLL)


def _not_needed(own: Group) -> str:
    return (
        f"Note: this is {own}, but trainer.num_nodes=1 and trainer.devices=1 need only one "
        "process, so it ends. To train on all of them, set both keys."
    )


def _wait_for(folder: RunFolder, token: str, own: Group) -> None:
    """Wait until this node sees what the first process wrote."""
    end = time.monotonic() + VISIBLE
    while True:
        with suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads(folder.ranks_start.read_text("utf-8"))
            if found.get("token") == token:
                return
        if time.monotonic() > end:
            raise RunError(
                f"{folder.path}, which the first of {own.size} processes prepared, is not seen by "
                f"{own}, within {VISIBLE:.0f} s. Choose a run_dir on a file system that all nodes "
                "share."
            )
        preemption.check()
        time.sleep(POLL)


def _leave_group() -> None:
    """Leave the process group, so that this process can end, or train again."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
