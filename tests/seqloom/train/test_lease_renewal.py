"""A lease is kept while its block lasts, and its holder learns when another took the folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqloom.errors import RunError
from seqloom.train import lease as module
from seqloom.train.lease import Lease

from .conftest import names, say, stands, wait, write_lease

LOSE = """
import sys
from pathlib import Path
from seqloom.train import lease
lease.RENEWAL = 0.05
folder = Path(sys.argv[1])
with lease.Lease(folder, when_lost=lambda: lease.end_process(folder)):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.usefixtures("quickly")
def test_who_lost_its_lease_is_told_once_and_leaves_the_other_s(tmp_path: Path) -> None:
    told: list[int] = []
    with Lease(tmp_path, when_lost=lambda: told.append(1)):
        path = write_lease(tmp_path, token="another", started="1")  # whether it lives still or not
        content = path.read_bytes()
        wait(lambda: bool(told))
        time.sleep(0.2)
    assert told == [1]
    assert path.read_bytes() == content
    assert names(tmp_path) == ["lease.json"]


@pytest.mark.usefixtures("quickly")
def test_who_needs_not_be_told_renews_no_more(tmp_path: Path) -> None:
    with Lease(tmp_path) as lease:
        path = write_lease(tmp_path, token="another", started="1")
        lease._renewal.join(600)
        assert not lease._renewal.is_alive()
    assert json.loads(path.read_text())["token"] == "another"


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("content", [None, "", '{"token": 1}'])
def test_a_lease_that_somebody_removed_or_spoilt_is_put_back(
    tmp_path: Path, content: str | None
) -> None:
    told: list[int] = []
    path = tmp_path / "lease.json"
    with Lease(tmp_path, when_lost=lambda: told.append(1)) as lease:
        first = path.read_bytes()
        if content is None:
            path.unlink()
        else:
            path.write_text(content, encoding="utf-8")
            os.utime(path, (time.time() - 5,) * 2)  # nobody is writing it
        wait(lambda: stands(lease, tmp_path))
        assert path.read_bytes() == first
    assert not told
    assert names(tmp_path) == []


@pytest.mark.usefixtures("quickly")
def test_a_lease_that_went_during_a_long_sleep_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    with Lease(tmp_path, when_lost=lambda: told.append(1)):
        now = module.uptime
        monkeypatch.setattr(module, "uptime", lambda: now() + 2 * module.EXPIRY)
        (tmp_path / "lease.json").unlink()  # by another, who has had the folder in the meantime
        wait(lambda: bool(told))
    assert names(tmp_path) == []


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_that_is_set_is_no_sleep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    told: list[int] = []
    with Lease(tmp_path, when_lost=lambda: told.append(1)) as lease:
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + step)
        (tmp_path / "lease.json").unlink()  # by a user who takes it for a copy's
        wait(lambda: stands(lease, tmp_path) or bool(told))
    assert not told


@pytest.mark.usefixtures("quickly")
def test_a_folder_that_is_gone_is_not_lost(tmp_path: Path) -> None:
    folder, told = tmp_path / "run", list[int]()
    with Lease(folder, when_lost=lambda: told.append(1)) as lease:
        folder.rename(tmp_path / "away")
        time.sleep(0.2)
        folder.mkdir()
        wait(lambda: stands(lease, folder))
    assert not told


@pytest.mark.usefixtures("quickly")
def test_of_two_whose_lease_was_removed_only_one_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    path = tmp_path / "lease.json"
    with Lease(tmp_path, when_lost=lambda: told.append("first")) as first:
        path.unlink()
        try:
            with Lease(tmp_path, when_lost=lambda: told.append("second")) as second:
                wait(lambda: bool(told))
                assert stands(second, tmp_path)
            assert told == ["first"]
        except RunError:  # the renewal was quicker
            assert stands(first, tmp_path)
            assert not told


def test_no_lease_comes_back_after_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEWAL", 0)
    for _ in range(30):
        with Lease(tmp_path):
            (tmp_path / "lease.json").unlink(missing_ok=True)
        assert names(tmp_path) == []


@pytest.mark.parametrize("heard", [True, False])
def test_who_lost_its_folder_says_so_and_ends(tmp_path: Path, heard: bool) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", LOSE, str(tmp_path)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stderr is not None
        try:
            assert say(process) == "held"
            if not heard:
                process.stderr.close()
            write_lease(tmp_path, token="another")
            assert process.wait(timeout=600) == -signal.SIGKILL
            if heard:
                said = process.stderr.read()
                assert said.startswith(f"Error: {tmp_path} was taken by another process")
        finally:
            process.kill()
    assert json.loads((tmp_path / "lease.json").read_text(encoding="utf-8"))["token"] == "another"


@pytest.mark.usefixtures("quickly")
def test_a_lease_is_renewed_by_itself(tmp_path: Path) -> None:
    with Lease(tmp_path):
        path = tmp_path / "lease.json"
        os.utime(path, (0, 0))
        wait(lambda: path.stat().st_mtime > 0)
