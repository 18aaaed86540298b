"""Processes of one run that another program has started: the tasks of srun, torchrun's workers.

The first process prepares the run and tells the others its folder, over a store at the address
where they will meet anyway. Nothing else is agreed on in advance: the others do not even compose
the config.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from seqloom.errors import ConfigError, RunError
from seqloom.train import preemption

PATIENCE = 300.0
"""Seconds within which all processes must have started."""

POLL = 0.2
"""Seconds between two questions to the store."""

_RETRY = 5  # seconds after which a connection is tried again


@dataclass(frozen=True)
class Group:
    """The place of this process among those that one program has started.

    Attributes:
        by: The program: ``srun`` or ``torchrun``.
        rank: Number of this process.
        size: Number of processes.
        local_rank: Number of this process on its node.
        local_size: Number of processes on its node.
        node: Number of its node.
        address: Address of the first process.
        port: Port there.
        served: Whether the program serves the store itself, as torchrun does.
        restart: Number of times that the program has started them again, with the same store.
    """

    by: str
    rank: int
    size: int
    local_rank: int
    local_size: int
    node: int
    address: str
    port: int
    served: bool = False
    restart: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which torch and Lightning know the place of a process."""
        return {
            "RANK": str(self.rank),
            "WORLD_SIZE": str(self.size),
            "LOCAL_RANK": str(self.local_rank),
            "LOCAL_WORLD_SIZE": str(self.local_size),
            "GROUP_RANK": str(self.node),
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
        }

    def __str__(self) -> str:
        """Return what an error calls this process."""
        return f"process {self.rank} of {self.size}, on {platform.node()}"


def group() -> Group | None:
    """Return the group of this process; None if it was started alone.

    Raises:
        ConfigError: The variables that describe it are incomplete.
    """
    return find_group(os.environ)


def find_group(variables: Mapping[str, str]) -> Group | None:
    """Return the group that environment variables describe; see `group`.

    Raises:
        ConfigError: They are incomplete.
    """
    if "TORCHELASTIC_RUN_ID" in variables:
        found = _of_torchrun(variables)
    elif "SLURM_STEP_ID" in variables and "SLURM_PTY_PORT" not in variables:
        found = _of_srun(variables)
    else:
        return None
    return found if found.size > 1 else None


def _of_torchrun(found: Mapping[str, str]) -> Group:
    return Group(
        by="torchrun",
        rank=_number(found, "RANK"),
        size=_number(found, "WORLD_SIZE"),
        local_rank=_number(found, "LOCAL_RANK"),
        local_size=_number(found, "LOCAL_WORLD_SIZE"),
        node=_number(found, "GROUP_RANK"),
        address=found.get("MASTER_ADDR", "127.0.0.1"),
        port=_number(found, "MASTER_PORT"),
        served=found.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        restart=_number(found, "TORCHELASTIC_RESTART_COUNT", 0),
    )


def _of_srun(found: Mapping[str, str]) -> Group:
    """Return the group of a job step. Steps of one machine must not meet at one port."""
    size, node = _number(found, "SLURM_STEP_NUM_TASKS", 1), _number(found, "SLURM_NODEID", 0)
    step = [found.get(f"SLURM_{name}", "") for name in ("JOB_ID", "STEP_ID", "RESTART_COUNT")]
    port = 15000 + zlib.crc32(".".join(step).encode()) % 15000
    return Group(
        by="srun",
        rank=_number(found, "SLURM_PROCID", 0),
        size=size,
        local_rank=_number(found, "SLURM_LOCALID", 0),
        local_size=tasks_of(node, found.get("SLURM_STEP_TASKS_PER_NODE", str(size))),
        node=node,
        address=found.get("MASTER_ADDR") or first_host(found.get("SLURM_STEP_NODELIST", "")),
        port=_number(found, "MASTER_PORT", port),
    )


