"""Functions as fixtures: tests here share no importable module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from seqloom.interfaces import Encoded, Example, Features, Origin, Targets
from seqloom_classification.codec import ClassificationCodec
from seqloom_classification.head import ClassificationHead


def _example(value: Any, number: int = 1) -> Example:
    return Example(str(number), {"label": value, "text": "a text"}, Origin("data.csv", number))


def _fit(values: Sequence[Any], **params: Any) -> ClassificationCodec:
    codec = ClassificationHead.make_codec(**params)
    codec.restore(codec.fit([_example(v, i + 1) for i, v in enumerate(values)]))
    return codec


def _encode(states: torch.Tensor, lengths: Sequence[int]) -> Encoded:
    counts = torch.tensor(lengths)
    last = states[torch.arange(len(lengths)), counts - 1]
    return Encoded(states, last, counts, Features(states, counts))


def _batch(target: torch.Tensor) -> Targets:
    return Targets({"target": target}, {}, [str(i) for i in range(len(target))])


@pytest.fixture
def example() -> Callable[..., Example]:
    return _example


@pytest.fixture
def fit() -> Callable[..., ClassificationCodec]:
    return _fit


@pytest.fixture
def encode() -> Callable[..., Encoded]:
    return _encode


@pytest.fixture
def batch_of() -> Callable[..., Targets]:
    return _batch


@pytest.fixture
def three() -> ClassificationCodec:
    return _fit(["b", "a", "c", "a"])


@pytest.fixture
def sets() -> ClassificationCodec:
    return _fit([["b", "a"], ["c"], [], ["a"]], multi_label=True)
