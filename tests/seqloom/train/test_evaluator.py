"""An evaluation counts each example once, whatever the batches and the number of ranks."""

from __future__ import annotations

import copy
import functools
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from small_lines import SMALL_LINES

from seqloom.config.compose import compose_run
from seqloom.config.run_config import BatchConfig
from seqloom.data.sampler import BatchSampler
from seqloom.interfaces import (
    Encoded,
    HeadMetric,
    Matrix,
    Mode,
    Prediction,
    Table,
    Targets,
)
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.train.data import RunData, sampler
from seqloom.train.evaluator import Evaluation, calibrate, evaluate, passes
from seqloom.train.monitor import Monitor, chosen_monitor
from seqloom.train.prepare import encoded_data
from seqloom.train.ranks.distributed import rank


@pytest.fixture(scope="module")
def data() -> RunData:
    return encoded_data(compose_run(["data.train_size=60", "data.val_size=20", "data.test_size=2"]))


@pytest.mark.parametrize("head", ["ner", "classification"])
def test_the_result_does_not_depend_on_the_batches(head: str) -> None:
    config = compose_run(
        ["data.train_size=60", "data.val_size=20", "data.test_size=2", f"head={head}"]
    )
    data = encoded_data(config)
    torch.manual_seed(0)
    pipeline = build_pipeline(config.components, data.codecs)
    rows = data.splits["val"]

    def measure(max_examples: int) -> Evaluation:
        return evaluate(pipeline, rows, sampler(rows, BatchConfig(max_examples)))

    small, large = measure(1), measure(100)
    assert pipeline.model.training
    assert small.metrics.keys() == large.metrics.keys()
    for name, value in small.metrics.items():
        assert large.metrics[name] == pytest.approx(value, rel=1e-4, abs=1e-5)
    assert set(small.losses) == {row.example.id for row in rows}
    assert small.metrics["loss"] == pytest.approx(sum(small.losses.values()) / len(rows))
    for name, loss in small.losses.items():
        assert large.losses[name] == pytest.approx(loss, rel=1e-4)


def test_evaluation_takes_larger_batches_than_training(data: RunData) -> None:
    rows = data.splits["train"]
    batch = BatchConfig(max_examples=4, max_cost=100)
    assert len(sampler(rows, batch, training=True)) > 2 * len(sampler(rows, batch))


def test_one_long_example_does_not_make_a_batch_of_its_length(data: RunData) -> None:
    encoded = copy.copy(data.splits["val"])
    encoded.costs = np.array([1000] + [1] * 19)
    found = list(sampler(encoded, BatchConfig(max_examples=5)))
    assert sorted(one for batch in found for one in batch) == list(range(20))
    assert max(len(batch) * max(encoded.costs[batch]) for batch in found) <= 2 * 20 * 51


