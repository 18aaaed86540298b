from __future__ import annotations

import pytest
import torch

from seqloom.nn import Dropout, LockedDropout
from seqloom.nn.dropout import scaled_mask


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
def test_mask_has_mean_one_and_the_right_share_of_zeros(p: float) -> None:
    torch.manual_seed(0)
    mask = scaled_mask((400, 1001), p, torch.zeros(()))
    assert mask.eq(0).double().mean().item() == pytest.approx(p, abs=0.005)
    assert mask.double().mean().item() == pytest.approx(1.0, abs=0.02)
    assert mask[mask != 0].unique().tolist() == pytest.approx([1 / (1 - p)], rel=1e-4)


def test_neighbours_are_independent() -> None:
    torch.manual_seed(0)
    mask = scaled_mask((400_000,), 0.5, torch.zeros(())) - 1.0
    for lag in (1, 2, 3, 4):
        assert abs((mask[lag:] * mask[:-lag]).mean().item()) < 0.01


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("cls", [Dropout, LockedDropout])
def test_training_and_eval(cls: type[Dropout], dtype: torch.dtype) -> None:
    values = torch.ones(3, 5, 64, dtype=dtype, requires_grad=True)
    dropout = cls(0.5)
    given = dropout(values)
    assert given.dtype == dtype
    assert set(given.unique().tolist()) == {0.0, 2.0}
    given.sum().backward()
    assert torch.equal(values.grad, given)
    assert dropout.eval()(values) is values


def test_locked_is_one_mask_a_sequence() -> None:
    torch.manual_seed(0)
    given = LockedDropout(0.5)(torch.ones(2, 7, 64))
    assert given.eq(given[:, :1]).all()
    assert not torch.equal(given[0], given[1])
    free = Dropout(0.5)(torch.ones(2, 7, 64))
    assert not free.eq(free[:, :1]).all()


def test_seed_decides() -> None:
    masks = []
    for _ in range(2):
        torch.manual_seed(7)
        masks.append(Dropout(0.3)(torch.ones(2, 3, 4)))
    assert torch.equal(*masks)


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match=f"The dropout probability is {p}"):
        LockedDropout(p)
