"""The manifests and scripts on the page about clusters."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from seqloom.config.compose import compose_run

PAGE = (Path(__file__).parent.parent / "docs" / "cluster.md").read_text(encoding="utf-8")
SBATCH = re.search(r"^```shell\n(#!/bin/bash\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def overrides(words: list[str]) -> list[str]:
    return words[words.index("train") + 1 :]


def test_the_manifests_of_kubernetes_describe_one_run() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    found: dict[str, Any] = {one["kind"]: one for one in yaml.safe_load_all(text)}
    service, job = found["Service"], found["Job"]
    assert (service["apiVersion"], job["apiVersion"]) == ("v1", "batch/v1")
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    pod = job["spec"]["template"]["spec"]
    assert pod["subdomain"] == service["metadata"]["name"]
    assert pod["restartPolicy"] in {"OnFailure", "Never"}
    (container,) = pod["containers"]
    assert {one["name"] for one in container["volumeMounts"]} <= {
        one["name"] for one in pod["volumes"]
    }
    command = container["command"]
    config = compose_run(overrides(command))
    nodes, devices = config.trainer["num_nodes"], config.trainer["devices"]
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == nodes
    assert {f"--nnodes={nodes}", f"--nproc-per-node={devices}"} <= set(command)
    assert f"--rdzv-endpoint={job['metadata']['name']}-0.{pod['subdomain']}:29500" in command
    assert container["resources"]["limits"]["nvidia.com/gpu"] == devices


def test_the_plain_script_of_slurm_starts_a_task_for_each_device() -> None:
    assert SBATCH
    script = SBATCH[1]
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    (line,) = [one for one in script.splitlines() if one.startswith("srun ")]
    trainer = compose_run([*overrides(line.split()), "run_dir=x"]).trainer
    assert f"--nodes={trainer['num_nodes']}\n" in script
    assert f"--ntasks-per-node={trainer['devices']}\n" in script
    assert {"#SBATCH --requeue", "#SBATCH --signal=USR1@120"} <= set(script.splitlines())
