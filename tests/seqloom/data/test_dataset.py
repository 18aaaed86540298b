"""Augmentation depends on seed, epoch and id alone, in whatever process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from seqloom.data.collate import Collate, EncodedExample
from seqloom.data.dataset import SequenceDataset, generators, key, loader
from seqloom.data.encode import Codecs
from seqloom.data.sampler import Batch, BatchSampler
from seqloom.interfaces import Arrays, Example, FrontendCodec

LENGTHS = [3, 1, 4, 1, 5, 9, 2, 6]


class Noise(FrontendCodec):
    """Adds noise to an array."""

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        return None

    def encode(self, example: Example) -> Arrays:
        return {"x": np.zeros(int(example.fields["length"]))}

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        return {"x": arrays["x"] + rng.random(len(arrays["x"]))}

    def cost(self, arrays: Arrays) -> int:
        return len(arrays["x"])

    def frames(self, arrays: Arrays) -> int:
        return len(arrays["x"])


def _dataset(*, augment: bool = True, seed: int = 1) -> SequenceDataset:
    codec = Noise()
    examples = [Example(str(n), {"length": length}) for n, length in enumerate(LENGTHS)]
    rows = [EncodedExample(example, codec.encode(example)) for example in examples]
    return SequenceDataset(rows, Collate(), Codecs(codec, {}) if augment else None, seed)


def _sampler(seed: int = 1) -> BatchSampler:
    return BatchSampler(LENGTHS, max_examples=3, max_cost=None, shuffle=True, seed=seed)


def _epoch(dataset: SequenceDataset, sampler: BatchSampler, workers: int = 0) -> dict[str, Any]:
    found = {}
    for batch in loader(dataset, sampler, workers):
        for row, name in enumerate(batch.ids):
            found[name] = batch.inputs["x"][row, : LENGTHS[int(name)]].tolist()
    return found


def test_the_key_depends_on_all_three() -> None:
    keys = {key(seed, epoch, name) for seed in (1, 2) for epoch in (1, 2) for name in "ab"}
    assert len(keys) == 8
    assert key(1, 2, "a") == key(1, 2, "a")
    assert key(1, 21, "a") != key(12, 1, "a")
    assert 0 <= min(keys) <= max(keys) < 2**128


def test_augmentation_changes_with_the_epoch_and_comes_back_with_it() -> None:
    dataset, sampler = _dataset(), _sampler()
    first = _epoch(dataset, sampler)
    sampler.set_epoch(1)
    second = _epoch(dataset, sampler)
    sampler.set_epoch(0)
    assert _epoch(dataset, sampler) == first
    assert all(first[name] != second[name] for name in first)
    assert _epoch(_dataset(seed=2), _sampler()) != first


def test_an_examples_augmentation_does_not_depend_on_its_batch() -> None:
    dataset = _dataset()
    alone = dataset[4].inputs["x"][0].tolist()
    together = dataset.__getitems__(Batch([0, 4, 5])).inputs["x"][1, :5].tolist()
    assert alone == together


def test_workers_give_the_same_batches() -> None:
    assert _epoch(_dataset(), _sampler(), workers=2) == _epoch(_dataset(), _sampler())


def test_without_a_codec_the_rows_are_as_encoded() -> None:
    found = _epoch(_dataset(augment=False), _sampler())
    assert found == {str(n): [0.0] * length for n, length in enumerate(LENGTHS)}


def test_the_rows_themselves_stay() -> None:
    dataset = _dataset()
    _epoch(dataset, _sampler())
    assert not any(row.inputs["x"].any() for row in dataset.encoded)
    assert len(dataset) == len(LENGTHS)


def test_the_batch_has_the_samplers_weight() -> None:
    assert _dataset().__getitems__(Batch([0, 1], weight=0.75)).weight == 0.75


def test_a_loader_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    _epoch(_dataset(), _sampler())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_has_the_samplers_length(workers: int) -> None:
    assert len(loader(_dataset(), _sampler(), workers)) == len(_sampler())


def test_a_generator_draws_what_a_new_one_with_its_key_does() -> None:
    keys = [key(1, epoch, name) for epoch in (0, 1) for name in "abc"] + [0, 2**128 - 1]
    for one, rng in zip(keys, generators(keys), strict=True):
        new = np.random.Generator(np.random.Philox(key=one))
        for own in (rng, new):
            own.integers(9, size=3, dtype=np.int32)  # leaves half of a draw to the next one
        assert rng.random(5).tolist() == new.random(5).tolist()
        assert rng.standard_normal(3).tolist() == new.standard_normal(3).tolist()


def test_nothing_is_drawn_where_no_codec_augments(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = _dataset()
    monkeypatch.setattr(Noise, "augment", FrontendCodec.augment)
    monkeypatch.setattr("seqloom.data.dataset.key", lambda *_: pytest.fail("drew"))
    found = _epoch(dataset, _sampler())
    assert found == {str(n): [0.0] * length for n, length in enumerate(LENGTHS)}
