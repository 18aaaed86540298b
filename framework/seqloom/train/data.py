"""A run's data: read, prepared and encoded once, before any training starts."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader

from seqloom.config.run_config import BatchConfig, RunConfig
from seqloom.data.collate import EncodedExample
from seqloom.data.dataset import SequenceDataset, loader
from seqloom.data.encode import Codecs, encode
from seqloom.data.evaluation import evaluation_loader
from seqloom.data.fit_codecs import fit_codecs
from seqloom.data.read import read_split
from seqloom.data.rejected import Rejected, raise_or_warn
from seqloom.data.sampler import BatchSampler
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import SPLITS, Example, SequenceBatch
from seqloom.model.build import States, build_codecs, build_reader, restore
from seqloom.train import ranks
from seqloom.train.evaluator import EVALUATION_FACTOR

log = logging.getLogger("seqloom")


@dataclass
class RunData:
    """What a run trains on and is measured by.

    Attributes:
        codecs: with their states.
        states: of the codecs, plain types.
        rows: the encoded examples of ``train``, ``val`` and ``test``; a split may be empty.
        skipped: what was left out at the user's wish, by split.
    """

    codecs: Codecs
    states: States
    rows: dict[str, list[EncodedExample]]
    skipped: dict[str, list[ExampleError]] = field(default_factory=dict)


def read_data(
    config: RunConfig, states: States | None = None, basis: States | None = None
) -> RunData:
    """Read a data set, fit the codecs on its training examples and encode all of it.

    Args:
        config: a run's.
        states: of codecs that were fitted before; then nothing is fitted.
        basis: states of a trained model, from which fitting begins.

    Raises:
        DataError: a file is malformed, or examples cannot be used and may not be skipped.
    """
    if config.data.get("train", "") in (None, {}):
        raise ConfigError("data.train has no value; give one: data.train=FILE")
    codecs = build_codecs(config.components)
    examples, rejected = _read(config, codecs)
    if not examples["train"]:
        rejected["train"].raise_or_warn("the train split")
        raise DataError(
            f"The training split of data={config.data['name']} has no example that can be used. "
            "Look at its settings: --cfg job shows them."
        )
    if states is None:
        states = fit_codecs(
            codecs, examples["train"], rejected["train"], basis, config.init_classes
        )
    restore(codecs, states)
    limit = config.batch.max_cost
    rows = {split: encode(codecs, examples[split], rejected[split], limit) for split in SPLITS}
    raise_or_warn(rejected)
    if not rows["train"]:
        raise DataError("No training example is left that can be used.")
    return RunData(codecs, states, rows, {split: rejected[split].errors for split in SPLITS})


def _read(
    config: RunConfig, codecs: Codecs
) -> tuple[dict[str, list[Example]], dict[str, Rejected]]:
    reader = build_reader(config.data)
    rejected = {split: Rejected(skip=config.on_bad == "skip") for split in SPLITS}
    examples = {
        split: read_split(reader, split, codecs.frontend, rejected[split]) for split in SPLITS
    }
    return examples, rejected


def digest(rows: list[EncodedExample]) -> str:
    """Return a digest of a split's encoded examples, to tell whether they have changed."""
    found = hashlib.blake2b(digest_size=16)
    for row in rows:
        found.update(row.example.id.encode())
        targets = {
            f"{head}/{name}": array
            for head, arrays in row.targets.items()
            for name, array in arrays.items()
        }
        for name, array in sorted((row.inputs | targets).items()):
            found.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def sampler(
    rows: list[EncodedExample],
    batch: BatchConfig,
    *,
    seed: int = 0,
    training: bool = False,
    accumulate: int = 1,
    world_size: int | None = None,
) -> BatchSampler:
    """Return the sampler of a split.

    Training: this rank's share of the batches, shuffled. ``max_examples`` and ``max_cost`` are
    those of one rank; a step takes ``accumulate`` batches from each. Evaluation: larger batches,
    and all of them, which `evaluate` and `SequenceData` deal to the ranks.

    Args:
        rows: of the split.
        batch: the config's section.
        seed: of the shuffle.
        training: see above.
        accumulate: batches of a rank whose gradients make one step.
        world_size: number of ranks; None: as many as there are.
    """
    factor = 1 if training else EVALUATION_FACTOR
    max_cost = batch.max_cost
    return BatchSampler(
        [row.cost for row in rows],
        max_examples=batch.max_examples * factor,
        max_cost=max_cost and max_cost * factor,
        shuffle=training,
        seed=seed,
        rank=ranks.rank() if training else 0,
        world_size=(world_size or ranks.world_size()) if training else 1,
        ids=[row.example.id for row in rows],
        accumulate=accumulate,
    )


class SequenceData(pl.LightningDataModule):
    """Hands a run's encoded data to Lightning.

    Args:
        data: the run's.
        batch: the config's section.
        seed: of order and augmentation.
        accumulate: batches whose gradients make one step.
    """

    def __init__(self, data: RunData, batch: BatchConfig, seed: int, accumulate: int = 1) -> None:
        super().__init__()
        self.data = data
        self.batch = batch
        self.seed = seed
        self.collate = data.codecs.collate()
        self.train_sampler = sampler(
            data.rows["train"], batch, seed=seed, training=True, accumulate=accumulate
        )

    def train_dataloader(self) -> DataLoader[SequenceBatch]:
        """Return the loader of the training split: shuffled, augmented, in length buckets."""
        dataset = SequenceDataset(
            self.data.rows["train"], self.collate, self.data.codecs, self.seed
        )
        return loader(dataset, self.train_sampler, self.batch.workers)

    def val_dataloader(self) -> DataLoader[SequenceBatch] | list[Any]:
        """Return the loader of this rank's share of the validation split; none if it is empty."""
        rows = self.data.rows["val"]
        if not rows:
            return []
        batches = sampler(rows, self.batch)
        return evaluation_loader(rows, self.collate, batches, ranks.rank(), ranks.world_size())
