"""How well a run uses its ranks: the time of one of them alone, over that of all together."""

from __future__ import annotations

import copy
import time
from itertools import islice
from typing import TYPE_CHECKING

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from seqloom.data.dataset import SequenceDataset, loader
from seqloom.interfaces import SequenceBatch
from seqloom.train.ranks.distributed import barrier, from_first, is_first, world_size

if TYPE_CHECKING:
    from seqloom.train.data import SequenceData

BATCHES = 2
"""Number of batches that are measured."""

ROUNDS = 3
"""How often each of them is; the first time warms up, the fastest of the others counts."""


class ScalingEfficiency(pl.Callback):
    """Measures the scaling efficiency when training on several ranks has ended.

    Each rank computes forward and backward of some batches, first all of them together, with the
    exchange of gradients, then the first rank alone, without it, while the others wait. With
    perfect scaling both take the same time. Only for data parallel training.

    Attributes:
        efficiency: Seconds of the first rank alone over those together, at most about 1; None if
            it was not measured.
    """

    efficiency: float | None = None

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure; weights and random state stay as they are."""
        model = trainer.strategy.model
        if world_size() == 1 or not isinstance(model, DistributedDataParallel):
            return
        data: SequenceData = trainer.datamodule  # type: ignore[attr-defined]
        batches = [trainer.strategy.batch_to_device(batch) for batch in _batches(data)]
        if not batches:  # resumed in its last validation: no rank has trained here
            return
        devices = [pl_module.device] if pl_module.device.type == "cuda" else []
        with torch.random.fork_rng(devices), trainer.precision_plugin.train_step_context():
            barrier()
            together = _seconds(model, batches)
            barrier()
            alone = _seconds(model.module, batches) if is_first() else 0.0
        self.efficiency = from_first(alone / together)
        pl_module.zero_grad(set_to_none=True)

    def message(self) -> str:
        """Return a sentence for the log; empty if nothing was measured.

        >>> scaling = ScalingEfficiency()
        >>> scaling.message()
        ''
        """
        if self.efficiency is None:
            return ""
        ranks = world_size()
        return (
            f"{ranks} ranks are {ranks * self.efficiency:.2f} times as fast as one: scaling "
            f"efficiency {self.efficiency:.2f}."
        )


def _batches(data: SequenceData) -> list[SequenceBatch]:
    """Return some batches of this rank; the sampler's position stays as it is."""
    dataset = SequenceDataset(data.data.splits["train"], data.collate, None, data.seed)
    return list(islice(loader(dataset, copy.copy(data.train_sampler)), BATCHES))


def _seconds(model: nn.Module, batches: list[SequenceBatch]) -> float:
    """Return the seconds of forward and backward of the batches."""
    return sum(min([_timed(model, batch) for _ in range(ROUNDS)][1:]) for batch in batches)


def _timed(model: nn.Module, batch: SequenceBatch) -> float:
    _synchronize()
    start = time.perf_counter()
    losses: Tensor = model(batch)
    losses.mean().backward()
    _synchronize()
    return time.perf_counter() - start


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
