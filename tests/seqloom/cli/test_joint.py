"""One model on processes that srun or a person has started; here, a test plays both."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom import load

Ended = list[tuple[int, str]]
Tasks = Callable[..., Ended]


@pytest.fixture
def tasks(start: Callable[..., subprocess.Popen[str]]) -> Tasks:
    """Run a command as two tasks of a job step, each on a node; return status and stderr."""

    def run(*arguments: str | Path, site: Path | None = None, **more: str) -> Ended:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        step = {
            "SLURM_JOB_ID": "7",
            "SLURM_STEP_ID": "0",
            "SLURM_STEP_NUM_TASKS": "2",
            "SLURM_STEP_TASKS_PER_NODE": "1(x2)",
            "SLURM_LOCALID": "0",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            **more,
        }
        started = [
            start(*arguments, site=site, SLURM_PROCID=str(rank), SLURM_NODEID=str(rank), **step)
            for rank in range(2)
        ]
        ended = []
        for task in started:
            with task:
                said = task.communicate(timeout=300)[1]
            ended.append((task.returncode, said))
        return ended

    return run


@pytest.fixture
def by_hand(start: Callable[..., subprocess.Popen[str]]) -> Tasks:
    """Run a command on two nodes, with one more override on the second; return status, stderr."""

    def run(*arguments: str | Path, second: tuple[str, ...] = ()) -> Ended:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        started = [
            start(*arguments, "trainer.num_nodes=2", *more, NODE_RANK=str(node), **where)
            for node, more in enumerate([(), second])
        ]
        ended = []
        for process in started:
            with process:
                said = process.communicate(timeout=300)
            ended.append((process.returncode, "".join(said) if process is started[1] else said[1]))
        return ended

    return run


def weights(run: Path) -> bytes:
    return (run / "bundle" / "model.safetensors").read_bytes()


def test_two_tasks_or_nodes_train_what_two_devices_do(
    tasks: Tasks,
    by_hand: Tasks,
    program: Callable[..., object],
    small: tuple[str, ...],
    tmp_path: Path,
) -> None:
    words = ("train", *small, "batch.max_examples=16", "batch.workers=1")
    ended = tasks(*words, "trainer.num_nodes=2", f"run_dir={tmp_path / 'joint'}")
    assert [code for code, _ in ended] == [0, 0], ended
    assert ended[1][1] == ""
    record = json.loads((tmp_path / "joint" / "run.json").read_text())
    assert (record["state"], record["ranks"], record["attempts"]) == ("done", 2, 1)
    assert not list((tmp_path / "joint").rglob("hpc*"))
    program(*words, "trainer.devices=2", f"run_dir={tmp_path / 'own'}")
    assert weights(tmp_path / "joint") == weights(tmp_path / "own")
    ended = by_hand(*words, f"run_dir={tmp_path / 'hand'}", second=(f"run_dir={tmp_path / 'x'}",))
    assert [code for code, _ in ended] == [0, 0], ended
    assert ended[1][1] == ""
    assert not (tmp_path / "x").exists()
    assert weights(tmp_path / "hand") == weights(tmp_path / "own")


def test_two_tasks_share_the_weights(tasks: Tasks, small: tuple[str, ...], tmp_path: Path) -> None:
    words = ("trainer.num_nodes=2", "+trainer.strategy=fsdp", f"run_dir={tmp_path / 'run'}")
    ended = tasks("train", *small, *words)
    assert [code for code, _ in ended] == [0, 0], ended
    assert ended[1][1] == ""
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (record["state"], record["ranks"]) == ("done", 2)
    assert load(tmp_path / "run" / "bundle")("Apple is cheap .")["entities"] is not None


def test_other_settings_on_the_other_node_end_both(
    by_hand: Tasks, small: tuple[str, ...], tmp_path: Path
) -> None:
    run = f"run_dir={tmp_path / 'run'}"
    ended = by_hand("train", *small, run, second=("encoder.hidden_size=6",))
    assert [code for code, _ in ended] == [1, 1], ended
    for _, said in ended:
        assert "was started with different settings from the first one: encoder.hidden_size" in said
        assert "Traceback" not in said
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_second_task_by_mistake_gets_one_sentence(
    tasks: Tasks, small: tuple[str, ...], tmp_path: Path
) -> None:
    ended = tasks("train", *small, f"run_dir={tmp_path / 'run'}")
    assert [code for code, _ in ended] == [0, 0], ended
    assert ended[1][1].startswith("Note: this is process 1 of 2, on ")
    assert ended[1][1].count("\n") == 1
    assert json.loads((tmp_path / "run" / "run.json").read_text())["ranks"] == 1


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["trainer.num_nodes=3"], "srun started 2 processes, but trainer.num_nodes=3"),
        (["trainer.devices=2"], "srun started 1 process on "),
        (["encoder=lstmm"], "lstmm"),
        (["-m", "seed=1,2"], "each would run the whole sweep"),
    ],
)
def test_a_mistake_ends_all_before_training(
    tasks: Tasks, small: tuple[str, ...], tmp_path: Path, words: list[str], error: str
) -> None:
    ended = tasks("train", *small, *words, f"run_dir={tmp_path / 'run'}")
    assert [code for code, _ in ended] == [1, 1], ended
    assert error in ended[0][1]
    assert "Traceback" not in ended[0][1] + ended[1][1]
    assert not (tmp_path / "run" / "checkpoints").exists()


FAILING = """
import pytorch_lightning as pl
from seqloom.errors import RunError

