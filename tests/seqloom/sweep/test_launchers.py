"""The same sweep by each launcher: the same numbers, the same folder, the same exit status."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NamedTuple

import pytest

from seqloom.sweep.shares import share
from seqloom.sweep.trials import read_trials

Program = Callable[..., "CompletedProcess[str]"]

WORDS = ("threads=1", "encoder=rnn", "optimizer.lr=0.01,0.02,-1")  # the last of them fails
LAUNCHERS = {
    "basic": (),
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "submitit": ("hydra/launcher=submitit_local",),
}

LOOK = '''
import json, os
from pathlib import Path
import pytorch_lightning as pl

class Look(pl.Callback):
    """Writes down what the trial may use, beside its other files."""

    def on_train_start(self, trainer, module):
        import torch
        seen = {
            "pid": os.getpid(),
            "cores": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [],
            "threads": torch.get_num_threads(),
        }
        Path(trainer.default_root_dir, "looked.json").write_text(json.dumps(seen))
'''


class Sweep(NamedTuple):
    """What a launcher made of the sweep."""

    launcher: str
    folder: Path
    done: CompletedProcess[str]


@pytest.fixture(scope="module")
def sweeps(
    tmp_path_factory: pytest.TempPathFactory, program: Program, small: tuple[str, ...]
) -> dict[str, Sweep]:
    """Run the sweep by each launcher."""
    root = tmp_path_factory.mktemp("launchers")
    (root / "look.py").write_text(LOOK, encoding="utf-8")
    callback = "+callbacks.look._target_=look.Look"
    found = {}
    for name, launcher in LAUNCHERS.items():
        words = ["-m", *small, *WORDS, callback, *launcher, f"run_dir={root / name}"]
        done = program("train", *words, site=root, TMPDIR=str(root))
        found[name] = Sweep(name, root / name, done)
    return found


@pytest.fixture(scope="module", params=LAUNCHERS)
def swept(request: pytest.FixtureRequest, sweeps: dict[str, Sweep]) -> Sweep:
    """Return the sweep of each launcher in turn."""
    found: Sweep = sweeps[request.param]
    return found


def results(folder: Path) -> list[Any]:
    return [trial.record.get("metrics") for trial in read_trials(folder)]


def test_a_trial_that_fails_neither_ends_the_sweep_nor_is_forgotten(swept: Sweep) -> None:
    assert swept.done.returncode == 1, swept.done.stderr
    trials = read_trials(swept.folder)
    assert [trial.state for trial in trials] == ["done", "done", "failed"]
    assert (
        trials[2]
        .record["error"]
        .startswith("ConfigError: optimizer does not accept its parameters")
    )
    assert "Error: optimizer does not accept its parameters" in swept.done.stderr
    assert "Traceback" not in swept.done.stderr
    assert str(swept.folder) in swept.done.stdout.splitlines()[-1]


def test_the_record_of_a_job_has_its_log_files(swept: Sweep) -> None:
    logs = [trial.history[-1].get("logs", {}) for trial in read_trials(swept.folder)]
    if swept.launcher != "submitit":
        assert logs == [{}, {}, {}]
        return
    assert "optimizer does not accept its parameters" in Path(logs[2]["stderr"]).read_text()
    assert f"Trial 2 failed: {read_trials(swept.folder)[2].record['error']}" in swept.done.stderr
    assert f"log {logs[2]['stderr']})" in swept.done.stderr


def test_the_numbers_are_those_of_any_other_launcher(
    swept: Sweep, sweeps: dict[str, Sweep]
) -> None:
    first, second, failed = results(swept.folder)
    assert failed is None
    assert first != second
    assert results(swept.folder) == results(sweeps["basic"].folder)


def test_nothing_else_is_in_the_folder(swept: Sweep) -> None:
    own = {".submitit"} if swept.launcher == "submitit" else set()
    names = {path.name for path in swept.folder.iterdir()}
    assert names == {"0", "1", "2", "index.json", "sweep.json"} | own
    kept = {path.name for path in (swept.folder / "0").iterdir()}
    assert kept == {
        "bundle",
        "checkpoints",
        "codecs.json",
        "config.yaml",
        "contents.npz",
        "looked.json",
        "metrics.json",
        "metrics.jsonl",
        "report.html",
        "run.json",
        "train.log",
    }


def test_a_trial_runs_in_its_own_share(swept: Sweep) -> None:
    seen = [json.loads((swept.folder / n / "looked.json").read_text()) for n in ("0", "1")]
    assert [one["threads"] for one in seen] == [1, 1]
    if not hasattr(os, "sched_getaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    places = {"basic": 1, "joblib": 2, "submitit": min(3, len(cores))}[swept.launcher]
    shares = [list(share(slot, places, cores, [], 0).cores) for slot in range(places)]
    assert all(one["cores"] in shares for one in seen)
    if swept.launcher == "joblib" and seen[0]["pid"] != seen[1]["pid"]:
        assert len(cores) < 2 or seen[0]["cores"] != seen[1]["cores"]
