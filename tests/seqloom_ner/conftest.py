"""Functions as fixtures: tests here share no importable module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqloom.interfaces import Encoded, Example, Features, Origin, Targets
from seqloom_ner.codec import NerCodec


def _example(tags: Any, number: int = 1, **fields: Any) -> Example:
    words = [f"w{n}" for n in range(len(tags))] if isinstance(tags, list) else []
    return Example(
        str(number), {"tokens": words, "tags": tags, **fields}, Origin("train.conll", number)
    )


def _fit(*sentences: list[str], **params: Any) -> NerCodec:
    codec = NerCodec(**params)
    codec.restore(codec.fit([_example(tags, n + 1) for n, tags in enumerate(sentences)]))
    return codec


def _encode(states: Tensor, lengths: Sequence[int]) -> Encoded:
    counts = torch.tensor(lengths)
    summary = states[torch.arange(len(lengths)), counts - 1]
    return Encoded(states, summary, counts, Features(states, counts))


def _batch(codec: NerCodec, sentences: Sequence[list[str]]) -> Targets:
    items = [codec.encode(_example(tags))["tags"] for tags in sentences]
    lengths = torch.tensor([len(item) for item in items])
    padded = np.zeros((len(items), int(lengths.max())), dtype=np.int64)
    for row, item in enumerate(items):
        padded[row, : len(item)] = item
    ids = [str(n) for n in range(len(items))]
    return Targets({"tags": torch.from_numpy(padded)}, {"tags": lengths}, ids)


@pytest.fixture
def example() -> Callable[..., Example]:
    return _example


@pytest.fixture
def fit() -> Callable[..., NerCodec]:
    return _fit


@pytest.fixture
def encode() -> Callable[..., Encoded]:
    return _encode


@pytest.fixture
def batch_of() -> Callable[..., Targets]:
    return _batch


@pytest.fixture
def codec() -> NerCodec:
    """With the tags O, B-LOC, I-LOC, B-PER, I-PER."""
    return _fit(["B-PER", "I-PER", "O"], ["B-LOC"])
