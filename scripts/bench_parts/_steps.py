"""Train by the whole framework, and let other loops take a step after each of its own.

What the parts share that train a recipe, or compare a network with another one, is here too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from seqloom.config.compose import compose_run
from seqloom.config.run_config import RunConfig
from seqloom.errors import SeqloomError
from seqloom.interfaces import SequenceBatch
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.nn import Dropout
from seqloom.train.data import RunData, SequenceData
from seqloom.train.folder import RunFolder
from seqloom.train.limits import callbacks_of
from seqloom.train.prepare import encoded_data
from seqloom.train.process import quiet_lightning
from seqloom.train.profile.training import ENDING, WARM_UP, alone
from seqloom.train.training import Training

Step = Callable[[], int | tuple[int, float]]
"""Takes a step; returns its number of tokens, with its seconds where this process cannot tell."""

CHUNK = 8
"""Steps of a round: batches differ in size."""


def size_of(batch: SequenceBatch) -> int:
    """Return the size of a batch: the lengths of its targets, or the number of its examples."""
    (targets,) = batch.targets.values()
    return sum(int(one.sum()) for one in targets.lengths.values()) or len(batch)


def endless(cfg: RunConfig, data: RunData) -> Iterator[SequenceBatch]:
    """Return the batches of a run, one epoch after the other."""
    while True:
        yield from SequenceData(data, cfg.batch, seed=0).train_dataloader()


def recipe(*words: str) -> tuple[RunConfig, RunData] | str:
    """Return the config of a recipe with its data, or why these are not there."""
    cfg = compose_run(words)
    try:
        return cfg, encoded_data(cfg)
    except SeqloomError as error:
        return f"the data of {words[0]} are not there: {str(error).splitlines()[0]}"


def check_same(cfg: RunConfig, data: RunData, stock: Callable[[Pipeline], Any]) -> None:
    """Check that a network computes the same in training as a new pipeline, without dropout.

    Args:
        cfg: Config of the pipeline.
        data: Its data.
        stock: Makes the network with the weights of the pipeline, and without dropout.

    Raises:
        AssertionError: The loss of a batch, or the norm of its gradients, is another one.
    """
    pipeline, batch = build_pipeline(cfg.components, data.codecs), next(endless(cfg, data))
    network = stock(pipeline)
    for module in pipeline.model.modules():
        if isinstance(module, Dropout):
            module.p = 0.0
    pipeline.model.train()
    _, outputs = pipeline.outputs(batch)
    losses = pipeline.head.loss(outputs, batch.targets[pipeline.head_name])
    pairs = []
    for module, loss in (
        (pipeline.model, losses.mean() * batch.weight),
        (network, network.loss(batch)),
    ):
        loss.backward()
        found = [one.grad.norm() for one in module.parameters() if one.grad is not None]
        pairs.append(torch.stack([loss.detach(), torch.stack(found).norm()]))
    torch.testing.assert_close(*pairs, rtol=1e-4, atol=1e-4)


class Interleave(pl.Callback):
    """Times the steps of a training, and lets other loops take theirs after each."""

    def __init__(self, others: Sequence[Step]) -> None:
        self.others = others
        self.seen: list[list[tuple[int, float]]] = [[] for _ in range(len(others) + 1)]
        self.tokens, self.seconds = 0, 0.0

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
        self.tokens = size_of(batch)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        loop = trainer.fit_loop.epoch_loop
        advance, end = loop.advance, loop.on_advance_end

        def timed_advance(*args: Any) -> None:
            started = time.process_time()
            advance(*args)
            self.seconds = time.process_time() - started

        def timed_end(*args: Any) -> None:
            started = time.process_time()
            end(*args)
            self.seen[0].append((self.tokens, self.seconds + time.process_time() - started))
            for step, kept in zip(self.others, self.seen[1:], strict=True):
                kept.append(timed(step))

        loop.advance, loop.on_advance_end = timed_advance, timed_end  # type: ignore[method-assign]


def timed(step: Step) -> tuple[int, float]:
    """Return the tokens and the seconds of a step."""
    started = time.process_time()
    found = step()
    seconds = time.process_time() - started
    return found if isinstance(found, tuple) else (found, seconds)


def in_turn(
    cfg: RunConfig, data: RunData, pipeline: Pipeline, others: Sequence[Step], rounds: int
) -> list[list[float]]:
    """Return seconds a token by round: of the framework's training, and of each other loop.

    The loops take their steps in turn. The first ones, `WARM_UP`, do not count.

    Args:
        cfg: Config of the training.
        data: Its data.
        pipeline: Its pipeline.
        others: Other loops.
        rounds: Number of rounds of `CHUNK` steps.
    """
    quiet_lightning()
    turns = Interleave(others)
    with TemporaryDirectory() as place:
        training = Training(
            alone(cfg, rounds * CHUNK),
            RunFolder(Path(place)),
            data,
            pipeline,
            LightningEnvironment(),
        )
        trainer = training.trainer
        kept = [one for one in callbacks_of(trainer) if not isinstance(one, ENDING)]
        trainer.callbacks = [*kept, turns]  # type: ignore[attr-defined]
        training.fit()
    return [per_token(one[WARM_UP:]) for one in turns.seen]


def per_token(steps: Sequence[tuple[int, float]]) -> list[float]:
    """Return the seconds a token of each round of `CHUNK` steps."""
    chunks = [steps[start : start + CHUNK] for start in range(0, len(steps) - CHUNK + 1, CHUNK)]
    return [sum(s for _, s in one) / max(1, sum(t for t, _ in one)) for one in chunks]
