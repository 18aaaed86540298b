"""The scan equals the equation, run step by step in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqloom_mingru.scan import chunk_length, linear_recurrence

LENGTHS = (1, 2, 3, 4, 7, 8, 9, 31, 100)
SIZES = (3, 1024)  # in chunks, and in one


def step_by_step(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    states = []
    for step in range(a.shape[1]):
        h = a[:, step] * h + b[:, step]
        states.append(h)
    return torch.stack(states, 1)


def given(
    steps: int, size: int = 3, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(steps)
    a = torch.rand(2, steps, size, dtype=dtype)
    b = torch.randn(2, steps, size, dtype=dtype)
    return a, b, torch.randn(2, size, dtype=dtype)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("steps", LENGTHS)
def test_states(steps: int, size: int) -> None:
    values = given(steps, size)
    torch.testing.assert_close(linear_recurrence(*values), step_by_step(*values))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("steps", LENGTHS)
def test_gradients(steps: int, size: int) -> None:
    leaves = [value.requires_grad_() for value in given(steps, size)]
    weights = torch.randn(2, steps, size, dtype=torch.float64)
    found = torch.autograd.grad(linear_recurrence(*leaves), leaves, weights)
    expected = torch.autograd.grad(step_by_step(*leaves), leaves, weights)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("size", SIZES)
def test_any_layout_in_memory(size: int) -> None:
    """Batches that lie step by step, and a gradient that is one number for all."""
    a, b, h = given(8, size)
    a, b = (value.transpose(0, 1).contiguous().transpose(0, 1) for value in (a, b))
    leaves = [value.requires_grad_() for value in (a, b, h)]
    found = torch.autograd.grad(linear_recurrence(*leaves).sum(), leaves)
    expected = torch.autograd.grad(step_by_step(*leaves).sum(), leaves)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_gradients_by_differences() -> None:
    leaves = [value.requires_grad_() for value in given(5)]
    assert torch.autograd.gradcheck(linear_recurrence, leaves)


@pytest.mark.parametrize("decay", [0.0, 1e-30, 0.5, 0.999, 1.0])
def test_ten_thousand_steps_keep_their_digits(decay: float) -> None:
    """Also where nothing is forgotten, and where products of decays underflow."""
    _, b, h = given(10_000, dtype=torch.float32)
    a = torch.full_like(b, decay)
    exact = step_by_step(a.double(), b.double(), h.double())
    gap = (linear_recurrence(a, b, h) - exact).abs().max() / exact.abs().max()
    assert gap < 1e-6


def test_it_takes_few_operations() -> None:
    for steps in (32, 512, 10_000):
        length = chunk_length(steps)
        assert 2 * length + steps / length <= 3 * steps**0.5