class Failing(pl.Callback):
    def __init__(self, own):
        self.own = own

    def on_train_batch_start(self, trainer, *rest):
        if trainer.global_step == 1 and trainer.global_rank == {rank}:
            raise RunError("the disk is full") if self.own else RuntimeError("something broke")
"""


@pytest.mark.parametrize(("rank", "own"), [(0, True), (1, False)])
def test_a_task_that_fails_ends_the_run_with_its_error(
    tasks: Tasks, small: tuple[str, ...], tmp_path: Path, rank: int, own: bool
) -> None:
    (tmp_path / "failing.py").write_text(FAILING.format(rank=rank), encoding="utf-8")
    failing = f"+callbacks.failing={{_target_:failing.Failing,own:{own}}}"
    words = ["trainer.num_nodes=2", failing, f"run_dir={tmp_path / 'run'}"]
    ended = tasks("train", *small, *words, site=tmp_path)
    assert [code for code, _ in ended] == [1, 1], ended
    cause = "the disk is full" if own else "RuntimeError: something broke"
    assert cause in ended[0][1]
    also = cause if rank == 1 else "Another process has ended, and so does process 1 of 2"
    assert ended[1][1].startswith(f"Error: {also}")
    assert "Traceback" not in ended[0][1] + ended[1][1]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["state"] == "failed"
    assert cause in record["error"]


DOZING = """
import time
import pytorch_lightning as pl

class Dozing(pl.Callback):
    def on_train_batch_start(self, trainer, *rest):
        if trainer.global_step == 2 and trainer.global_rank == {rank}:
            time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_task_that_hangs_is_named_and_ends_the_run(
    tasks: Tasks, small: tuple[str, ...], tmp_path: Path, rank: int
) -> None:
    (tmp_path / "dozing.py").write_text(DOZING.format(rank=rank), encoding="utf-8")
    words = ["callbacks=none", "+callbacks.dozing._target_=dozing.Dozing", "hang_timeout=10"]
    words += ["trainer.num_nodes=2", "trainer.max_epochs=3", f"run_dir={tmp_path / 'run'}"]
    ended = tasks("train", *small, *words, site=tmp_path)
    assert [code for code, _ in ended] == [1, 1], ended
    assert f"Rank {rank} of 2 has made no progress for 10 s after step 2 (" in ended[0][1]
    assert "dozing.py" in ended[0][1]
    assert "Traceback" not in ended[0][1] + ended[1][1]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["state"] == "failed"
    assert f"Rank {rank} of 2 has made no progress" in record["error"]


def test_nodes_need_somebody_who_starts_their_processes(
    program: Callable[..., subprocess.CompletedProcess[str]],
    small: tuple[str, ...],
    tmp_path: Path,
) -> None:
    assert "SLURM_STEP_ID" not in os.environ
    ended = program("train", *small, "trainer.num_nodes=2", f"run_dir={tmp_path / 'run'}")
    assert ended.returncode == 1
    assert (
        "needs a process for each device: start seqloom train by srun or torchrun" in ended.stderr
    )
