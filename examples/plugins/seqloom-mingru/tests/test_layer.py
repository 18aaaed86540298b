"""One layer equals the paper's equations, at any length and in any precision."""

from __future__ import annotations

import math
from operator import mul

import pytest
import torch
from torch import Tensor

from seqloom_mingru import Candidate
from seqloom_mingru.layer import MinGRULayer

D, H = 3, 4


def made(candidate: str = Candidate.linear) -> MinGRULayer:
    torch.manual_seed(1)
    return MinGRULayer(D, H, candidate)


def positive(value: float) -> float:
    return value + 0.5 if value >= 0 else 1 / (1 + math.exp(-value))


def by_the_equations(layer: MinGRULayer, sequence: Tensor) -> list[list[float]]:
    """Return the states, (T, H), unit by unit, in Python's own floating point."""
    weights, biases = layer.read.weight.tolist(), layer.read.bias.tolist()

    def read(unit: int, step: list[float]) -> float:
        return math.fsum([biases[unit], *map(mul, weights[unit], step)])

    states = [[0.0] * H]
    for step in sequence.tolist():
        state = []
        for unit in range(H):
            z = 1 / (1 + math.exp(-read(unit, step)))
            c = read(H + unit, step)
            if layer.candidate is Candidate.positive:
                c = positive(c)
            state.append((1 - z) * states[-1][unit] + z * c)
        states.append(state)
    return states[1:]


@pytest.mark.parametrize("candidate", list(Candidate))
def test_it_equals_the_equations(candidate: str) -> None:
    layer, values = made(candidate), 3 * torch.randn(2, 11, D)
    lengths = torch.tensor([11, 6])
    given = layer(values, lengths)
    for row, length in enumerate(lengths.tolist()):
        expected = torch.tensor(by_the_equations(layer, values[row, :length]))
        torch.testing.assert_close(given.outputs[row, :length], expected)
        torch.testing.assert_close(given.summary[row], expected[-1])
        torch.testing.assert_close(given.finish()[row], expected[-1])


@pytest.mark.parametrize("candidate", list(Candidate))
def test_step_equals_forward(candidate: str) -> None:
    layer, values = made(candidate), torch.randn(2, 50, D)
    given = layer(values, torch.tensor([50, 50]))
    state = layer.initial_state(2)
    for step in range(50):
        output, state = layer.step(values[:, step], state)
        torch.testing.assert_close(output, given.outputs[:, step])


def test_a_state_depends_on_its_own_and_earlier_steps_alone() -> None:
    """By all derivatives of a state of each step by the inputs of each step."""
    layer, values = made(), torch.randn(1, 9, D)

    def states(inputs: Tensor) -> Tensor:
        return layer(inputs, torch.tensor([9])).outputs[0]

    jacobian = torch.autograd.functional.jacobian(states, values)[:, :, 0]  # (T, H, T, D)
    reached = jacobian.abs().sum((1, 3)) > 0
    assert torch.equal(reached, torch.ones(9, 9, dtype=torch.bool).tril())


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_ten_thousand_steps(scale: float) -> None:
    """Gates that are wide open or shut for ever give neither NaN nor infinity."""
    layer, values = made(), scale * torch.randn(2, 10_000, D)
    values.requires_grad_()
    given = layer(values, torch.tensor([10_000, 9_000]))
    given.outputs.square().mean().backward()
    exact = made().double()(values.detach().double(), torch.tensor([10_000, 9_000]))
    torch.testing.assert_close(given.outputs.double(), exact.outputs, rtol=1e-4, atol=1e-5 * scale)
    assert values.grad is not None
    assert values.grad.isfinite().all()
    for weight in layer.parameters():
        assert weight.grad is not None
        assert weight.grad.isfinite().all()


def test_a_state_moves_on_in_bfloat16() -> None:
    """With z near 1/1000, each step is below half a unit in the last place of bfloat16."""
    layer = made().bfloat16()
    with torch.no_grad():
        layer.read.weight.zero_()
        layer.read.bias[:H] = -7.0
        layer.read.bias[H:] = 1.0
    values = torch.zeros(1, 10_000, D, dtype=torch.bfloat16)
    given = layer(values, torch.tensor([10_000]))
    assert given.outputs.dtype is torch.bfloat16
    assert given.finish().dtype is torch.float32
    torch.testing.assert_close(given.finish(), torch.ones(1, H), rtol=0, atol=1e-3)


def test_autocast() -> None:
    layer, values = made(), torch.randn(2, 400, D)
    lengths = torch.tensor([400, 400])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer(values, lengths).outputs
    torch.testing.assert_close(found.float(), layer(values, lengths).outputs, rtol=0, atol=1e-2)
