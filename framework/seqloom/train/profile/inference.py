"""The steps of inference, on the path of ``pipeline.predict``, from examples to predictions."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import islice

from seqloom.config.run_config import RunConfig
from seqloom.interfaces import Example
from seqloom.model.build import build_reader
from seqloom.model.grouping import BATCH_SIZE
from seqloom.model.pipeline import Pipeline
from seqloom.train.data import RunData
from seqloom.train.profile.hooks import Hooks
from seqloom.train.profile.machine import Memory
from seqloom.train.profile.stopwatch import Label, Stopwatch, clock_of

ENCODING = Label("encoding the inputs")
BATCHING = Label("making batches")
DESCRIBING = Label("writing predictions")

MOST = 16
"""Batches that a pipeline reads ahead."""


def inputs(cfg: RunConfig, data: RunData, count: int) -> list[Example]:
    """Return examples of the validation split as they are read, or of train if it is empty."""
    split = "val" if data.splits["val"] else "train"
    usable = {one.example.id for one in data.splits[split]}
    found = build_reader(cfg.data).examples(split)
    whole = (one for one in found if isinstance(one, Example) and one.id in usable)
    return list(islice(whole, count))


class Predicted:
    """A pass of a pipeline over some examples.

    Args:
        pipeline: Pipeline on its device.
        examples: Examples as they are read.
        batch_size: Largest number of examples in a batch.

    Attributes:
        stopwatch: Stopwatch with the parts of the pass, which counts as one step.
        hooks: Hooks on the pipeline, with what they have seen.
        peak: Bytes of the highest memory; None where the system does not tell.
    """

    def __init__(
        self, pipeline: Pipeline, examples: list[Example], batch_size: int = BATCH_SIZE
    ) -> None:
        self.pipeline, self.examples, self.batch_size = pipeline, examples, batch_size
        self.stopwatch = Stopwatch(clock_of(pipeline.device))
        self.hooks = Hooks(pipeline, self.stopwatch)
        self.peak: int | None = None

    def run(self) -> None:
        """Predict, once to warm up and once with the stopwatch."""
        pipeline, watch = self.pipeline, self.stopwatch
        pipeline.model.eval()
        list(pipeline.predict(self.examples[: self.batch_size]))
        collate = pipeline.collate
        codec = pipeline.codecs.frontend
        with ExitStack() as stack:
            stack.enter_context(self.hooks.attached())
            for name in ("prepare", "encode"):
                stack.enter_context(self.hooks.replaced(codec, name, ENCODING))
            stack.enter_context(self.hooks.replaced(pipeline, "_described", DESCRIBING))
            pipeline.collate = watch.timed(collate, BATCHING)  # type: ignore[assignment]
            stack.callback(setattr, pipeline, "collate", collate)
            memory = Memory(pipeline.device)
            watch.begin()
            for _ in pipeline.predict(self.examples, self.batch_size):
                pass
            watch.end()
            self.peak = memory.peak()
