from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from seqloom.nn import reverse_within_lengths
from seqloom.nn.reversal import reversal_index, reverse_by

BATCHES = st.lists(st.integers(0, 8), min_size=1, max_size=5)


@given(BATCHES, st.integers(0, 3))
def test_equals_a_loop_and_is_its_own_inverse(lengths: list[int], more: int) -> None:
    values = torch.randn(len(lengths), max(lengths) + more, 3)
    wanted = values.clone()
    for b, n in enumerate(lengths):
        wanted[b, :n] = values[b, :n].flip(0)
    given = reverse_within_lengths(values, torch.tensor(lengths))
    assert torch.equal(given, wanted)
    assert torch.equal(reverse_within_lengths(given, torch.tensor(lengths)), values)


def test_gradients() -> None:
    values = torch.randn(3, 5, 2, dtype=torch.float64, requires_grad=True)
    for lengths in ([5, 2, 1], [5, 5, 5]):
        index = reversal_index(torch.tensor(lengths), 5, "cpu")
        assert torch.autograd.gradcheck(lambda v, i=index: reverse_by(v, i), values)
        assert torch.autograd.gradgradcheck(lambda v, i=index: reverse_by(v, i).square(), values)
