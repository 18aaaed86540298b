"""Matrices of real recognisers, for what decodes them; codecs, heads and batches as fixtures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqloom.data.collate import Collate, EncodedExample
from seqloom.interfaces import Encoded, Example, Features, Origin, Targets
from seqloom.testing.compare import stored
from seqloom_ctc.codec import CtcCodec
from seqloom_ctc.head import CtcHead

Matrix = NDArray[np.float64]


def _example(text: Any, number: int = 1, **fields: Any) -> Example:
    return Example(str(number), {"text": text, **fields}, Origin("lines.tsv", number))


def _fit(*texts: str, **params: Any) -> CtcCodec:
    """Return a codec whose state has been on disk."""
    codec = CtcHead.make_codec(**params)
    codec.restore(stored(codec.fit([_example(text, n) for n, text in enumerate(texts, 1)])))
    return codec


def _make(codec: CtcCodec, *, size: int = 8, seed: int = 3, **params: Any) -> CtcHead:
    """Return a head in eval mode whose scores are far apart."""
    torch.manual_seed(seed)
    head = CtcHead(codec, size, features_size=size, **params).eval()
    with torch.no_grad():
        head.linear.weight.normal_()
    return head


def _encoded(lengths: Sequence[int], size: int = 8, seed: int = 0) -> Encoded:
    """Return states that follow one another closely, NaN in the padding."""
    noise = torch.randn(
        len(lengths), max(lengths), size, generator=torch.Generator().manual_seed(seed)
    )
    for row, length in enumerate(lengths):
        noise[row, length:] = torch.nan
    counts = torch.tensor(lengths)
    return Encoded(noise, noise[:, 0], counts, Features(noise, counts))


def _batch(codec: CtcCodec, texts: Sequence[str]) -> Targets:
    rows = [_example(text, n) for n, text in enumerate(texts, 1)]
    encoded = [EncodedExample(one, {}, {"ctc": codec.encode(one)}) for one in rows]
    return Collate()(encoded).targets["ctc"]


def _peaked(paths: Sequence[Sequence[int]], classes: int, margin: float = 9.0) -> Tensor:
    """Return (B, T, C) logits whose best paths are these."""
    return margin * torch.nn.functional.one_hot(torch.tensor(paths), classes).float()


@pytest.fixture(scope="session")
def example() -> Callable[..., Example]:
    return _example


@pytest.fixture(scope="session")
def fit() -> Callable[..., CtcCodec]:
    return _fit


@pytest.fixture(scope="session")
def make() -> Callable[..., CtcHead]:
    return _make


@pytest.fixture(scope="session")
def encoded() -> Callable[..., Encoded]:
    return _encoded


@pytest.fixture(scope="session")
def batch_of() -> Callable[..., Targets]:
    return _batch


@pytest.fixture(scope="session")
def peaked() -> Callable[..., Tensor]:
    return _peaked


@pytest.fixture
def real_logits(real_data: Path) -> Callable[[str], Matrix]:
    """Give a stored matrix by its name: (T, C) scores before softmax, the blank put first."""

    def load(name: str) -> Matrix:
        lines = (real_data / "ctc_matrices" / name).read_text(encoding="utf-8").splitlines()
        rows = [[float(value) for value in line.split(";") if value.strip()] for line in lines]
        return np.roll(np.array(rows), 1, axis=1)

    return load


@pytest.fixture
def real_log_probs(real_logits: Callable[[str], Matrix]) -> Callable[[str], Matrix]:
    """Give a stored matrix by its name: (T, C) log probabilities, the blank put first."""

    def load(name: str) -> Matrix:
        logits = real_logits(name)
        return logits - np.asarray(np.logaddexp.reduce(logits, axis=1, keepdims=True))

    return load


@pytest.fixture
def real_text(real_data: Path) -> Callable[[str], str]:
    """Give a text beside the matrices by its name."""
    return lambda name: (real_data / "ctc_matrices" / name).read_text(encoding="utf-8")
