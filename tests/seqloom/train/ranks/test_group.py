"""Which processes belong together, as srun and torchrun say it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seqloom.errors import ConfigError
from seqloom.train.ranks.group import Group, find_group, first_host, tasks_of

STEP = {
    "SLURM_JOB_ID": "7",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    "SLURM_STEP_NODELIST": "gpu[08-09]",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
}
WORKER = {
    "TORCHELASTIC_RUN_ID": "x",
    "RANK": "1",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_RANK": "0",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
}


def test_a_task_of_srun() -> None:
    found = find_group(STEP)
    assert found is not None
    assert (found.by, found.rank, found.size, found.node) == ("srun", 3, 4, 1)
    assert (found.local_rank, found.local_size, found.address) == (1, 2, "gpu08")
    assert found == find_group(STEP | {"SLURM_STEP_NODELIST": "gpu08,gpu09"})


def test_steps_and_restarts_meet_at_ports_of_their_own() -> None:
    changes: list[dict[str, str]] = [{}, {"SLURM_STEP_ID": "1"}, {"SLURM_RESTART_COUNT": "1"}]
    changes += [{"SLURM_JOB_ID": "8"}]
    found = [find_group(STEP | change) for change in changes]
    ports = {one.port for one in found if one}
    assert len(ports) == 4
    assert all(15000 <= port < 30000 for port in ports)
    given = find_group(STEP | {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "1234"})
    assert given is not None
    assert (given.address, given.port) == ("10.0.0.1", 1234)


def test_a_worker_of_torchrun() -> None:
    expected = Group("torchrun", 1, 2, 1, 2, 0, "localhost", 29500, served=True)
    assert find_group(WORKER) == expected
    again = find_group(WORKER | {"TORCHELASTIC_RESTART_COUNT": "2"})
    assert again is not None
    assert again.restart == 2  # it must not take the word of the first start for its own


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"},  # a batch script
        {**STEP, "SLURM_STEP_NUM_TASKS": "1"},
        {**STEP, "SLURM_PTY_PORT": "4000"},  # a shell
        {**WORKER, "WORLD_SIZE": "1"},
    ],
)
def test_alone(variables: dict[str, str]) -> None:
    assert find_group(variables) is None


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match="SLURM_PROCID='x'"):
        find_group(STEP | {"SLURM_PROCID": "x"})
    with pytest.raises(ConfigError, match="SLURM_STEP_TASKS_PER_NODE"):
        tasks_of(0, "2(y2)")
    assert first_host("a[1-2],b") == "a1"


def test_what_to_do_depends_on_who_started_the_processes() -> None:
    started = find_group(STEP)
    assert started is not None
    assert started.remedy == "See their output, or test the cluster: seqloom cluster test"
    assert "a NODE_RANK of its own" in replace(started, by="").remedy
