"""A changed ``run.json`` or ``metrics.json`` is noticed, and never gives another result."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from seqloom.cli.inspect import run_facts
from seqloom.errors import DataError
from seqloom.sweep.trials import read_trial
from seqloom.train.stored_record import read_record, write_record

from .conftest import Fit

RECORD: dict[str, Any] = {
    "state": "done",
    "monitor": "f1",
    "seconds": 1.25,
    "metrics": {"val": {"f1": 0.875, "loss": float("nan")}},
    "history": [{"state": "done"}],
}


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_no_bit_of_a_record_is_changed_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_record(path, RECORD)
    content, whole = path.read_bytes(), read_record(path)
    assert whole["metrics"] == {"val": {"f1": 0.875, "loss": None}}
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with suppress(DataError):
            found = read_record(path)
            assert {key: found.get(key) for key in whole} == whole  # as in white space


def test_a_changed_record_is_told_wherever_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_record(path, RECORD)
    changed(path, "0.875", "0.975")
    with pytest.raises(DataError, match=r"run\.json was changed after seqloom wrote it.*'sha256'"):
        read_record(path)
    trial = read_trial(tmp_path)
    assert (trial.state, trial.metrics) == ("damaged", {})
    facts = run_facts(tmp_path)
    assert facts is not None
    assert facts["state"] == "damaged"
    assert "was changed after seqloom wrote it" in facts["error"]


def test_a_record_without_a_digest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"state": "done", "watch": "f1"}), encoding="utf-8")
    assert read_record(path) == {"state": "done", "monitor": "f1"}


@pytest.mark.parametrize("name", ["run.json", "metrics.json"])
def test_a_finished_run_with_a_changed_score_computes_it_again(
    fit: Fit, ran: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole = json.loads((ran / "metrics.json").read_text(encoding="utf-8"))
    loss = json.dumps(whole["val"]["loss"])
    changed(ran / name, f'"loss": {loss}', '"loss": 0.25')
    result = fit("trainer.max_epochs=1", "resume=auto")
    assert result.metrics == whole
    assert json.loads((ran / "metrics.json").read_text(encoding="utf-8")) == whole
    assert read_record(ran / "run.json")["metrics"] == whole
    said = {"run.json": "is damaged and will be replaced", "metrics.json": "are computed again"}
    assert said[name] in caplog.text
