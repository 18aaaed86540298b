"""What one pass over a split measures: the head's metrics and the mean loss, over examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from seqloom.data.collate import Row
from seqloom.data.dataset import SequenceDataset, loader
from seqloom.data.sampler import BatchSampler
from seqloom.interfaces import Encoded, Matrix, SequenceBatch, Table
from seqloom.model.pipeline import Pipeline

EVALUATION_FACTOR = 4
"""Evaluation keeps no gradients, so its batches may be this much larger than in training."""


class Meter:
    """Adds up losses and metrics batch by batch; each example counts once and equally."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.metric = pipeline.head.metrics().to(pipeline.device)
        self.loss_sum = 0.0
        self.losses: dict[str, float] = {}

    def update(self, batch: SequenceBatch) -> None:
        """Evaluate one batch; the pipeline should be in eval mode."""
        encoded, outputs = self.pipeline(batch)
        self.add(outputs, encoded, batch.scoped(self.pipeline.head_name))

    def add(
        self, outputs: Any, encoded: Encoded, batch: SequenceBatch, scores: bool = False
    ) -> None:
        """Add what the pipeline gave for a (scoped) batch; with ``scores``, confidences too."""
        losses = self.pipeline.head.loss(outputs, batch).tolist()
        self.losses |= dict(zip(batch.ids, losses, strict=True))
        self.metric.update(self.pipeline.head.decode(outputs, encoded, scores), batch)

    def compute(self) -> dict[str, float]:
        """Return the metrics, and ``loss``, the mean over the examples."""
        values = {name: float(value) for name, value in self.metric.compute().items()}
        values["loss"] = sum(self.losses.values()) / max(1, len(self.losses))
        return values


@dataclass(frozen=True)
class Evaluation:
    """The result of a pass over a split.

    Attributes:
        metrics: by name, ``loss`` among them.
        losses: by example id.
        details: tables and matrices for the report.
    """

    metrics: dict[str, float]
    losses: dict[str, float] = field(repr=False)
    details: list[Table | Matrix] = field(repr=False)


def evaluate(pipeline: Pipeline, rows: list[Row], sampler: BatchSampler) -> Evaluation:
    """Return the metrics of a pipeline over encoded rows, on the device where the pipeline is."""
    meter = Meter(pipeline)
    for outputs, encoded, batch in passes(pipeline, rows, sampler):
        meter.add(outputs, encoded, batch, scores=True)
    return Evaluation(meter.compute(), meter.losses, meter.metric.details())


def calibrate(pipeline: Pipeline, rows: list[Row], sampler: BatchSampler) -> dict[str, float]:
    """Let the head fit its probabilities to encoded rows; return what it says of that."""
    return pipeline.head.calibrate(passes(pipeline, rows, sampler))


@torch.no_grad()  # not in inference mode: what a head fits to the outputs may need gradients
def passes(
    pipeline: Pipeline, rows: list[Row], sampler: BatchSampler
) -> Iterator[tuple[Any, Encoded, SequenceBatch]]:
    """Yield outputs, states and the (scoped) batch for each batch of encoded rows, in eval mode."""
    was_training = pipeline.training
    pipeline.eval()
    batches: Iterable[SequenceBatch] = loader(
        SequenceDataset(rows, pipeline.collate, None, seed=0), sampler
    )
    try:
        for batch in batches:
            moved = batch.to(pipeline.device)
            encoded, outputs = pipeline(moved)
            yield outputs, encoded, moved.scoped(pipeline.head_name)
    finally:
        pipeline.train(was_training)
