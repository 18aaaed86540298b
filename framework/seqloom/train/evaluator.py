"""Evaluate a pipeline on a split: the head's metrics and the mean loss over examples."""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from seqloom.data.collate import EncodedExample
from seqloom.data.evaluation import evaluation_loader
from seqloom.data.progress import progress
from seqloom.data.sampler import BatchSampler
from seqloom.interfaces import Encoded, Matrix, Purpose, SequenceBatch, Table, Targets
from seqloom.interfaces.arguments import accepted
from seqloom.interfaces.metric import HeadMetric, as_number, update
from seqloom.model.pipeline import Pipeline
from seqloom.train.ranks.distributed import from_first, gathered, rank, world_size
from seqloom.train.sampling_error import SamplingError


class Evaluator:
    """Accumulates losses and metrics over batches; each example counts once and equally.

    With several ranks, each adds its own batches. The results cover all ranks and are the same on
    each; every rank must request them. A batch of weight 0 is evaluated but not counted.

    Args:
        pipeline: Pipeline to evaluate.
        sampling_errors: Whether to estimate sampling errors too.
    """

    def __init__(self, pipeline: Pipeline, *, sampling_errors: bool = False) -> None:
        self.pipeline = pipeline
        self.sampling = SamplingError(self._new_metric) if sampling_errors else None
        self.metric = self._new_metric()
        self._losses: dict[str, float] = {}
        self._undefined = False

    def _new_metric(self) -> HeadMetric:
        metric = self.pipeline.head.metrics().to(self.pipeline.device)
        metric.dist_sync_fn = gather_states
        return metric

    def update(self, batch: SequenceBatch) -> None:
        """Evaluate one batch; the pipeline should be in eval mode."""
        encoder_output, outputs = self.pipeline.outputs(batch)
        self.add(outputs, encoder_output, batch, purpose="validate", scores=False)

    def add(
        self,
        outputs: Any,
        encoder_output: Encoded,
        batch: SequenceBatch,
        *,
        purpose: Purpose = "test",
        scores: bool = True,
    ) -> None:
        """Add the outputs for a batch; ``scores`` asks for confidences too."""
        if batch.weight == 0:
            return
        head, name = self.pipeline.head, self.pipeline.head_name
        targets = batch.targets[name]
        undefined = head.undefined(targets).tolist()
        self._undefined |= any(undefined)
        losses = head.loss(outputs, targets)
        by_example = zip(batch.ids, losses.tolist(), undefined, strict=True)
        self._losses |= {one: loss for one, loss, without in by_example if not without}
        known = {"given": batch.given.get(name), "purpose": purpose, "scores": scores}
        predictions = head.decode(outputs, encoder_output, **accepted(head.decode, **known))
        update(self.metric, predictions, targets, losses=losses, outputs=outputs)
        if self.sampling:
            self.sampling.update(predictions, targets, losses)

    def compute(self) -> dict[str, float]:
        """Return the metrics, and ``loss``, the mean over the examples that have one."""
        with warnings.catch_warnings():
            # A rank without examples has nothing to add, which is no problem.
            warnings.filterwarnings("ignore", "The ``compute`` method of metric", UserWarning)
            values = {name: as_number(value) for name, value in self.metric.compute().items()}
        losses = list(chain(*gathered(list(self._losses.values()))))
        # fsum rounds only once, so the result does not depend on the order.
        values["loss"] = math.fsum(losses) / max(1, len(losses))
        if any(gathered(self._undefined)) and not losses:
            values["loss"] = math.nan
        return values

    def losses(self) -> dict[str, float]:
        """Return the losses by example id, without the examples that have none."""
        return {name: loss for one in gathered(self._losses) for name, loss in one.items()}

    def sampling_errors(self) -> dict[str, float]:
        """Return the sampling errors of the metrics; empty if they are not known."""
        found = self.sampling.compute() if self.sampling else {}
        losses = [loss for loss in self.losses().values() if math.isfinite(loss)]
        if found and len(losses) > 1:
            found["loss"] = statistics.stdev(losses) / math.sqrt(len(losses))
        return found

    def details(self) -> list[Table | Matrix]:
        """Return the metric's tables and matrices."""
        with self._whole():
            return self.metric.details()

    def notes(self) -> list[str]:
        """Return what the metric says of scores that are bad in absolute terms."""
        with self._whole():
            return self.metric.notes()

    def _whole(self) -> AbstractContextManager[None]:
        """Return a context in which the metric has the sums of all ranks."""
        if world_size() == 1:
            return nullcontext()
        whole: AbstractContextManager[None] = self.metric.sync_context(dist_sync_fn=gather_states)
        return whole


