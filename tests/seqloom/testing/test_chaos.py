"""``seqloom chaos`` does what it says to a run, and notices every trace that is left."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pytest

import seqloom
from seqloom.cli.chaos import chaos
from seqloom.errors import ConfigError, RunError
from seqloom.testing import failures
from seqloom.testing.chaos import COMPARED, SEEN, Chaos, Event, Numbers, batches_of
from seqloom.testing.failures import Attempt, cut_file, flip_bit, lose_machine
from seqloom.train.folder import RunFolder
from seqloom.train.lease import holder

SMALL = (
    "encoder=lstm",
    "encoder.hidden_size=8",
    "frontend.dropout=0.3",
    "data.train_size=60",
    "data.val_size=20",
    "data.test_size=20",
    "trainer=cpu",
    "trainer.max_epochs=3",
)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path)
    folder.checkpoints.mkdir()
    folder.last.write_bytes(bytes(1000))
    return folder


def test_one_bit_is_flipped(run: RunFolder) -> None:
    assert "bit flipped at byte " in flip_bit(run, random.Random(1))
    content = run.last.read_bytes()
    assert len(content) == 1000
    assert sum(byte.bit_count() for byte in content) == 1


def test_a_file_is_cut(run: RunFolder) -> None:
    said = cut_file(run, random.Random(1))
    assert said == f"last.ckpt cut to {run.last.stat().st_size} of 1,000 bytes"
    assert run.last.stat().st_size < 1000


def test_a_lost_machine_still_holds_the_folder(run: RunFolder) -> None:
    lose_machine(run, random.Random(1))
    found = holder(run.path)
    assert found is not None
    assert found.alive
    assert found.may_end_soon


def test_all_processes_of_an_attempt_are_found_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "END_SECONDS", 0.1)
    monkeypatch.setattr(failures, "ORPHAN_SECONDS", 1.0)
    child = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {!r}]); {}"
    wait = "import time; time.sleep(60)"
    attempt = Attempt([sys.executable, "-c", child.format(wait, wait)], tmp_path / "log")
    assert attempt.wait_until(lambda: len(attempt.pids()) == 2)
    pids = attempt.pids()
    assert "SIGKILL of" in attempt.kill_one(random.Random(0))
    start = time.monotonic()
    assert attempt.orphans() >= 1  # nobody told the other one to end
    assert time.monotonic() - start >= 1
    assert not set(attempt.pids()) & set(pids)


def test_a_program_that_is_still_ending_is_no_orphan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "ORPHAN_SECONDS", 0.0)
    attempt = Attempt([sys.executable, "-c", "import time; time.sleep(1)"], tmp_path / "log")
    assert attempt.orphans() == 0


def test_an_attempt_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    attempt = Attempt([sys.executable, "-c", "pass"], tmp_path / "log")
    assert not attempt.wait_until(lambda: False)
    assert attempt.orphans() == 0


def both_runs(folder: Path, seen: Sequence[list[str]]) -> Chaos:
    """Write what two runs leave that are the same."""
    trial = Chaos([], folder, 0)
    for run in (trial.whole, trial.run):
        for name in COMPARED:
            (run.path / name).parent.mkdir(parents=True, exist_ok=True)
            (run.path / name).write_text("same")
        logs = run.path.with_name(f"{run.path.name}-seen")
        logs.mkdir()
        logs.joinpath("seen-0.jsonl").write_text("".join(f"{json.dumps(ids)}\n" for ids in seen))
    return trial


def test_each_trace_is_noticed(tmp_path: Path) -> None:
    trial = both_runs(tmp_path, [["a", "b"], ["c"]])
    assert trial.verdict([]).passed
    assert not trial.verdict([Event("SIGKILL", 1, orphans=1)]).passed
    log = tmp_path / "failures-seen" / "seen-0.jsonl"
    before = log.read_text()
    for damaged in ('["a", "b"]\n', before + '["c"]\n', '["c"]\n["a", "b"]\n'):
        log.write_text(damaged)
        verdict = trial.verdict([])
        assert verdict.unlike >= 1
        assert not verdict.passed
    log.write_text(before)
    for name in COMPARED:
        (trial.run.path / name).write_text("other")
        assert trial.verdict([]).different == [name]
        (trial.run.path / name).write_text("same")


def test_a_resumed_run_logs_each_batch_once(tmp_path: Path) -> None:
    log = f"+callbacks.seen={{_target_: {SEEN}, folder: '{tmp_path / 'failures-seen'}'}}"
    run = RunFolder(tmp_path / "failures")
    seqloom.fit(*SMALL, log, "trainer.max_epochs=1", run_dir=run.path)
    one = batches_of(run)
    with (tmp_path / "failures-seen" / "seen-0.jsonl").open("a") as file:
        file.write('["lost with the process"]\n')
    seqloom.fit(*SMALL, log, "trainer.max_epochs=2", "resume=auto", run_dir=run.path)
    assert batches_of(run) == 2 * one
    lines = (tmp_path / "failures-seen" / "seen-0.jsonl").read_text().splitlines()
    seen = [json.loads(line) for line in lines]
    first, second = (sorted(chain(*part)) for part in (seen[:one], seen[one:]))
    assert first == second
    assert len(set(first)) == len(first) == 60


def test_what_cannot_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"kills=many: expected a whole number"):
        chaos(["kills=many"])
    with pytest.raises(ConfigError, match=r"resume=auto: seqloom chaos resumes the run itself"):
        chaos(["resume=auto"])
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="the folder is not empty"):
        chaos([f"run_dir={tmp_path}"])
    with pytest.raises(ConfigError, match=r"^There is no encoder=lstn\. Did you mean 'lstm'\?"):
        chaos(["encoder=lstn", f"run_dir={tmp_path / 'chaos'}"])
    assert not (tmp_path / "chaos").exists()


@pytest.mark.slow
def test_data_that_fail_by_themselves(tmp_path: Path) -> None:
    words = ["encoder=lstm", "head=classification", "data=csv", "data.train=missing.csv"]
    with pytest.raises(RunError, match=r"ended with the status 1: .*missing\.csv"):
        chaos([*words, f"run_dir={tmp_path / 'chaos'}"])


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_failures_leave_no_trace(
    tmp_path: Path, devices: int, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = (
        "kills=4",
        "flips=1",
        "cuts=1",
        "leases=0",
        "disks=1",
        f"run_dir={tmp_path / 'chaos'}",
    )
    words = (*SMALL, "batch.workers=2", f"trainer.devices={devices}", *numbers)
    assert chaos(list(words)) == 0
    said = capsys.readouterr().out
    assert said.count("SIGKILL") + said.count("had ended before") == 4
    assert "passed" in said


def test_failures_are_spread_over_the_run(tmp_path: Path) -> None:
    assert Numbers().kills >= Numbers().flips + Numbers().cuts + Numbers().leases
