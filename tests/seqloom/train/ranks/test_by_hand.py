"""Processes that a person starts on each node, and the mistakes that can be made."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from seqloom.errors import ConfigError, RunError
from seqloom.train.ranks import group
from seqloom.train.ranks.by_hand import group_by_hand
from seqloom.train.ranks.group import Group, Meeting
from seqloom.train.watch import Process

TRAINER = {"_target_": "pytorch_lightning.Trainer", "accelerator": "cpu", "num_nodes": 2}
SECOND = {"NODE_RANK": "1", "MASTER_ADDR": "first.local"}


def test_the_variables_say_which_node_it_is() -> None:
    expected = Group("", 1, 2, 0, 1, 1, "first.local", 29500)
    assert group_by_hand({**TRAINER, "devices": 1}, SECOND) == expected
    given = group_by_hand({**TRAINER, "devices": 1}, {**SECOND, "MASTER_PORT": "1234"})
    assert given is not None
    assert given.port == 1234


@pytest.mark.parametrize(("nodes", "variables"), [(1, SECOND), (2, {}), (None, SECOND)])
def test_one_node_or_none_named(nodes: int | None, variables: dict[str, str]) -> None:
    assert group_by_hand({**TRAINER, "num_nodes": nodes}, variables) is None


@pytest.mark.parametrize(
    ("devices", "variables", "error"),
    [
        (1, {"NODE_RANK": "1"}, "MASTER_ADDR is not set. trainer.num_nodes=2 needs .*NODE_RANK=0"),
        (1, {"MASTER_ADDR": "a"}, "NODE_RANK is not set. trainer.num_nodes=2 needs .*MASTER_ADDR="),
        (1, {**SECOND, "NODE_RANK": "one"}, "NODE_RANK='one': expected a whole number"),
        (1, {**SECOND, "NODE_RANK": "2"}, "NODE_RANK=2, but trainer.num_nodes=2"),
        (1, {**SECOND, "WORLD_SIZE": "4"}, "WORLD_SIZE=4, but trainer.num_nodes=2"),
        (
            2,
            SECOND,
            "torchrun --nnodes=2 --node-rank=1 --nproc-per-node=2 --master-addr=first.local",
        ),
    ],
)
def test_a_mistake_is_named(devices: int, variables: dict[str, str], error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        group_by_hand({**TRAINER, "devices": devices}, variables)


@pytest.fixture
def first() -> Group:
    """Return the first of two processes that meet on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Group("", 0, 2, 0, 1, 0, "127.0.0.1", free.getsockname()[1])


def test_one_number_for_two_nodes_ends_both(first: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    leader = Meeting(first)
    leader.claim("NODE_RANK=0")
    second = Meeting(replace(first, rank=1))
    second.claim("NODE_RANK=1")
    own = Process.current()
    gone = replace(own, started="0")
    monkeypatch.setattr(Process, "current", lambda: replace(own, pid=1, boot="elsewhere"))
    with pytest.raises(RunError, match="NODE_RANK=1 was given to two processes: one on "):
        Meeting(replace(first, rank=1)).claim("NODE_RANK=1")
    with pytest.raises(RunError, match="NODE_RANK=1 was given to two processes"):
        leader.wait_for_answers()
    # One that was killed and started again may have its number back.
    monkeypatch.setattr(Process, "current", lambda: gone)
    Meeting(replace(first, rank=2)).claim("NODE_RANK=2")
    monkeypatch.setattr(Process, "current", lambda: own)
    Meeting(replace(first, rank=2)).claim("NODE_RANK=2")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"rank": 1}, "cannot reach the first one at 127.0.0.1:.* within 1 s.* on each node"),
        ({"address": "192.0.2.1"}, "cannot serve the others at 192.0.2.1"),
    ],
)
def test_no_answer_ends_in_bounded_time(
    first: Group, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], error: str
) -> None:
    monkeypatch.setattr(group, "PATIENCE", 1.0)
    monkeypatch.setattr(group, "_RETRY", 1)
    with pytest.raises(RunError, match=error):
        Meeting(replace(first, **changes))


def test_one_that_does_not_come_is_named(first: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "PATIENCE", 1.0)
    with pytest.raises(RunError, match=r"these did not start within 1 s: 1\. The same"):
        Meeting(first).wait_for_answers()
