"""Processes of one run that a person has started, one on each node, without srun or torchrun.

Variables that torchrun and Lightning use too say which node this is, and where the first one is.
The config says how many there are, so each process composes it; it must be the same on all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from seqloom.config.run_config import RunConfig, Section
from seqloom.errors import ConfigError, RunError
from seqloom.train.ranks.group import NODE, Group, Meeting, number_of
from seqloom.train.ranks.launch import ranks_per_node
from seqloom.train.settings import WITHOUT_EFFECT, differing

ADDRESS, PORT, SIZE = "MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE"

DEFAULT_PORT = 29500
"""Port of the first process if none is given, as torchrun has it."""


def group_by_hand(trainer: Section, variables: Mapping[str, str] = os.environ) -> Group | None:
    """Return the group that the config and the environment describe; None for one node.

    Args:
        trainer: Section ``trainer`` of the config.
        variables: Variables of the environment.

    Raises:
        ConfigError: Variables are missing, or do not fit the config.
    """
    nodes = int(trainer.get("num_nodes") or 1)
    if nodes < 2 or not (variables.get(NODE) or variables.get(ADDRESS)):
        return None  # the run itself refuses several nodes without a group
    missing = [name for name in (NODE, ADDRESS) if not variables.get(name)]
    if missing:
        raise ConfigError(f"{missing[0]} is not set. {how_to_start(nodes)}")
    node, port = number_of(variables, NODE), number_of(variables, PORT, DEFAULT_PORT)
    size = number_of(variables, SIZE, nodes)
    devices = ranks_per_node(trainer) or 1
    if devices > 1:
        raise ConfigError(
            f"trainer.devices={devices} on several nodes needs a process for each device. Start "
            f"them on this node by torchrun --nnodes={nodes} --node-rank={node} "
            f"--nproc-per-node={devices} --master-addr={variables[ADDRESS]} --master-port={port} "
            "-m seqloom train …"
        )
    if node >= nodes:
        raise ConfigError(f"{NODE}={node}, but trainer.num_nodes={nodes}: it counts from 0.")
    if size != nodes:
        raise ConfigError(
            f"{SIZE}={size}, but trainer.num_nodes={nodes} with one device each is {nodes}. Unset "
            f"{SIZE}, or set it to that."
        )
    return Group("", node, size, 0, 1, node, variables[ADDRESS], port)


def how_to_start(nodes: int) -> str:
    """Return what starts a run on several nodes, for an error."""
    return (
        f"trainer.num_nodes={nodes} needs a process for each device: start seqloom train by srun "
        f"or torchrun, or the same command on each node with {NODE}=0 to {nodes - 1} and "
        f"{ADDRESS}=HOST, the host of node 0, where port {PORT}={DEFAULT_PORT} must be free."
    )


def introduce(meeting: Meeting, cfg: RunConfig) -> None:
    """Make sure that each process has a rank of its own and all have the same config.

    Raises:
        RunError: Another process has the same rank, or the first one has another config.
    """
    meeting.claim(f"{NODE}={meeting.own.rank}")
    if meeting.own.rank == 0:
        meeting.write("config", json.dumps(cfg.to_plain()))
        return
    changed = differing(json.loads(meeting.read("config")), cfg.to_plain(), but=WITHOUT_EFFECT)
    if changed:
        problem = (
            f"{meeting.own} was started with different settings from the first one: "
            f"{', '.join(changed[:5])}. Start the same command on each node."
        )
        meeting.answer(problem)
        raise RunError(problem)
