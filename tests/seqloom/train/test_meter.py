"""An evaluation counts each example once, whatever the batches."""

from __future__ import annotations

import pytest
import torch

from seqloom.config.compose import compose_run
from seqloom.model.build import build_pipeline
from seqloom.train.data import RunData, read_data, sampler
from seqloom.train.meter import Evaluation, evaluate


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
