"""Matrices of real recognisers, for what decodes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


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