def gather_states(state: Tensor, group: Any = None) -> list[Tensor]:
    """Return a metric's state on each rank; replaces torchmetrics' own function.

    On a rank without examples, a concatenated state (``dist_reduce_fx="cat"``) is an empty tensor
    of another shape and type than on the other ranks, with which the original fails.

    Args:
        state: State of this rank.
        group: Ignored, all ranks take part; torchmetrics passes it.
    """
    parts = gathered(state.detach().cpu())
    like = next((part for part in parts if part.numel()), state)
    return [(part if part.numel() else like[:0]).to(state.device) for part in parts]


@dataclass(frozen=True)
class Evaluation:
    """The result of a pass over a split, over all ranks.

    Attributes:
        metrics: Metrics by name, including ``loss``.
        losses: Losses by example id; examples with a class that the model does not know have none.
        details: Tables and matrices for the report.
        sampling_errors: Standard errors of the metrics due to the choice of the split's examples,
            by name; empty if they are not known.
        notes: What the metric says of scores that are bad in absolute terms.
    """

    metrics: dict[str, float]
    losses: dict[str, float] = field(repr=False)
    details: list[Table | Matrix] = field(repr=False)
    sampling_errors: dict[str, float] = field(default_factory=dict, repr=False)
    notes: list[str] = field(default_factory=list, repr=False)


def evaluate(
    pipeline: Pipeline,
    examples: Sequence[EncodedExample],
    sampler: BatchSampler,
    *,
    sampling_errors: bool = False,
) -> Evaluation:
    """Return the metrics of a pipeline over encoded examples, computed on the pipeline's device.

    With several ranks, each evaluates its share of the sampler's batches; all get the same result.

    Args:
        pipeline: Pipeline to evaluate, the same on all ranks.
        examples: Encoded examples, all of them on every rank.
        sampler: Sampler of the batches of a single process.
        sampling_errors: Whether to estimate sampling errors.
    """
    evaluator = Evaluator(pipeline, sampling_errors=sampling_errors)
    batches = _outputs(pipeline, examples, sampler, rank(), world_size())
    for outputs, encoder_output, batch in progress(batches, "Evaluating", ("batch", "batches")):
        evaluator.add(outputs, encoder_output, batch)
    return Evaluation(
        evaluator.compute(),
        evaluator.losses(),
        evaluator.details(),
        evaluator.sampling_errors(),
        evaluator.notes(),
    )


def calibrate(
    pipeline: Pipeline, examples: Sequence[EncodedExample], sampler: BatchSampler
) -> dict[str, float]:
    """Let the head calibrate its probabilities on encoded examples; return what it reports.

    Every rank reads all examples, since a head does not know about ranks; the result of the first
    rank is used.
    """
    found = pipeline.head.calibrate(passes(pipeline, examples, sampler))
    if world_size() > 1:
        state = {name: value.cpu() for name, value in pipeline.head.state_dict().items()}
        found, state = from_first((found, state))
        pipeline.head.load_state_dict(state)
    return found


def passes(
    pipeline: Pipeline, examples: Sequence[EncodedExample], sampler: BatchSampler
) -> Iterator[tuple[Any, Encoded, Targets]]:
    """Yield outputs, states and targets for each batch of encoded examples, in eval mode.

    With several ranks, each gets all the batches.
    """
    with closing(_outputs(pipeline, examples, sampler, 0, 1)) as batches:
        for outputs, encoder_output, batch in batches:
            yield outputs, encoder_output, batch.targets[pipeline.head_name]


@torch.no_grad()  # not inference mode: a head's calibration may need gradients
def _outputs(
    pipeline: Pipeline,
    examples: Sequence[EncodedExample],
    sampler: BatchSampler,
    rank: int,
    world_size: int,
) -> Generator[tuple[Any, Encoded, SequenceBatch]]:
    was_training = pipeline.model.training
    pipeline.model.eval()
    batches: Iterable[SequenceBatch] = evaluation_loader(
        examples, pipeline.collate, sampler, rank, world_size
    )
    try:
        for batch in batches:
            moved = batch.to(pipeline.device)
            encoder_output, outputs = pipeline.outputs(moved)
            yield outputs, encoder_output, moved
    finally:
        pipeline.model.train(was_training)
