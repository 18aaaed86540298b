"""Processes of one run that another program has started: the tasks of srun, torchrun's workers.

The first process prepares the run and tells the others its folder, over a store at the address
where they will meet anyway. Nothing else is agreed on in advance: on the command line, the others
do not even compose the config. For those that a person has started, see
`seqloom.train.ranks.by_hand`.
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

from seqloom.config.run_config import RunConfig
from seqloom.errors import Cause, ConfigError, RunError
from seqloom.train import preemption
from seqloom.train.watch import Process

NODE = "NODE_RANK"
"""Variable by which a person says which node a process is started on."""

PATIENCE = 300.0
"""Seconds within which all processes must have started."""

POLL = 0.2
"""Seconds between two questions to the store."""

_RETRY = 5  # seconds after which a connection is tried again


@dataclass(frozen=True)
class Group:
    """The place of this process among those that one program has started.

    Attributes:
        by: The program: ``srun`` or ``torchrun``; empty if a person started them.
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

    @property
    def all(self) -> str:
        """What an error calls the processes."""
        return f"{self.size} processes{self.by and f' of {self.by}'}"

    @property
    def remedy(self) -> str:
        """What an error advises if a process does not come."""
        if self.by:
            return "See their output, or test the cluster: seqloom cluster test"
        return "The same command is needed on each node, with a NODE_RANK of its own."

    def __str__(self) -> str:
        """Return what an error calls this process."""
        return f"process {self.rank} of {self.size}, on {platform.node()}"


def current_group() -> Group | None:
    """Return the group of this process; None if it was started alone.

    Raises:
        ConfigError: The variables that describe it are incomplete.
    """
    return find_group(os.environ)