class Watched:
    """Stands in for a head's ``calibrate``; fits a scale to the outputs, as a head would."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline, self.ids = pipeline, list[str]()

    def __call__(self, passes: Iterable[tuple[Any, Encoded, Targets]]) -> dict[str, float]:
        scale = torch.ones((), requires_grad=True)
        for outputs, encoded, targets in passes:
            assert not any(part.training for part in self.pipeline.model.modules())
            assert "target" in targets, targets.tensors
            assert len(encoded.lengths) == len(targets)
            (outputs * scale).sum().backward()
            self.ids += targets.ids
        assert scale.grad is not None
        return {"scale": float(scale.grad)}


def _classifier(monkeypatch: pytest.MonkeyPatch) -> tuple[Pipeline, RunData, Watched]:
    sizes = ["data.train_size=60", "data.val_size=20", "data.test_size=2"]
    config = compose_run([*sizes, "head=classification"])
    data = encoded_data(config)
    pipeline = build_pipeline(config.components, data.codecs)
    monitored = Watched(pipeline)
    monkeypatch.setattr(pipeline.head, "calibrate", monitored)
    return pipeline, data, monitored


def test_calibration_sees_each_example_once_in_eval_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, data, monitored = _classifier(monkeypatch)
    rows = data.splits["val"]
    found = calibrate(pipeline, rows, sampler(rows, BatchConfig(3)))
    assert found.keys() == {"scale"}
    assert sorted(monitored.ids) == sorted(row.example.id for row in rows)
    assert pipeline.model.training


def test_a_pass_that_is_broken_off_leaves_the_mode_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline, data, _ = _classifier(monkeypatch)
    rows = data.splits["val"]
    started = passes(pipeline, rows, sampler(rows, BatchConfig(3)))
    next(started)
    assert not pipeline.model.training
    started.close()
    assert pipeline.model.training


def test_a_head_that_has_nothing_to_calibrate_reads_nothing(
    data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_run(["data.train_size=60", "data.val_size=20", "data.test_size=2"])
    pipeline = build_pipeline(config.components, data.codecs)
    rows = data.splits["val"]
    monkeypatch.setattr(pipeline, "outputs", None)
    assert calibrate(pipeline, rows, sampler(rows, BatchConfig(3))) == {}


APPLES = ("data.train_size=60", "data.val_size=20", "data.test_size=2")
LINES = (*SMALL_LINES, "data.train=32", "data.val=8", "data.test=2", "head.ngram_order=0")
HEADS = {
    "ner": APPLES,
    "classification": APPLES,
    "ctc": LINES,
}
COUNTS = (1, 2, 3, 4, 5, 6, 7, None)


@functools.cache
def _read(head: str) -> tuple[dict[str, Any], RunData]:
    config = compose_run([f"head={head}", *HEADS[head], "encoder.hidden_size=8"])
    return config, encoded_data(config)


def _built(head: str) -> tuple[Pipeline, RunData]:
    config, data = _read(head)
    torch.manual_seed(2)  # the model of entities, untrained as it is, happens to find some
    return build_pipeline(config.components, data.codecs), data


def _evaluations() -> dict[tuple[str, int | None], Evaluation]:
    """Evaluate untrained pipelines on so many examples; None: all of the split."""
    found = {}
    for head in HEADS:
        pipeline, data = _built(head)
        for count in COUNTS:
            rows = data.splits["val"][:count]
            costs = [row.cost for row in rows]
            sampler = BatchSampler(costs, max_examples=3, max_cost=None, shuffle=False, seed=0)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found[head, count] = evaluate(
                    pipeline, rows, sampler, sampling_errors=count is None
                )
    return found


def _numbers(details: list[Table | Matrix]) -> Iterator[Any]:
    """Yield the cells of tables and matrices one by one."""
    for one in details:
        yield one.title
        for row in one.rows if isinstance(one, Table) else one.counts:
            yield from row


def _calibrated() -> tuple[dict[str, float], float, list[str]]:
    """Let each rank fit something else."""
    pipeline, data = _built("classification")
    pipeline.head.register_buffer("scale", torch.zeros(()))
    ids: list[str] = []

    def fit(passes: Iterable[tuple[Any, Encoded, Targets]]) -> dict[str, float]:
        ids.extend(name for _, _, targets in passes for name in targets.ids)
        pipeline.head.scale.fill_(rank() + 5)  # type: ignore[operator]
        return {"scale": rank() + 5}

    pipeline.head.calibrate = fit  # type: ignore[method-assign]
    rows = data.splits["val"]
    found = calibrate(pipeline, rows, sampler(rows, BatchConfig(1)))
    return found, float(pipeline.head.scale), sorted(ids)  # type: ignore[arg-type]


def _same(found: Evaluation, expected: Evaluation) -> None:
    assert found.metrics == pytest.approx(expected.metrics, rel=1e-6, abs=1e-6)
    assert found.losses == pytest.approx(expected.losses, rel=1e-6)
    assert found.sampling_errors == pytest.approx(expected.sampling_errors, rel=1e-4, abs=1e-6)
    assert found.metrics["loss"] == math.fsum(found.losses.values()) / len(found.losses)
    assert list(_numbers(found.details)) == [
        pytest.approx(cell, rel=1e-6) if isinstance(cell, float) else cell
        for cell in _numbers(expected.details)
    ]


def _on_rank() -> tuple[dict[tuple[str, int | None], Evaluation], Any]:
    return _evaluations(), _calibrated()


def test_ranks_measure_and_calibrate_as_one_process_does(on_ranks: Any) -> None:
    ran = on_ranks(_on_rank)
    found = {size: [evaluations for evaluations, _ in each] for size, each in ran.items()}
    (alone,) = found.pop(1)
    assert len(alone) == len(HEADS) * len(COUNTS)
    for key, expected in alone.items():
        assert len(expected.losses) == (key[1] or (8 if key[0] == "ctc" else 20))
        for each in found.values():
            assert all(one[key] == each[0][key] for one in each)
            _same(each[0][key], expected)
    assert alone["classification", None].metrics.keys() == {"accuracy", "f1_macro", "loss"}
    assert alone["ner", None].metrics["f1"] > 0
    assert all(alone[head, None].sampling_errors.keys() >= {"loss"} for head in HEADS)
    assert alone["ctc", None].details[0].title == "Confusions of characters"
    for each in ran.values():
        for _, (values, scale, ids) in each:
            assert values == {"scale": 5}
            assert scale == 5
            assert len(set(ids)) == len(ids) == 20


class _WithLosses(HeadMetric):
    """A metric of losses, as a perplexity is."""

    modes: Mapping[str, Mode] = {"mean": "min", "both": "max"}

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(()), "sum")
        self.add_state("count", torch.zeros(()), "sum")
        self.add_state("both", torch.zeros(()), "sum")

    def update(
        self,
        predictions: Sequence[Prediction],
        targets: Targets,
        *,
        losses: torch.Tensor | None = None,
        outputs: Any = None,
    ) -> None:
        assert losses is not None
        assert losses.shape == (len(predictions),)
        self.total += losses.sum()
        self.count += len(losses)
        self.both += outputs is not None

    def compute(self) -> dict[str, torch.Tensor]:
        return {"mean": self.total / self.count, "both": self.both}


def test_a_metric_may_see_losses_and_outputs(
    data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_run(["data.train_size=60", "data.val_size=20", "data.test_size=2"])
    pipeline = build_pipeline(config.components, data.codecs)
    monkeypatch.setattr(type(pipeline.head), "metrics", lambda self: _WithLosses())
    rows = data.splits["val"]
    found = evaluate(pipeline, rows, sampler(rows, BatchConfig(4)), sampling_errors=True)
    assert found.metrics["mean"] == pytest.approx(found.metrics["loss"], rel=1e-5)
    assert found.metrics["both"] > 0
    assert found.sampling_errors["mean"] == pytest.approx(found.sampling_errors["loss"], rel=0.7)


def test_a_head_may_monitor_its_loss(data: RunData, monkeypatch: pytest.MonkeyPatch) -> None:
    config = compose_run(["data.train_size=60", "data.val_size=20", "data.test_size=2"])
    pipeline = build_pipeline(config.components, data.codecs)
    monkeypatch.setattr(type(pipeline.head), "monitor", "loss", raising=False)
    assert chosen_monitor(pipeline.head, None) == Monitor("loss", "min")
