"""Simple models beside the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import seqloom
from seqloom.cli.train import report


def test_the_most_frequent_tag_of_each_word(
    conll: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = [
        [("Ann", "B-PER"), ("sings", "O")],
        [("Ann", "B-LOC"), ("Ann", "B-PER")],
        [("in", "O"), ("Rome", "B-LOC")],
    ]
    test = [[("Ann", "B-PER"), ("in", "O"), ("Rome", "B-LOC"), ("Oslo", "B-LOC")]]
    data = conll(train=train, val=test, test=test)
    small = ("encoder.hidden_size=8", "trainer.max_epochs=1")
    result = seqloom.fit(*data, "head=ner", "baseline=true", *small, run_dir=tmp_path / "run")
    (name,) = result.baselines
    found = result.baselines[name]["test"]
    assert name == "most frequent tag of each word"
    assert found["token_accuracy"] == pytest.approx(3 / 4)
    assert (found["precision"], found["recall"]) == pytest.approx((1.0, 2 / 3))
    stored = json.loads((result.run_dir / "baselines.json").read_text(encoding="utf-8"))
    assert stored == result.baselines
    assert set(result.metrics) == {"val", "test"}
    report(result)
    assert "token_accuracy 0.7500" in capsys.readouterr().out
    assert "Beside simple models" in Path(result.report).read_text(encoding="utf-8")
