"""A lease whose holder may be gone is waited out; one that is renewed is respected."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from seqloom.errors import RunError
from seqloom.train import lease as module
from seqloom.train.lease import Lease, locked
from seqloom.train.watch import _start

from .conftest import Fit, names, stands, write_lease


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have leases expire within a moment."""
    monkeypatch.setattr(module, "EXPIRY", 1.0)
    monkeypatch.setattr(module, "POLL", 0.02)
    for name in ("SLURM_JOB_ID", "SLURM_RESTART_COUNT", "ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("age", [0, 0.5, 0.98, 1.02])
def test_a_lost_machine_is_waited_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, age: float
) -> None:
    write_lease(tmp_path, age=age, boot="another machine", host="node17", pid=4242)
    before = time.monotonic()
    with locked(tmp_path) as lease:
        assert stands(lease, tmp_path)
        assert time.monotonic() - before < 1.5 - age / 2
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert len(said) == (age < 1)
    if said:
        assert "is held by process 4242 on node17, which renewed it 0 s ago." in said[0] or age
        assert "this process continues in" in said[0]
    assert names(tmp_path) == []


def test_a_holder_that_renews_is_respected_at_once(tmp_path: Path) -> None:
    path = write_lease(tmp_path, boot="another machine", host="node17", pid=4242)
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(0.3):
            os.utime(path)

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        with pytest.raises(RunError, match=r"is in use: process 4242 on node17 .* stop it there\."):
            locked(tmp_path).__enter__()
    finally:
        ended.set()
        thread.join()
    assert json.loads(path.read_text())["token"] == "old"


def test_of_two_that_wait_one_wins(tmp_path: Path) -> None:
    write_lease(tmp_path, boot="another machine")
    won: list[Lease] = []
    refused: list[RunError] = []

    def compete() -> None:
        try:
            won.append(locked(tmp_path).__enter__())
        except RunError as error:
            refused.append(error)

    threads = [threading.Thread(target=compete) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == len(refused) == 1
    won[0].__exit__(None, None, None)


def test_another_that_takes_the_folder_meanwhile_is_named(tmp_path: Path) -> None:
    write_lease(tmp_path, boot="another machine")
    quicker = threading.Timer(
        0.1, write_lease, [tmp_path], {"token": "new", "boot": "another machine", "host": "node9"}
    )
    quicker.start()
    with pytest.raises(RunError, match=r"is in use: process \d+ on node9"):
        locked(tmp_path).__enter__()
    quicker.join()


def test_a_renewal_in_the_future_is_waited_out_by_the_own_clock(tmp_path: Path) -> None:
    path = write_lease(tmp_path, age=-3600, boot="another machine")
    with locked(tmp_path) as lease:
        assert stands(lease, tmp_path)
        assert json.loads(path.read_text())["token"] == lease.token


def test_an_impatient_lease_does_not_wait(tmp_path: Path) -> None:
    write_lease(tmp_path, boot="another machine")
    with pytest.raises(RunError, match="in use"):
        Lease(tmp_path).__enter__()


def test_the_previous_start_of_a_job_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    script = "import sys, time; print(flush=True); sys.stdin.readline(); time.sleep(0.3)"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        assert child.stdout
        child.stdout.readline()
        job = {"name": "12@c", "restart": 0}
        write_lease(tmp_path, pid=child.pid, started=_start(child.pid), job=job)
        monkeypatch.setenv("SLURM_JOB_ID", "12")
        monkeypatch.setenv("SLURM_CLUSTER_NAME", "c")
        monkeypatch.setenv("ENVIRONMENT", "BATCH")
        with pytest.raises(RunError, match="in use"):  # another process of the same start
            locked(tmp_path).__enter__()
        monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
        with monkeypatch.context() as patch:
            patch.setattr(module, "EXPIRY", 0.05)
            with pytest.raises(RunError, match="in use"):  # it does not end
                locked(tmp_path).__enter__()
        child.stdin.close()
        with locked(tmp_path) as lease:
            assert stands(lease, tmp_path)
            assert json.loads((tmp_path / "lease.json").read_text())["job"]["restart"] == 1
        assert "of this job's previous start" in caplog.text


def test_a_run_waits_for_its_lost_machine(fit: Fit, ran: Path) -> None:
    write_lease(ran, boot="another machine", host="node17")
    result = fit("trainer.max_epochs=2", "resume=auto")
    assert json.loads((result.run_dir / "run.json").read_text())["epochs"] == 2