def _number(variables: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = variables.get(name, "" if default is None else str(default))
    if not text.isdecimal():
        raise ConfigError(f"{name}={text!r}: expected a whole number from srun or torchrun.")
    return int(text)


def tasks_of(node: int, text: str) -> int:
    """Return the number of tasks on a node, as Slurm writes those of all nodes.

    >>> tasks_of(2, "2(x2),1")
    1
    """
    counts: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if match is None:
            raise ConfigError(f"SLURM_STEP_TASKS_PER_NODE={text!r}: expected the form '2(x2),1'.")
        counts += [int(match[1])] * min(int(match[2] or 1), 1_000_000)
    return counts[node] if node < len(counts) else counts[-1]


def first_host(nodes: str) -> str:
    """Return the first host of a list as Slurm writes it.

    >>> first_host("gpu[007-009,12],cpu1")
    'gpu007'
    """
    match = re.match(r"([^,\[]+)(?:\[(\d+))?", nodes)
    return match[1] + (match[2] or "") if match else "127.0.0.1"


class Meeting:
    """The store of a group, in which the first process leaves word for the others.

    Args:
        own: Group of this process.
        number: Number of the meeting, if a program trains several times.

    Raises:
        RunError: The first process cannot be reached.
        Preempted: A signal came meanwhile.
    """

    def __init__(self, own: Group, number: int = 1) -> None:
        from torch.distributed.distributed_c10d import PrefixStore

        self.own = own
        self._told = False
        self._served = _connect(own)  # the first process serves it as long as this is kept
        self._store = PrefixStore(f"seqloom-{own.restart}-{number}", self._served)

    def tell(self, **word: Any) -> None:
        """Leave word for the other processes, once."""
        if not self._told:
            self._told = True
            self._store.set("word", json.dumps(word))

    def wait_for_word(self) -> dict[str, Any]:
        """Return what the first process says, as soon as it does.

        Raises:
            RunError: It has ended.
            Preempted: A signal came meanwhile.
        """
        while not self._has("word"):
            preemption.check()
            time.sleep(POLL)
        word: dict[str, Any] = json.loads(self._store.get("word"))
        return word

    def answer(self, problem: str = "") -> None:
        """Tell the first process that this one is ready, or why it is not."""
        self._store.set(f"answer{self.own.rank}", problem or "ready")

    def wait_for_answers(self, seconds: float = PATIENCE) -> dict[int, str]:
        """Wait until all others have answered; return the problems by rank.

        Raises:
            RunError: Some have not, in time.
            Preempted: A signal came meanwhile.
        """
        missing, end = set(range(1, self.own.size)), time.monotonic() + seconds
        problems = {}
        while missing:
            for rank in [rank for rank in missing if self._has(f"answer{rank}")]:
                missing.remove(rank)
                problems[rank] = self._store.get(f"answer{rank}").decode()
            if missing and time.monotonic() > end:
                which = ", ".join(map(str, sorted(missing)[:10]))
                raise RunError(
                    f"Of {self.own.size} processes of {self.own.by}, these did not start within "
                    f"{seconds:.0f} s: {which}. See their output, or test the cluster: seqloom "
                    "cluster test"
                )
            preemption.check()
            time.sleep(POLL if missing else 0)
        return {rank: text for rank, text in problems.items() if text != "ready"}

    def _has(self, key: str) -> bool:
        try:
            return bool(self._store.check([key]))
        except RuntimeError as error:
            raise RunError(
                f"The first of {self.own.size} processes of {self.own.by}, on {self.own.address}, "
                "ended before the training: see its output."
            ) from error


def _connect(own: Group) -> Any:
    """Return the store at the group's address, which the first process serves."""
    import torch  # noqa: F401  # not while signals may end imports
    from torch._C._distributed_c10d import TCPStore

    serves, end = own.rank == 0 and not own.served, time.monotonic() + PATIENCE
    while True:
        preemption.check()
        try:
            store = TCPStore(
                own.address,
                own.port,
                is_master=serves,
                timeout=timedelta(seconds=_RETRY),
                wait_for_workers=False,
                multi_tenant=True,  # the process group serves its own at this port
            )
        except RuntimeError as error:
            if serves:
                raise RunError(
                    f"Cannot serve the processes of {own.by} at port {own.port} of "
                    f"{own.address}: {_first_line(error)}. Set another address or port: export "
                    "MASTER_ADDR=… MASTER_PORT=…"
                ) from error
            if time.monotonic() > end:
                raise RunError(
                    f"{own} cannot reach the first one at {own.address}:{own.port} within "
                    f"{PATIENCE:.0f} s: {_first_line(error)}. To find out why: seqloom cluster test"
                ) from error
            time.sleep(POLL)
        else:
            store.set_timeout(timedelta(seconds=PATIENCE))
            return store


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
