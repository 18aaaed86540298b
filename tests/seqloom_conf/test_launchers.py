"""The presets of Hydra's launchers."""

from __future__ import annotations

import subprocess
from importlib.resources import files

import pytest
import yaml


@pytest.mark.parametrize(("own", "expected"), [({"SLURM_CPUS_PER_TASK": "3"}, "3"), ({}, "none")])
def test_tasks_of_a_trial_get_the_cores_of_its_job(own: dict[str, str], expected: str) -> None:
    text = (files("seqloom_conf") / "hydra/launcher/slurm.yaml").read_text(encoding="utf-8")
    commands = [*yaml.safe_load(text)["setup"], "echo ${SRUN_CPUS_PER_TASK-none}"]
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(commands)],
        env=own,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{expected}\n"
