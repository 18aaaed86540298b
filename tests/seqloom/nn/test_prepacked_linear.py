"""Products with a matrix that is laid out once equal those of torch."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.nn import PrepackedLinear
from seqloom.nn.prepacked_linear import has_prepacked_linear

needs_kernel = pytest.mark.skipif(not has_prepacked_linear(), reason="needs oneDNN's product")


@pytest.fixture
def layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 5)


def check(linear: PrepackedLinear, layer: nn.Linear, values: Tensor) -> None:
    with torch.inference_mode():
        found = linear(values, layer.weight, layer.bias)
        torch.testing.assert_close(found, layer(values), atol=1e-6, rtol=0)


@needs_kernel
@pytest.mark.parametrize("rows", [1, 2, 65])
def test_products_are_those_of_torch(layer: nn.Linear, rows: int) -> None:
    linear = PrepackedLinear()
    check(linear, layer, torch.randn(rows, 3))
    assert linear._packed is not None
    check(linear, layer, torch.randn(3, rows).T)  # not contiguous


def _replace(layer: nn.Linear) -> None:
    layer.weight = nn.Parameter(layer.weight + 1.0)


def _write(layer: nn.Linear) -> None:
    with torch.no_grad():
        layer.weight[3, 1] += 1.0


def _write_data(layer: nn.Linear) -> None:
    layer.weight.data.copy_(layer.weight * 2.0)  # torch does not count this


CHANGES: list[Callable[[nn.Linear], None]] = [_replace, _write, _write_data]


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__.strip("_"))
def test_a_changed_matrix_is_laid_out_again(
    layer: nn.Linear, change: Callable[[nn.Linear], None]
) -> None:
    linear, values = PrepackedLinear(), torch.ones(2, 3)
    check(linear, layer, values)
    change(layer)
    check(linear, layer, values)


@needs_kernel
def test_copies_have_nothing_laid_out(layer: nn.Linear) -> None:
    linear = PrepackedLinear()
    check(linear, layer, torch.ones(2, 3))
    for other in (copy.deepcopy(linear), pickle.loads(pickle.dumps(linear))):
        assert other._packed is None
    linear.clear()
    assert linear._packed is None


def test_torch_computes_what_is_not_inference_in_single_precision(layer: nn.Linear) -> None:
    linear, values = PrepackedLinear(), torch.ones(2, 3)
    assert linear(values, layer.weight, layer.bias).requires_grad
    with torch.no_grad():
        assert linear(values[None], layer.weight, layer.bias).shape == (1, 2, 5)
        assert linear(values[:0], layer.weight, layer.bias).shape == (0, 5)
        double = (one.double() for one in (values, layer.weight, layer.bias))
        assert linear(*double).dtype == torch.float64
        with torch.autocast("cpu", torch.bfloat16):
            assert linear(values, layer.weight, layer.bias).dtype == torch.bfloat16
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            linear(torch.ones(2, 4), layer.weight, layer.bias)
    assert linear._packed is None


def test_a_matrix_that_is_made_in_inference_mode_is_left_to_torch() -> None:
    with torch.inference_mode():
        values, weight, bias = torch.randn(2, 3), torch.randn(5, 3), torch.randn(5)
        linear = PrepackedLinear()
        torch.testing.assert_close(linear(values, weight, bias), F.linear(values, weight, bias))
    assert linear._packed is None
