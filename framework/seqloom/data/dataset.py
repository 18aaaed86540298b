"""The data set that a loader reads: encoded examples in, padded batches out."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from seqloom.data.collate import Collate, EncodedExample
from seqloom.data.encode import Codecs
from seqloom.data.encoded import EncodedSplit
from seqloom.data.sampler import Batch
from seqloom.data.worker import begin_worker
from seqloom.interfaces import Example, SequenceBatch

LOW = 2**64 - 1
"""The lower half of a key."""


class SequenceDataset(Dataset[SequenceBatch]):
    """Dataset of batches: encoded examples are collated, and augmented in training, on access."""

    def __init__(
        self, encoded: Sequence[EncodedExample], collate: Collate, codecs: Codecs | None, seed: int
    ) -> None:
        """Keep the encoded examples; with ``codecs``, they are augmented again in each epoch."""
        self.encoded = encoded
        self._bare = encoded.bare if isinstance(encoded, EncodedSplit) else encoded.__getitem__
        self.collate = collate
        self.codecs = codecs
        self.seed = seed

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> SequenceBatch:
        return self.__getitems__(Batch([index]))

    def __getitems__(self, batch: Batch) -> SequenceBatch:
        """Return the batch that the sampler chose, with the weight that it gave it."""
        encoded = [self._bare(index) for index in batch]
        if self.codecs is not None:
            self._seed_worker(batch)
            if self.codecs.augments:
                encoded = self._augmented(self.codecs, encoded, batch)
        return self.collate(encoded, batch.weight)

    def _seed_worker(self, batch: Batch) -> None:
        """Seed the global generators of a data worker for a batch.

        What an augmentation draws from them then does not depend on what the worker did before, so
        that a resumed run augments alike.
        """
        if get_worker_info() is None:
            return
        ids = "\0".join(self._bare(index).example.id for index in batch)
        own = key(self.seed, batch.epoch, ids)
        random.seed(own)
        np.random.seed(own % 2**32)
        torch.manual_seed(own % 2**63)

    def _augmented(
        self, codecs: Codecs, encoded: Sequence[EncodedExample], batch: Batch
    ) -> list[EncodedExample]:
        keys = (key(self.seed, batch.epoch, one.example.id) for one in encoded)
        return [
            codecs.augment(one, rng, partial(self._example, index))
            for one, rng, index in zip(encoded, generators(keys), batch, strict=True)
        ]

    def _example(self, index: int) -> Example:
        return self.encoded[index].example


def key(seed: int, epoch: int, example_id: str) -> int:
    """Return 128 bits that depend on all three: augmentation is the same on any rank or worker."""
    text = f"{seed}\0{epoch}\0{example_id}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest())


def generators(keys: Iterable[int]) -> Iterator[np.random.Generator]:
    """Yield for each key of 128 bits what ``Generator(Philox(key=key))`` is, until the next one.

    It is always the same generator with another state, since making one takes ten times as long:
    it asks the system for entropy, which a key replaces.
    """
    bits: Any = np.random.Philox(key=0)
    rng, state = np.random.Generator(bits), bits.state
    halves = state["state"]["key"]
    for one in keys:
        halves[0], halves[1] = one & LOW, one >> 64
        bits.state = state  # counter and buffers as at the start
        yield rng


def loader(
    dataset: SequenceDataset, sampler: Sampler[list[int]], workers: int = 0, *, pinned: bool = False
) -> DataLoader[SequenceBatch]:
    """Return a loader of the sampler's batches.

    Its generator is its own, so that making an iterator draws nothing from the global random state.

    Args:
        dataset: Encoded examples.
        sampler: Batches of their numbers.
        workers: Number of processes that make batches.
        pinned: Whether batches are in page-locked memory, which a GPU reads while it computes.
    """
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        collate_fn=_as_is,
        num_workers=workers,
        pin_memory=pinned,
        generator=torch.Generator(),
        persistent_workers=workers > 0,
        worker_init_fn=begin_worker,
    )


def _as_is(batch: Any) -> Any:
    return batch
