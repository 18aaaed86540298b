"""What differs between two sweeps, and between two runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqloom.errors import ConfigError, DataError
from seqloom.sweep.diff import diff
from seqloom.sweep.summary import write_index

from .conftest import AddTrial


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return tmp_path / "other"


def test_two_sweeps(sweep: Path, other: Path, add: AddTrial) -> None:
    for seed in (1, 2):
        add("encoder=rnn", "trainer=cpu", val=0.5, test=seed / 4, seed=seed)
        add("encoder=lstm", "trainer=cpu", val=0.5, seed=seed)
        add("encoder=rnn", "trainer=gpu", val=0.75, test=0.5, seed=seed, folder=other)
    add("encoder=gru", "trainer=gpu", val=1.0, folder=other)
    constants, both, first, second = diff(sweep, other)
    assert constants.rows == [["trainer", "cpu", "gpu"]]
    assert both.header[:4] == ["encoder", "val f1 A", "val f1 B", "val f1 B - A"]
    assert both.rows == [
        ["rnn", "0.5000", "0.7500", "+0.2500", "0.3750", "0.5000", "+0.1250"],
    ]
    assert (first.title, first.rows) == ("Points only in A", [["lstm", "0.5000", "–"]])
    assert (second.title, second.rows) == ("Points only in B", [["gru", "1.0000", "–"]])
    assert str(first) == "Points only in A\nencoder  val f1  test f1\nlstm     0.5000  –"


def test_sweeps_that_monitor_different_metrics_need_a_name(
    sweep: Path, other: Path, add: AddTrial
) -> None:
    add("encoder=rnn", val=0.5)
    add("encoder=rnn", val=0.25, monitor="accuracy", folder=other)
    with pytest.raises(ConfigError, match=r"f1, accuracy\. Choose one: --metric"):
        diff(sweep, other)
    (both,) = diff(sweep, other, "loss")
    assert both.rows[0][:3] == ["0.5000", "0.7500", "+0.2500"]


def test_two_runs(add: AddTrial) -> None:
    def facts(size: int, torch: str, commit: str | None) -> dict[str, object]:
        return {
            "config": {"encoder": {"name": "rnn", "size": size}, "run_dir": f"/{size}"},
            "versions": {"python": "3.11", "torch": torch},
            "plugins": [{"name": "ner", "version": torch}],
            "git": {"commit": commit, "dirty": False} if commit else None,
        }

    a = add("x=1", val=0.5, test=0.25, **facts(8, "2.1", "abc"))
    b = add("x=2", val=0.75, **facts(16, "2.2", None))
    config, metrics, versions = diff(a, b)
    assert config.rows == [["encoder.size", "8", "16"]]
    assert metrics.rows == [
        ["val f1", "0.5000", "0.7500", "+0.2500"],
        ["val loss", "0.5000", "0.2500", "-0.2500"],
        ["test f1", "0.2500", "–", ""],
    ]
    assert versions.rows == [
        ["torch", "2.1", "2.2"],
        ["plugin ner", "2.1", "2.2"],
        ["git.commit", "abc", "–"],
        ["git.dirty", "False", "–"],
    ]


def test_damaged_records_are_told(
    sweep: Path, other: Path, add: AddTrial, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in (sweep, other):
        for val in (0.5, 0.6):
            add(val=val, folder=folder)
        write_index(folder)
        (folder / "0" / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"run\.json:1: not JSON: .*\. It cannot be compared\.$"):
        diff(sweep / "0", other / "0")
    diff(sweep, other)
    assert caplog.text.count("The trial is left out.") == 2


def test_what_cannot_be_compared(sweep: Path, add: AddTrial, tmp_path: Path) -> None:
    run = add(val=0.5)
    with pytest.raises(
        DataError, match=rf"{run} is a run and {sweep} is a sweep\. Pass two sweeps"
    ):
        diff(run, sweep)
    with pytest.raises(DataError, match=r"holds neither a sweep nor a run\. Pass the folders"):
        diff(tmp_path, sweep)
    with pytest.raises(DataError, match="nothing is not a folder"):
        diff(sweep, tmp_path / "nothing")
