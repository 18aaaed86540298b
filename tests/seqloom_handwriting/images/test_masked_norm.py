from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from seqloom_handwriting.images.norm import MaskedBatchNorm2d

WIDTHS = (5, 2, 7)


def keep_mask() -> Tensor:
    mask = torch.arange(7) < torch.tensor(WIDTHS)[:, None]
    return mask.float()[:, None, None]


def maps(dtype: torch.dtype = torch.float32) -> Tensor:
    torch.manual_seed(3)
    values = 4 + torch.randn(3, 6, 4, 7, dtype=dtype)
    return values.contiguous(memory_format=torch.channels_last)


def norm() -> MaskedBatchNorm2d:
    torch.manual_seed(4)
    layer = MaskedBatchNorm2d(6)
    nn.init.uniform_(layer.weight)
    nn.init.uniform_(layer.bias)
    return layer


def valid(values: Tensor) -> Tensor:
    """Return the valid positions one after another, (1, C, 1, P)."""
    rows = [row[:, :, :width].flatten(1) for row, width in zip(values, WIDTHS, strict=True)]
    return torch.cat(rows, 1)[None, :, None]


def test_without_a_mask_it_is_torchs_own() -> None:
    ours, theirs = norm(), nn.BatchNorm2d(6)
    theirs.load_state_dict(ours.state_dict())
    for _ in range(2):
        assert torch.equal(ours(maps()), theirs(maps()))
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


@pytest.mark.parametrize("training", [True, False])
def test_masked_it_is_torchs_own_on_the_valid_positions(training: bool) -> None:
    ours = norm().train(training)
    theirs = nn.BatchNorm2d(6).train(training)
    theirs.load_state_dict(copy.deepcopy(ours.state_dict()))
    given, other = maps().requires_grad_(), maps().requires_grad_()
    weights = torch.randn(3, 6, 4, 7)
    for _ in range(2):
        found = ours(given * 1, keep_mask())
        wanted = theirs(valid(other))
        torch.testing.assert_close(valid(found), wanted, atol=1e-5, rtol=1e-5)
        assert not found[1, :, :, 2:].any()
        (found * weights).sum().backward()
        (wanted * valid(weights)).sum().backward()
    assert given.grad is not None
    assert other.grad is not None
    torch.testing.assert_close(given.grad, other.grad, atol=1e-5, rtol=1e-5)
    for name, parameter in theirs.named_parameters():
        wanted_grad = parameter.grad
        assert wanted_grad is not None
        torch.testing.assert_close(ours.get_parameter(name).grad, wanted_grad, atol=1e-4, rtol=1e-5)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, atol=1e-6, rtol=1e-5)


def test_what_stands_in_the_padding_does_not_matter() -> None:
    junk = torch.where(keep_mask() > 0, maps(), torch.tensor(1e6))
    torch.testing.assert_close(norm()(junk, keep_mask()), norm()(maps(), keep_mask()))


def test_gradients_are_those_of_the_function() -> None:
    layer = norm().double()
    given = maps(torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: layer(x * 1, keep_mask().double()), [given])


def test_half_precision_keeps_its_type_and_the_statistics_theirs() -> None:
    found, wanted = norm(), norm()
    half = found(maps().bfloat16(), keep_mask())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), wanted(maps(), keep_mask()), atol=3e-2, rtol=3e-2)
    assert found.running_mean is not None
    torch.testing.assert_close(found.running_mean, wanted.running_mean, atol=1e-3, rtol=1e-3)
