"""Ranks: one process tree a run, the first error shown, nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fork_server import ForkServer

from seqloom import load
from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError
from seqloom.train.ranks.launch import ranks_per_node

Program = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
TWO = ("trainer.devices=2", "trainer.accelerator=cpu")

SABOTEUR = '''
import os, signal, time
import pytorch_lightning as pl

class Saboteur(pl.Callback):
    """Does something to one rank, in the second step."""

    def __init__(self, rank, how):
        self.rank, self.how = rank, how

    def on_train_batch_start(self, trainer, *rest):
        if trainer.global_step == 1 and trainer.global_rank == self.rank:
            if self.how == "raise":
                raise RuntimeError("boom on purpose")
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "refuse":
                from seqloom.errors import RunError
                raise RunError("The loss is not finite for: a-sentence (nan).")
            if self.how == "sleep":  # but not through a SIGTERM, as a rank would that is deaf
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            time.sleep(600)
'''


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a folder for PYTHONPATH with a callback that does harm."""
    (tmp_path / "saboteur.py").write_text(SABOTEUR, encoding="utf-8")
    return tmp_path


@pytest.fixture
def train(program: Program, small: tuple[str, ...], site: Path) -> Program:
    """Train on two ranks, where harm can be done."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return program("train", *small, *TWO, *words, site=site)

    return run


def harm(rank: int, how: str, name: str = "harm") -> str:
    return f"+callbacks.{name}={{_target_: saboteur.Saboteur, rank: {rank}, how: {how}}}"


def ranks_of(folder: Path) -> list[str]:
    """Return the command lines of the rank processes of a run that are still there."""
    listing = subprocess.run(
        ["ps", "-eww", "-o", "stat,args"], capture_output=True, text=True, check=True
    )
    lines = listing.stdout.splitlines()
    return [one for one in lines if "seqloom.train.ranks.rank" in one and str(folder) in one]


@pytest.fixture(scope="module")
def on_two_ranks(
    program: Program, small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """Return the folder of a run on two ranks, and what it said."""
    folder = tmp_path_factory.mktemp("ranks") / "run"
    done = program("train", *small, *TWO, "trainer.max_epochs=2", f"run_dir={folder}")
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


def test_a_run_on_two_ranks_leaves_one_model(on_two_ranks: tuple[Path, str]) -> None:
    folder, said = on_two_ranks
    record = json.loads((folder / "run.json").read_text())
    assert (record["state"], record["ranks"], record["epochs"]) == ("done", 2, 2)
    assert load(folder / "bundle")("Apple is cheap .")["entities"] is not None
    assert not ranks_of(folder)
    # What each rank says would come twice; the batch's meaning is stated.
    assert said.count("Examples: train 60, val 20, test 20") == 1
    assert said.count("Epoch 1 of 2") == 1
    assert "2 ranks: a batch of up to 16 examples on each, 32 in a step; 2 steps an epoch." in said
    (efficiency,) = re.findall(r"2 ranks are .* as fast as one: scaling efficiency (.*)\.", said)
    assert float(efficiency) == pytest.approx(record["scaling_efficiency"], abs=0.01)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    steps = [row["step"] for row in rows if "train/loss" in row]
    assert steps == sorted(set(steps))  # each step once: one rank writes


def test_it_goes_on_where_it_was(
    on_two_ranks: tuple[Path, str], program: Program, small: tuple[str, ...]
) -> None:
    folder, _ = on_two_ranks
    words = [*small, *TWO, "trainer.max_epochs=3", f"run_dir={folder}", "resume=auto"]
    done = program("train", *words)
    assert done.returncode == 0, done.stderr
    assert "Resuming after epoch 2" in done.stderr
    record = json.loads((folder / "run.json").read_text())
    assert (record["epochs"], record["attempts"]) == (3, 2)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (
            "raise",
            "Error: RuntimeError: boom on purpose (rank 1 of 2; see {folder}/train.log) [S500]",
        ),
        ("refuse", "Error: The loss is not finite for: a-sentence (nan). (rank 1 of 2) [S500]"),
        ("kill", "Error: Rank 1 of 2 was killed by SIGKILL. Perhaps it was out of memory. [S507]"),
    ],
)
def test_the_first_rank_that_fails_is_heard(
    tmp_path: Path, train: Program, how: str, error: str
) -> None:
    folder = tmp_path / "run"
    done = train("trainer.max_epochs=20", harm(1, how), f"run_dir={folder}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == error.format(folder=folder)
    assert "Traceback" not in done.stderr
    assert json.loads((folder / "run.json").read_text())["state"] == "failed"
    if how == "raise":
        assert "in on_train_batch_start" in (folder / "train.log").read_text()  # for its finder
    assert not ranks_of(folder)


# Torch kills the deaf rank after 30 seconds.
@pytest.mark.parametrize("other", ["sleep", pytest.param("deaf", marks=pytest.mark.slow)])
def test_a_rank_that_would_sleep_ends_with_the_one_that_failed(
    tmp_path: Path, train: Program, other: str
) -> None:
    folder = tmp_path / "run"
    done = train(harm(1, "raise"), harm(0, other, "other"), f"run_dir={folder}")
    assert "boom on purpose (rank 1 of 2" in done.stderr
    assert not ranks_of(folder)


@pytest.mark.parametrize("victim", ["launcher", "rank"])
def test_no_rank_trains_on(
    tmp_path: Path, site: Path, small: tuple[str, ...], start: Start, victim: str
) -> None:
    folder = tmp_path / "run"
    command = ["train", *small, *TWO, harm(0, "sleep"), f"run_dir={folder}"]
    with (tmp_path / "said").open("w") as said:
        run = start(*command, site=site, cold=victim == "launcher", stdout=said, stderr=said)
    _wait_until(lambda: "steps an epoch" in (tmp_path / "said").read_text())
    assert len(ranks_of(folder)) == 2
    if victim == "launcher":
        run.kill()
    else:
        subprocess.run(
            ["pkill", "-9", "-o", "-f", f"seqloom.train.ranks.rank {folder}"], check=True
        )
    _wait_until(lambda: not ranks_of(folder))
    run.communicate(timeout=600)


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["sweep", "worker"])
def test_no_rank_of_a_sweep_trains_on(
    tmp_path: Path, site: Path, small: tuple[str, ...], start: Start, victim: str
) -> None:
    folder = tmp_path / "sweep"
    joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    command = ["train", "-m", *small, *TWO, "seed=1,2", harm(0, "sleep"), *joblib]
    with (tmp_path / "said").open("w") as said:
        sweep = start(*command, f"run_dir={folder}", site=site, stdout=said, stderr=said)
    try:
        _wait_until(lambda: (tmp_path / "said").read_text().count("steps an epoch") == 2)
        ranks = pids(folder)
        assert len(ranks) == 4
        worker = json.loads((folder / "0" / "lease.json").read_text())["pid"]
        os.kill(sweep.pid if victim == "sweep" else worker, signal.SIGKILL)
        # Where a worker was killed, the sweep begins its trials anew, with other ranks.
        _wait_until(lambda: not set(ranks[:2]) & set(pids(folder)))
        if victim == "sweep":
            _wait_until(lambda: not pids(folder))
    finally:
        sweep.kill()
        sweep.communicate()
    _wait_until(lambda: not pids(folder))


def pids(folder: Path) -> list[int]:
    """Return the rank processes of the trials in a folder, those of the first one first."""
    listing = subprocess.run(
        ["ps", "-eww", "-o", "pid,stat,args"], capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in listing.stdout.splitlines()]
    ranks = [words for words in lines if "seqloom.train.ranks.rank" in words]
    found = [words for words in ranks if words[-1].startswith(str(folder))]
    return [int(one[0]) for one in sorted(found, key=lambda words: words[-1])]


def _wait_until(true: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


# Elastic leaves the closing of its log files to Python.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_nothing_of_a_run_on_ranks_stays_in_this_process(
    tmp_path: Path,
    small: tuple[str, ...],
    fork_server: ForkServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import seqloom

    monkeypatch.setattr(sys, "executable", fork_server.python)
    before, handler = dict(os.environ), signal.getsignal(signal.SIGINT)
    seqloom.fit(*small, *TWO, run_dir=tmp_path / "two")
    assert dict(os.environ) == before
    assert signal.getsignal(signal.SIGINT) is handler  # else Ctrl-C would be elastic's
    result = seqloom.fit(*small, run_dir=tmp_path / "one")  # naively: "devices=1, but WORLD_SIZE=2"
    assert json.loads((result.run_dir / "run.json").read_text())["ranks"] == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], None),
        (["trainer.devices=2"], 2),
        (["trainer.devices='3'"], 3),
        (["trainer.num_nodes=2"], 1),
        (["trainer.devices=2", "trainer.num_nodes=2"], 2),
        (["trainer.devices=auto"], None),
        (["trainer.devices=1", "+trainer.strategy=ddp"], 1),
        (["trainer.devices=2", "+trainer.strategy=ddp_find_unused_parameters_true"], 2),
        (["trainer.devices=2", "+trainer.strategy=fsdp"], 2),
        (["trainer.num_nodes=2", "+trainer.strategy=fsdp"], 1),
    ],
    ids=str,
)
def test_how_many_processes_lightning_would_take(words: list[str], expected: int | None) -> None:
    assert ranks_per_node(compose_run(["trainer=cpu", "run_dir=x", *words]).trainer) == expected


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trainer.devices=0"], "trainer cannot be built: .*devices"),
        (["trainer.devices=2", "+trainer.strategy=ddp_spawn"], "forks a process .*strategy=ddp"),
        (["trainer.devices=2", "+trainer.strategy=deepspeed_stage_2"], "_2: expected ddp .* fsdp"),
        (["trainer.devices=2", "+trainer.strategy=dpp"], "trainer cannot be built: .*dpp"),
    ],
    ids=str,
)
def test_what_cannot_be_launched(words: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        ranks_per_node(compose_run(["trainer=cpu", "run_dir=x", *words]).trainer)
