"""The loss in chunks equals that of torch, and so do its gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from seqloom_translation import loss
from seqloom_translation.loss import Problem, cross_entropy


def _problem(count: int, smoothing: float) -> Problem:
    torch.manual_seed(3)
    hidden, weight, bias = (
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in ((count, 5), (11, 5), (11,))
    )
    return Problem(hidden, weight, bias, torch.randint(0, 11, (count,)), smoothing)


def _reference(one: Problem) -> torch.Tensor:
    scores = F.linear(one.hidden, one.weight, one.bias)
    return F.cross_entropy(scores, one.targets, reduction="none", label_smoothing=one.smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("count", [0, 1, 7, 40])
@pytest.mark.parametrize("weights", ["equal", "unequal", "zero"])
def test_it_equals_the_loss_of_torch(
    smoothing: float, count: int, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "ELEMENTS", 100)  # nine targets at once
    upstream = {
        "equal": torch.full((count,), 0.3),
        "unequal": torch.linspace(0, 1, count),
        "zero": torch.zeros(count),
    }[weights].double()
    problem = _problem(count, smoothing)
    parameters = (problem.hidden, problem.weight, problem.bias)
    found, expected = cross_entropy(problem), _reference(problem)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    gradients = torch.autograd.grad((found * upstream).sum(), parameters)
    wanted = torch.autograd.grad((expected * upstream).sum(), parameters)
    torch.testing.assert_close(gradients, wanted, rtol=1e-5, atol=1e-5)


def test_weights_that_are_frozen_get_no_gradients() -> None:
    one = _problem(7, 0.1)
    frozen = Problem(
        one.hidden.detach(), one.weight.detach(), one.bias.detach(), one.targets, one.smoothing
    )
    found = cross_entropy(frozen)
    assert not found.requires_grad
    torch.testing.assert_close(found.double(), _reference(frozen), rtol=1e-5, atol=1e-5)


def test_nothing_is_kept_without_gradients() -> None:
    problem = _problem(7, 0.1)
    with torch.no_grad():
        found = cross_entropy(problem)
    assert not found.requires_grad
    torch.testing.assert_close(found.double(), _reference(problem).detach(), rtol=1e-5, atol=1e-5)


def test_in_bfloat16_it_is_close() -> None:
    torch.manual_seed(3)
    hidden, weight = torch.randn(20, 16), torch.randn(50, 16, requires_grad=True)
    problem = Problem(hidden, weight, torch.zeros(50), torch.randint(0, 50, (20,)), 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        found = cross_entropy(problem)
    found.sum().backward()
    torch.testing.assert_close(found, _reference(problem), rtol=0.05, atol=0.2)
    assert torch.isfinite(weight.grad).all()
