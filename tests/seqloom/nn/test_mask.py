from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from seqloom.nn import length_mask, zero_padding


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 9))
def test_length_mask(lengths: list[int], size: int) -> None:
    wanted = [[t < n for t in range(size)] for n in lengths]
    assert length_mask(torch.tensor(lengths), size, "cpu").tolist() == wanted


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.sampled_from([(), (2,), (2, 3)]))
def test_zero_padding_removes_nan_and_its_gradient(
    lengths: list[int], more: tuple[int, ...]
) -> None:
    values = torch.randn(len(lengths), 5, *more)
    padding = torch.tensor([[t >= n for t in range(5)] for n in lengths])
    values[padding] = float("nan")
    values.requires_grad_()
    given = zero_padding(values, torch.tensor(lengths))
    assert given[padding].eq(0).all()
    assert torch.equal(given[~padding], values[~padding])
    given.square().sum().backward()
    assert values.grad is not None
    assert values.grad[padding].eq(0).all()
    assert torch.equal(values.grad[~padding], 2 * values[~padding])


def test_full_batch_is_not_copied() -> None:
    values = torch.randn(2, 3, 4)
    assert zero_padding(values, torch.tensor([3, 3])) is values
