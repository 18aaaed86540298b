"""A loss that is not a number ends the run and names its examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import SGD

from seqloom.errors import RunError
from seqloom.interfaces import SequenceBatch
from seqloom.train.module import refuse_non_finite

Fit = Callable[..., Any]


def _refuse(losses: list[float]) -> None:
    values = torch.tensor(losses)
    refuse_non_finite(values.mean(), values, SequenceBatch({}, {}, ["a", "b", "c"]))


def test_finite_losses_pass() -> None:
    _refuse([1.0, 2.0, 3.0])


def test_examples_with_such_a_loss_are_named() -> None:
    with pytest.raises(
        RunError, match=r"not finite for: b \(nan\), c \(inf\)\. Lower optimizer\.lr"
    ):
        _refuse([1.0, float("nan"), float("inf")])


def test_an_overflow_of_the_mean_names_all() -> None:
    with pytest.raises(RunError, match=r"for: a \(3e\+38\), b"):
        _refuse([3e38, 3e38, 3e38])


def test_a_run_whose_rate_is_far_too_high_is_ended(fit: Fit, parts: Callable[..., str]) -> None:
    class Wild(SGD):
        def __init__(self, params: Any) -> None:
            super().__init__(params, lr=1e30)

    with pytest.raises(RunError, match=r"not finite for: apples-train-\d+ \(nan\)"):
        fit("optimizer=adam", "~optimizer.lr", f"optimizer._target_={parts(Wild)}")
