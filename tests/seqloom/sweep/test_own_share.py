"""A trial's place among those at once: as many as the launcher runs, each with its own share."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import pytest
from joblib.externals.loky import ProcessPoolExecutor  # type: ignore[import-untyped]
from omegaconf import OmegaConf

from seqloom.cores import available_cores
from seqloom.sweep import shares
from seqloom.sweep.folder import Plan
from seqloom.sweep.shares import own_share, slots

JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
LOCAL = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher"
SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


def config(threads: int | None = 1, **trainer: Any) -> dict[str, Any]:
    return {"threads": threads, "trainer": trainer}


@pytest.mark.parametrize(
    ("launcher", "trial", "expected"),
    [
        ({"_target_": BASIC}, config(), 1),
        ({"_target_": SLURM}, config(), 1),
        ({"_target_": JOBLIB, "n_jobs": 3}, config(), 3),
        ({"_target_": JOBLIB, "n_jobs": 99}, config(), 99),
        ({"_target_": JOBLIB, "n_jobs": -1}, config(), 8),
        ({"_target_": JOBLIB, "n_jobs": -3}, config(), 6),
        ({"_target_": JOBLIB, "n_jobs": -20}, config(), 1),
        ({"_target_": JOBLIB, "n_jobs": None}, config(), 1),
        ({"_target_": LOCAL}, config(), 8),
        ({"_target_": LOCAL}, config(threads=None), 8),
        ({"_target_": LOCAL}, config(threads=3), 2),
        ({"_target_": LOCAL}, config(devices=2), 4),
        ({"_target_": LOCAL}, config(threads=2, devices=2), 2),
        ({"_target_": LOCAL}, config(threads=16), 1),
        ({"_target_": LOCAL}, config(devices="auto"), 8),
    ],
    ids=str,
)
def test_how_many_trials_run_at_once(
    launcher: dict[str, Any], trial: dict[str, Any], expected: int
) -> None:
    assert (
        slots(OmegaConf.create(launcher), trial["trainer"], trial["threads"], cores=8, gpus=0)
        == expected
    )


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Return the folder of a sweep of three trials."""
    folder = tmp_path / "sweep"
    folder.mkdir()
    plan = Plan(folder, "grid", [], "")
    for _ in range(3):
        plan.add([])
    plan.save()
    return folder


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessPoolExecutor]:
    """Return two processes as joblib makes them, which see four GPUs."""
    seen = {"TMPDIR": str(tmp_path_factory.mktemp("places")), "CUDA_VISIBLE_DEVICES": "4,5,6,7"}
    here = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(here)  # workers cannot import it
    with ProcessPoolExecutor(max_workers=2, env=seen) as pool:
        yield pool
    cloudpickle.unregister_pickle_by_value(here)


def look(sweep: str, trainer: dict[str, Any], meeting: str) -> dict[str, Any]:
    """Return what a trial in a place of its own may use, once the other is there, too."""
    with own_share(sweep, OmegaConf.create({"_target_": JOBLIB, "n_jobs": 2}), **config(**trainer)):
        Path(meeting, str(os.getpid())).touch()
        while len(list(Path(meeting).iterdir())) < 2:
            time.sleep(0.05)
        return {
            "pid": os.getpid(),
            "cores": available_cores(),
            "gpus": os.environ["CUDA_VISIBLE_DEVICES"],
            "threads": os.environ["OMP_NUM_THREADS"],
        }


@pytest.mark.parametrize(
    ("trainer", "gpus"),
    [
        ({"accelerator": "auto", "devices": 1}, {"4", "5"}),
        ({"accelerator": "gpu", "devices": 2}, {"4,5", "6,7"}),
        ({"accelerator": "auto", "devices": "auto"}, {"4,5", "6,7"}),
        ({"accelerator": "cpu", "devices": 1}, {"4,5,6,7"}),
        ({"accelerator": "gpu", "devices": [0, 1]}, {"4,5,6,7"}),
    ],
    ids=("one GPU each", "two GPUs each", "as many as there are", "none", "named ones"),
)
def test_two_workers_share_the_machine(
    sweep: Path,
    tmp_path: Path,
    workers: ProcessPoolExecutor,
    trainer: dict[str, Any],
    gpus: set[str],
) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    jobs = [workers.submit(look, str(sweep), trainer, str(meeting)) for _ in range(2)]
    one, other = (job.result(timeout=240) for job in jobs)
    assert one["pid"] != other["pid"]
    assert {one["gpus"], other["gpus"]} == gpus
    assert one["threads"] == other["threads"] == "1"
    mine = available_cores()
    expected = [list(shares.share(slot, 2, mine, [], 0).cores) for slot in range(2)]
    assert sorted([one["cores"], other["cores"]]) == sorted(expected)


@pytest.mark.parametrize("launcher", [BASIC, JOBLIB])
def test_a_trial_alone_has_the_whole_machine(
    tmp_path: Path, launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sweep = tmp_path / "sweep"
    sweep.mkdir()
    plan = Plan(sweep, "grid", [], "")
    plan.add([])  # one trial, however many could run at once
    plan.save()
    before = (available_cores(), dict(os.environ))
    settings = OmegaConf.create({"_target_": launcher, "n_jobs": 4})
    with own_share(str(sweep), settings, **config()):
        assert (available_cores(), dict(os.environ)) == before
    assert [path.name for path in tmp_path.iterdir()] == ["sweep"]  # no place was claimed
    assert json.loads((sweep / "sweep.json").read_text())["trials"]
