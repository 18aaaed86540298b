"""The encoded data of a run, and its batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from seqloom.config.run_config import BatchConfig
from seqloom.data.batching import cost_without_limit
from seqloom.data.content import Contents
from seqloom.data.dataset import SequenceDataset, loader
from seqloom.data.encode import Codecs
from seqloom.data.encoded import EncodedSplit
from seqloom.data.evaluation import evaluation_loader
from seqloom.data.redealing import RedealtSampler
from seqloom.data.sampler import BatchSampler
from seqloom.errors import ExampleError
from seqloom.interfaces import SequenceBatch
from seqloom.model.build import States
from seqloom.train.loops import position
from seqloom.train.ranks.distributed import rank, world_size

EVALUATION_FACTOR = 4
"""Factor of the batch size in evaluation, which keeps no gradients, over that in training."""


@dataclass
class RunData:
    """The encoded data of a run.

    Attributes:
        codecs: Codecs with their states.
        states: States of the codecs, in plain types.
        splits: Encoded examples of ``train``, ``val`` and ``test``; a split may be empty.
        skipped: Examples that ``on_bad=skip`` left out, by split.
        unknown: Examples of ``val`` and ``test`` whose targets cannot be predicted, by split; empty
            in the processes of a distributed run.
        contents: Hashes of the examples by split; empty in the processes of a distributed run.
        values_digests: Digests of the splits that are the same for any frontend, likewise.
        long: What was done with training examples over ``batch.max_length``; empty without it,
            and in the processes of a distributed run.
    """

    codecs: Codecs
    states: States
    splits: dict[str, EncodedSplit]
    skipped: dict[str, list[ExampleError]] = field(default_factory=dict)
    contents: dict[str, Contents] = field(default_factory=dict)
    values_digests: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, list[ExampleError]] = field(default_factory=dict)
    long: dict[str, Any] = field(default_factory=dict)


def sampler(
    encoded: EncodedSplit,
    batch: BatchConfig,
    *,
    seed: int = 0,
    training: bool = False,
    accumulate: int = 1,
    ranks: int | None = None,
    number: int | None = None,
) -> BatchSampler:
    """Return the sampler of a split.

    Training: this rank's share of the batches, shuffled. ``max_examples`` and ``max_cost`` limit
    the batch of one rank; a step takes ``accumulate`` batches from each rank. Evaluation: all
    batches, and larger ones; `evaluate` and `SequenceData` distribute them over the ranks.

    Args:
        encoded: Encoded examples of the split.
        batch: Section ``batch`` of the config.
        seed: Seed of the shuffle.
        training: Whether the batches are for training.
        accumulate: Number of a rank's batches whose gradients make one step.
        ranks: Number of ranks; None: the current number.
        number: Rank in training; None: this process's.
    """
    factor = 1 if training else EVALUATION_FACTOR
    max_examples, max_cost = batch.max_examples * factor, batch.max_cost and batch.max_cost * factor
    if max_cost is None and not training:
        max_cost = cost_without_limit(encoded.costs, max_examples)
    return BatchSampler(
        encoded.costs,
        max_examples=max_examples,
        max_cost=max_cost,
        shuffle=training,
        seed=seed,
        rank=(rank() if number is None else number) if training else 0,
        world_size=(ranks or world_size()) if training else 1,
        ids=encoded.ids,
        accumulate=accumulate,
        terms=encoded.terms if training and (encoded.terms > 1).any() else None,
    )


class SequenceData(pl.LightningDataModule):
    """Provides the encoded data of a run to Lightning.

    Args:
        data: Data of the run.
        batch: Section ``batch`` of the config.
        seed: Seed of order and augmentation.
        accumulate: Number of batches whose gradients make one step.
        dealt_to: Number of ranks with which the run was started, and what it accumulated there, if
            there are others now; each step keeps its examples.
    """

    def __init__(
        self,
        data: RunData,
        batch: BatchConfig,
        seed: int,
        accumulate: int = 1,
        dealt_to: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.data = data
        self.batch = batch
        self.seed = seed
        self.collate = data.codecs.collate()
        encoded, now = data.splits["train"], world_size()
        ranks, accumulate = dealt_to or (now, accumulate)
        train = partial(sampler, encoded, batch, seed=seed, training=True, accumulate=accumulate)
        self.train_sampler: BatchSampler | RedealtSampler = (
            train() if ranks == now else RedealtSampler(train(ranks=ranks, number=0), rank(), now)
        )

    def state_dict(self) -> dict[str, int]:
        """Return the position in the training data: what is used, not what is read ahead."""
        assert self.trainer is not None
        epochs, batches = position(self.trainer)
        return self.train_sampler.state_at(epochs, batches)

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Continue from a position."""
        self.train_sampler.load_state_dict(state_dict)

    def transfer_batch_to_device(
        self, batch: SequenceBatch, device: torch.device, dataloader_idx: int
    ) -> SequenceBatch:
        """Return a batch on a device; on the CPU it is there already."""
        return batch if device.type == "cpu" else batch.to(device, non_blocking=True)

    def train_dataloader(self) -> DataLoader[SequenceBatch]:
        """Return the loader of the training split: shuffled, augmented, in length buckets."""
        dataset = SequenceDataset(
            self.data.splits["train"], self.collate, self.data.codecs, self.seed
        )
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        return loader(dataset, self.train_sampler, self.batch.workers, pinned=on_gpu)

    def val_dataloader(self) -> DataLoader[SequenceBatch] | list[Any]:
        """Return the loader of this rank's share of the validation split; none if it is empty."""
        encoded = self.data.splits["val"]
        if not encoded:
            return []
        batches = sampler(encoded, self.batch)
        return evaluation_loader(encoded, self.collate, batches, rank(), world_size())
