"""An evaluation counts each example once, whatever the batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch

from seqloom.config.compose import compose_run
from seqloom.interfaces import Encoded, SequenceBatch
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.train.data import RunData, read_data, sampler
from seqloom.train.meter import Evaluation, calibrate, evaluate, passes


@pytest.fixture(scope="module")
def data() -> RunData:
    return read_data(compose_run(["data.train_size=60", "data.val_size=20", "data.test_size=2"]))


@pytest.mark.parametrize("head", ["ner", "classification"])
def test_the_result_does_not_depend_on_the_batches(head: str) -> None:
    config = compose_run(
        ["data.train_size=60", "data.val_size=20", "data.test_size=2", f"head={head}"]
    )
    data = read_data(config)
    torch.manual_seed(0)
    pipeline = build_pipeline(config, data.codecs).train()
    rows = data.rows["val"]

    def measure(max_examples: int) -> Evaluation:
        return evaluate(
            pipeline, rows, sampler(rows, {"max_examples": max_examples, "max_cost": None})
        )

    small, large = measure(1), measure(100)
    assert pipeline.training
    assert small.metrics.keys() == large.metrics.keys()
    for name, value in small.metrics.items():
        assert large.metrics[name] == pytest.approx(value, rel=1e-4, abs=1e-5)
    assert set(small.losses) == {row.example.id for row in rows}
    assert small.metrics["loss"] == pytest.approx(sum(small.losses.values()) / len(rows))
    for name, loss in small.losses.items():
        assert large.losses[name] == pytest.approx(loss, rel=1e-4)


def test_evaluation_takes_larger_batches_than_training(data: RunData) -> None:
    rows = data.rows["train"]
    batch = {"max_examples": 4, "max_cost": 100}
    assert len(sampler(rows, batch, training=True)) > 2 * len(sampler(rows, batch))


class Watched:
    """Stands in for a head's ``calibrate``; fits a scale to the outputs, as a head would."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline, self.ids = pipeline, list[str]()

    def __call__(self, passes: Iterable[tuple[Any, Encoded, SequenceBatch]]) -> dict[str, float]:
        scale = torch.ones((), requires_grad=True)
        for outputs, encoded, batch in passes:
            assert not any(part.training for part in self.pipeline.modules())
            assert "label" in batch or "target" in batch or "labels" in batch, batch.tensors
            assert len(encoded.lengths) == len(batch)
            (outputs * scale).sum().backward()
            self.ids += batch.ids
        assert scale.grad is not None
        return {"scale": float(scale.grad)}


def _classifier(monkeypatch: pytest.MonkeyPatch) -> tuple[Pipeline, RunData, Watched]:
    sizes = ["data.train_size=60", "data.val_size=20", "data.test_size=2"]
    config = compose_run([*sizes, "head=classification"])
    data = read_data(config)
    pipeline = build_pipeline(config, data.codecs).train()
    watched = Watched(pipeline)
    monkeypatch.setattr(pipeline.head, "calibrate", watched)
    return pipeline, data, watched


def test_calibration_sees_each_example_once_in_eval_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, data, watched = _classifier(monkeypatch)
    rows = data.rows["val"]
    found = calibrate(pipeline, rows, sampler(rows, {"max_examples": 3, "max_cost": None}))
    assert found.keys() == {"scale"}
    assert sorted(watched.ids) == sorted(row.example.id for row in rows)
    assert pipeline.training


def test_a_pass_that_is_broken_off_leaves_the_mode_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline, data, _ = _classifier(monkeypatch)
    rows = data.rows["val"]
    started = passes(pipeline, rows, sampler(rows, {"max_examples": 3, "max_cost": None}))
    next(started)
    assert not pipeline.training
    started.close()
    assert pipeline.training


def test_a_head_that_has_nothing_to_calibrate_reads_nothing(
    data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_run(["data.train_size=60", "data.val_size=20", "data.test_size=2"])
    pipeline = build_pipeline(config, data.codecs)
    rows = data.rows["val"]
    monkeypatch.setattr(pipeline, "encode", None)
    assert calibrate(pipeline, rows, sampler(rows, {"max_examples": 3, "max_cost": None})) == {}
