"""What one pass over a split measures: the head's metrics and the mean loss, over examples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch

from seqloom.data.collate import Row
from seqloom.data.dataset import SequenceDataset, loader
from seqloom.data.sampler import BatchSampler
from seqloom.interfaces import Matrix, SequenceBatch, Table
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
        scoped = batch.scoped(self.pipeline.head_name)
        encoded, outputs = self.pipeline(batch)
        losses = self.pipeline.head.loss(outputs, scoped).tolist()
        self.losses |= dict(zip(batch.ids, losses, strict=True))
        predictions = self.pipeline.head.decode(outputs, encoded, scores=False)
        self.metric.update(predictions, scoped)

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


@torch.inference_mode()
def evaluate(pipeline: Pipeline, rows: list[Row], sampler: BatchSampler) -> Evaluation:
    """Return the metrics of a pipeline over encoded rows, on the device where the pipeline is."""
    was_training = pipeline.training
    pipeline.eval()
    meter = Meter(pipeline)
    batches: Iterable[SequenceBatch] = loader(
        SequenceDataset(rows, pipeline.collate, None, seed=0), sampler
    )
    for batch in batches:
        meter.update(batch.to(pipeline.device))
    pipeline.train(was_training)
    return Evaluation(meter.compute(), meter.losses, meter.metric.details())