def find_group(variables: Mapping[str, str]) -> Group | None:
    """Return the group that environment variables describe; see `current_group`.

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


def follows_by_hand(cfg: RunConfig) -> bool:
    """Return whether a person started this process to follow that of another node."""
    nodes = int(cfg.trainer.get("num_nodes") or 1)
    return nodes > 1 and os.environ.get(NODE, "0") not in {"", "0"} and current_group() is None


def _of_torchrun(found: Mapping[str, str]) -> Group:
    return Group(
        by="torchrun",
        rank=number_of(found, "RANK"),
        size=number_of(found, "WORLD_SIZE"),
        local_rank=number_of(found, "LOCAL_RANK"),
        local_size=number_of(found, "LOCAL_WORLD_SIZE"),
        node=number_of(found, "GROUP_RANK"),
        address=found.get("MASTER_ADDR", "127.0.0.1"),
        port=number_of(found, "MASTER_PORT"),
        served=found.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        restart=number_of(found, "TORCHELASTIC_RESTART_COUNT", 0),
    )


def _of_srun(found: Mapping[str, str]) -> Group:
    """Return the group of a job step. Steps of one machine must not meet at one port."""
    size, node = number_of(found, "SLURM_STEP_NUM_TASKS", 1), number_of(found, "SLURM_NODEID", 0)
    step = [found.get(f"SLURM_{name}", "") for name in ("JOB_ID", "STEP_ID", "RESTART_COUNT")]
    port = 15000 + zlib.crc32(".".join(step).encode()) % 15000
    return Group(
        by="srun",
        rank=number_of(found, "SLURM_PROCID", 0),
        size=size,
        local_rank=number_of(found, "SLURM_LOCALID", 0),
        local_size=tasks_of(node, found.get("SLURM_STEP_TASKS_PER_NODE", str(size))),
        node=node,
        address=found.get("MASTER_ADDR") or first_host(found.get("SLURM_STEP_NODELIST", "")),
        port=number_of(found, "MASTER_PORT", port),
    )


def number_of(variables: Mapping[str, str], name: str, default: int | None = None) -> int:
    """Return the whole number that a variable holds.

    Raises:
        ConfigError: It holds something else, or is not set and there is no default.
    """
    text = variables.get(name) or ("" if default is None else str(default))
    if not text.isdecimal():
        raise ConfigError(f"{name}={text!r}: expected a whole number.", cause=Cause.wrong_value)
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
            raise ConfigError(
                f"SLURM_STEP_TASKS_PER_NODE={text!r}: expected the form '2(x2),1'.",
                cause=Cause.wrong_value,
            )
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

    def claim(self, called: str) -> None:
        """Claim the rank of this process, which a person may have given to two.

        Args:
            called: What an error calls the rank.

        Raises:
            RunError: Another process has it; the first process learns of that too.
        """
        mine = Process.current().to_text()
        found = self._store.compare_set(f"rank{self.own.rank}", "", mine).decode()
        if found != mine and not Process.from_text(found).alive():
            found = self._store.compare_set(f"rank{self.own.rank}", found, mine).decode()
        if found != mine:
            other = Process.from_text(found)
            problem = (
                f"{called} was given to two processes: one on {other.host} (process id "
                f"{other.pid}) and one on {platform.node()} (process id {os.getpid()}). Each node "
                "needs a number of its own, from 0; end all of them and start again."
            )
            self.write("problem", problem)
            raise RunError(problem)

    def write(self, key: str, text: str) -> None:
        """Leave a text for the other processes."""
        self._store.set(key, text)

    def read(self, key: str) -> str:
        """Return a text as soon as another process has left it.

        Raises:
            RunError: The first process has ended.
            Preempted: A signal came meanwhile.
        """
        while not self._has(key):
            preemption.check()
            time.sleep(POLL)
        text: str = self._store.get(key).decode()
        return text

    def tell(self, **word: Any) -> None:
        """Leave word for the other processes, once."""
        if not self._told:
            self._told = True
            self.write("word", json.dumps(word))

    def wait_for_word(self) -> dict[str, Any]:
        """Return what the first process says, as soon as it does.

        Raises:
            RunError: It has ended.
            Preempted: A signal came meanwhile.
        """
        word: dict[str, Any] = json.loads(self.read("word"))
        return word

    def answer(self, problem: str = "") -> None:
        """Tell the first process that this one is ready, or why it is not."""
        self.write(f"answer{self.own.rank}", problem or "ready")

    def wait_for_answers(self, seconds: float | None = None) -> dict[int, str]:
        """Wait until all others have answered; return the problems by rank.

        Args:
            seconds: Time to wait; None: `PATIENCE`.

        Raises:
            RunError: Some have not, in time, or two have the same rank.
            Preempted: A signal came meanwhile.
        """
        seconds = PATIENCE if seconds is None else seconds
        missing, end = set(range(1, self.own.size)), time.monotonic() + seconds
        problems = {}
        while missing:
            if self._has("problem"):
                raise RunError(self.read("problem"))
            for rank in [rank for rank in missing if self._has(f"answer{rank}")]:
                missing.remove(rank)
                problems[rank] = self._store.get(f"answer{rank}").decode()
            if missing and time.monotonic() > end:
                which = ", ".join(map(str, sorted(missing)[:10]))
                raise RunError(
                    f"Of {self.own.all}, these did not start within {seconds:.0f} s: {which}. "
                    f"{self.own.remedy}"
                )
            preemption.check()
            time.sleep(POLL if missing else 0)
        return {rank: text for rank, text in problems.items() if text != "ready"}

    def _has(self, key: str) -> bool:
        try:
            return bool(self._store.check([key]))
        except RuntimeError as error:
            raise RunError(
                f"The first of {self.own.all}, on {self.own.address}, ended before training "
                "started, or can no longer be reached: see its output."
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
                    f"The first of {own.all} cannot serve the others at {own.address}:{own.port}: "
                    f"{_first_line(error)}. Set the address of this host and a port that is free: "
                    "export MASTER_ADDR=… MASTER_PORT=…"
                ) from error
            if time.monotonic() > end:
                raise RunError(
                    f"{own} cannot reach the first one at {own.address}:{own.port} within "
                    f"{PATIENCE:.0f} s: {_first_line(error)}. {own.remedy}"
                ) from error
            time.sleep(POLL)
        else:
            store.set_timeout(timedelta(seconds=PATIENCE))
            return store


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
