"""What the reports of the tasks of a test job say is wrong."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from seqloom.cli.main import run
from seqloom.cli.smoke import problems, read_reports
from seqloom.errors import RunError
from seqloom.train.ranks import probe
from seqloom.train.ranks.group import Group

FOLDER = Path("/shared/runs")


def report(number: int, **changes: Any) -> dict[str, Any]:
    """Return the report of a task with which all is well."""
    good = {
        "node": f"n{number}",
        "rank": number,
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "gpus": 0,
        "delay": 0.4,
        "folder": "",
        "address": "n0:15000",
        "reached": "",
        "reduced": "",
    }
    return good | changes


def found(*reports: dict[str, Any], tasks: int = 2, seen: int = 2, gpus: bool = False) -> str:
    named = {str(number): one for number, one in enumerate(reports)}
    return "\n".join(problems(named, tasks, 1, FOLDER, seen=seen, gpus=gpus))


def test_nothing_is_wrong() -> None:
    assert found(report(0), report(1)) == ""
    assert found(report(0, gpus=1), report(1, gpus=2), gpus=True) == ""


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"folder": "No such file or directory"}, "n1 does not see /shared/runs: No such file"),
        ({"reached": "address: Name or service not known"}, "export MASTER_ADDR"),
        ({"reached": "port: Connection refused"}, "n0:15000 is not open between the nodes"),
        ({"reduced": "Connection reset"}, "GLOO_SOCKET_IFNAME"),
        ({"versions": {"python": "3.11.7", "torch": "2.12.0"}}, "2.13.0 on n0, 2.12.0 on n1"),
        ({"delay": 61.0}, "the clocks of the nodes differ by 61 s"),
        ({"problem": "SLURM_PROCID='x'"}, "n1: SLURM_PROCID='x'"),
        ({"started": True}, "a task on n1 ended early"),
    ],
)
def test_each_problem_gets_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    said = found(report(0), report(1, **changes), seen=1 if "folder" in changes else 2)
    assert sentence in said
    assert said.count("\n") == 0


def test_more_problems() -> None:
    assert "1 of 2 tasks started" in found(report(0), seen=1)
    assert "n1 shows 0 GPUs" in found(report(0, gpus=1), report(1), gpus=True)
    assert "1 tasks wrote to a different /shared/runs" in found(report(0), report(1), seen=1)


def test_the_last_report_of_a_task_counts_with_the_delay_of_its_first() -> None:
    first = {"node": "n0", "time": time.time() - 30, "started": True}
    lines = [f"0: {probe.PREFIX}{json.dumps(one)}\n" for one in (first, report(0))]
    (one,) = read_reports(["0: a warning of something else\n", *lines]).values()
    assert 29 < one["delay"] < 40
    assert "started" not in one


def test_a_wrong_address_is_told_from_a_closed_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "SECONDS", 0.1)
    task = {"by": "srun", "rank": 1, "size": 2, "local_rank": 0, "local_size": 1, "node": 1}
    there: dict[str, Any] = {**task, "address": "127.0.0.1", "port": 1}
    assert probe._reach(Group(**there)).startswith("port: ")
    assert probe._reach(Group(**{**there, "address": "no.such.host.invalid"})).startswith("address")


def test_a_folder_that_cannot_be_made_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "srun").write_text("#!/bin/sh\n")
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match=r"Cannot write .*srun"):
        run(["cluster", "test", "--folder", str(tmp_path / "srun")])


def test_without_srun_it_says_where_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match="There is no srun on the PATH"):
        run(["cluster", "test"])


def reported(printed: str) -> dict[str, Any]:
    """Return the last report that a task printed."""
    return dict(json.loads(printed.splitlines()[-1].removeprefix(probe.PREFIX)))


@pytest.mark.parametrize(
    ("token", "problem"), [("t8", "holds other files there"), (None, "No such file or directory")]
)
def test_a_task_says_what_is_wrong_with_the_folder(
    tmp_path: Path, token: str | None, problem: str
) -> None:
    if token:
        (tmp_path / "token").write_text(token)
    assert probe._shared(tmp_path, "t7", 1) == problem


def test_a_task_whose_variables_are_wrong_reports_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["probe", str(tmp_path), "t7"])
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    monkeypatch.setenv("SLURM_PROCID", "x")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,-1")
    probe.main()
    found = reported(capsys.readouterr().out)
    assert found["gpus"] == 2
    assert "SLURM_PROCID" in found["problem"]


def test_a_task_that_cannot_join_the_group_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        own = Group("srun", 0, 2, 0, 1, 0, "127.0.0.1", taken.getsockname()[1], served=False)
        for name in own.environment:
            monkeypatch.setenv(name, "")  # so that it is restored
        assert "address already in use" in probe._reduce(own)
