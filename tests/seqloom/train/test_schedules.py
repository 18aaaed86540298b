"""The rate rises, then falls in a straight line to its share at the last step."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqloom.train.schedules import warmup_linear


def _rates(steps: int, warmup: int, final: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = warmup_linear(optimizer, steps, warmup, final)
    rates = []
    for _ in range(steps):
        rates.append(float(schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    return rates


@given(st.integers(1, 300), st.integers(0, 80), st.sampled_from([0.0, 0.02, 1.0]))
def test_every_run_reaches_the_full_rate_and_ends_at_its_share(
    steps: int, warmup: int, final: float
) -> None:
    rates = _rates(steps, warmup, final)
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(2.0)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert top + 1 <= max(1, steps // 10, 1)
    if steps > 1:
        assert rates[-1] == pytest.approx(2.0 * final, abs=1e-9)
    assert min(rates) >= 0


def test_it_is_torchs_own_linear_schedule_after_the_warmup() -> None:
    ours = _rates(100, 10, 0.1)[9:]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    oracle = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=90)
    expected = []
    for _ in ours:
        expected.append(oracle.get_last_lr()[0])
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            oracle.step()
    assert ours == pytest.approx(expected)
