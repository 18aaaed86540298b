"""Simple models beside the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import seqloom
from seqloom.cli.train import print_result
from seqloom.config.compose import compose_run
from seqloom.data.encoded import EncodedSplit
from seqloom.errors import PluginError
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.train.baselines import evaluate_baselines
from seqloom.train.data import RunData
from seqloom.train.prepare import encoded_data


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
    print_result(result)
    assert "token_accuracy 0.7500" in capsys.readouterr().out
    assert "Beside simple models" in Path(result.report).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def prepared() -> tuple[Pipeline, RunData]:
    """Return an untrained pipeline with small data."""
    cfg = compose_run(["data.train_size=20", "data.val_size=4", "data.test_size=6", "run_dir=x"])
    data = encoded_data(cfg)
    return build_pipeline(cfg.components, data.codecs), data


def test_a_split_without_examples_has_no_baseline(prepared: tuple[Pipeline, RunData]) -> None:
    pipeline, data = prepared
    found = evaluate_baselines(pipeline, data)
    assert {name: [*splits] for name, splits in found.items()} == {
        "most frequent tag of each word": ["val", "test"]
    }
    rows = {**data.splits, "val": EncodedSplit([])}
    assert [*evaluate_baselines(pipeline, replace(data, splits=rows)).popitem()[1]] == ["test"]


def test_a_head_without_baselines_or_with_wrong_ones_is_told(
    prepared: tuple[Pipeline, RunData],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "seqloom")
    pipeline, data = prepared
    codec = pipeline.codecs.heads[pipeline.head_name]
    monkeypatch.setattr(codec, "baselines", lambda train, asked: {})
    assert evaluate_baselines(pipeline, data) == {}
    assert "baseline=true: NerCodec has no baseline for this data." in caplog.text
    monkeypatch.setattr(codec, "baselines", lambda train, asked: {"guess": [{"tags": []}]})
    with pytest.raises(PluginError, match=r"^The baseline 'guess' returns 1 predictions for 4 exa"):
        evaluate_baselines(pipeline, data)
