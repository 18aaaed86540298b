"""The test of a cluster, on a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import PROGRAM, Slurm

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]


def test_a_cluster_that_works_and_one_with_a_wrong_address(slurm: Slurm, tmp_path: Path) -> None:
    command = (*PROGRAM, "cluster", "test", "--folder", tmp_path / "runs")
    said = slurm.call(*command)
    assert "2 tasks on 2 nodes reach one another" in said
    prolog = tmp_path / "prolog"
    prolog.write_text('#!/bin/sh\necho "export MASTER_ADDR=no.such.host.invalid"\n')
    prolog.chmod(0o755)
    said = slurm.call(*command, f"--sbatch=--task-prolog={prolog}", check=False)
    assert "cannot find the first node by no.such.host.invalid" in said
    assert list((tmp_path / "runs").iterdir()) == []
