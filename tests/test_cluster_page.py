"""The manifests and scripts on the page about clusters."""

from __future__ import annotations

import argparse
import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from torch.distributed.run import parse_args

from seqloom.config.compose import compose_run
from seqloom.train import preemption
from seqloom.train.ranks.by_hand import group_by_hand

PAGE = (Path(__file__).parent.parent / "docs" / "cluster.md").read_text(encoding="utf-8")
SBATCH = re.search(r"^```shell\n(#!/bin/bash\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def overrides(words: list[str]) -> list[str]:
    return words[words.index("train") + 1 :]


def manifests() -> list[dict[str, Any]]:
    """Return the objects of the page's YAML, in their order."""
    texts = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [one for text in texts for one in yaml.safe_load_all(text)]


def test_the_manifests_of_kubernetes_fit_its_schema() -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    service, job, torchrun, _ = manifests()
    several = copy.deepcopy(job)
    several["spec"]["template"]["spec"]["containers"][0] |= torchrun
    for one in (service, job, several):
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
    job["spec"]["backofLimit"] = 1  # the schema finds a typing error
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)


def test_the_manifests_of_kubernetes_describe_one_run() -> None:
    service, job, torchrun, _ = manifests()
    assert service["spec"]["selector"] == {"batch.kubernetes.io/job-name": job["metadata"]["name"]}
    pod = job["spec"]["template"]["spec"]
    assert pod["subdomain"] == service["metadata"]["name"]
    assert pod["restartPolicy"] == "Never"  # as podFailurePolicy requires
    ignored = [one["onExitCodes"]["values"] for one in rules(job) if "onExitCodes" in one]
    assert ignored == [[preemption.EXIT_CODE]]
    (container,) = pod["containers"]
    assert {one["name"] for one in container["volumeMounts"]} <= {
        one["name"] for one in pod["volumes"]
    }
    first = f"{job['metadata']['name']}-0.{pod['subdomain']}"
    variables = {one["name"]: one.get("value", "0") for one in container["env"]}
    assert variables["MASTER_ADDR"] == first
    trainer = compose_run(overrides(container["command"])).trainer
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == trainer["num_nodes"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == trainer["devices"]
    own = group_by_hand({**trainer, "accelerator": "cpu"}, variables)
    assert own is not None
    assert (own.rank, own.size, own.address, own.port) == (0, 2, first, 29500)
    trainer = compose_run(overrides(torchrun["command"])).trainer
    options = _options(torchrun["command"])
    assert (options.nnodes, options.nproc_per_node) == ("2", str(trainer["devices"]))
    assert options.rdzv_endpoint == f"{first}:29500"
    assert options.shutdown_timeout < pod["terminationGracePeriodSeconds"]


def rules(job: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = job["spec"]["podFailurePolicy"]["rules"]
    return found


def _options(command: list[str]) -> argparse.Namespace:
    """Return the options of torchrun as it reads them itself."""
    assert command[0] == "torchrun"
    return parse_args(command[1:])


def test_the_manifest_of_kubeflow_fits_its_schema_and_describes_one_run() -> None:
    models = pytest.importorskip("kubeflow_trainer_api.models")
    job = manifests()[3]
    model = models.TrainerV1alpha1TrainJob.from_dict(job)
    assert model is not None
    assert model.to_dict() == job  # nothing is dropped, that is, no key is unknown
    wrong = copy.deepcopy(job)
    wrong["spec"]["trainer"]["numNode"] = 2
    model = models.TrainerV1alpha1TrainJob.from_dict(wrong)
    assert model is not None
    assert model.to_dict() != wrong
    trainer, command = job["spec"]["trainer"], job["spec"]["trainer"]["command"]
    config = compose_run(overrides(command)).trainer
    assert (trainer["numNodes"], trainer["numProcPerNode"]) == (2, 4)
    assert (config["num_nodes"], config["devices"]) == (2, 4)
    options = _options(command)
    assert (options.module, options.training_script) == (True, "seqloom")


def test_the_plain_script_of_slurm_starts_a_task_for_each_device() -> None:
    assert SBATCH
    script = SBATCH[1]
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    (line,) = [one for one in script.splitlines() if one.startswith("srun ")]
    trainer = compose_run([*overrides(line.split()), "run_dir=x"]).trainer
    assert f"--nodes={trainer['num_nodes']}\n" in script
    assert f"--ntasks-per-node={trainer['devices']}\n" in script
    assert {"#SBATCH --requeue", "#SBATCH --signal=USR1@120"} <= set(script.splitlines())
