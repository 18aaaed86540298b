"""The rate rises, then falls in a straight line to its share at the last step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import ConfigError
from seqloom.train.schedules import warmup_hold_linear, warmup_linear


def _rates(
    steps: int, warmup: float, *shares: float, make: Callable[..., Any] = warmup_linear
) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = make(optimizer, steps, warmup, *shares)
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


def test_it_holds_the_full_rate_between() -> None:
    rates = _rates(100, 0.1, 0.6, 0.1, make=warmup_hold_linear)
    assert rates[:10] == pytest.approx([0.2 * step for step in range(1, 11)])
    assert rates[10:60] == [2.0] * 50
    assert rates[60:] == pytest.approx([2.0 - 1.8 * step / 40 for step in range(1, 41)])


@given(
    st.integers(1, 300),
    st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted),
    st.sampled_from([0.0, 0.01, 1.0]),
)
def test_any_shares_rise_and_then_fall(steps: int, shares: list[float], final: float) -> None:
    rates = _rates(steps, *shares, final, make=warmup_hold_linear)
    top = rates.index(max(rates))
    assert 0 <= min(rates) <= max(rates) <= 2.0
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    if round(shares[1] * steps) < steps:
        assert rates[-1] == pytest.approx(2.0 * final, abs=1e-9)


@pytest.mark.parametrize("shares", [(0.5, 0.2), (-0.1, 0.2), (0.1, 1.1)])
def test_shares_in_another_order(fit: Callable[..., Any], shares: tuple[float, float]) -> None:
    words = [f"scheduler.warmup={shares[0]}", f"scheduler.hold={shares[1]}"]
    with pytest.raises(ConfigError) as found:
        fit("scheduler=warmup_hold_linear", *words)
    assert str(found.value) == (
        f"scheduler does not accept its parameters: warmup={shares[0]}, hold={shares[1]}: expected "
        "0 ≤ warmup ≤ hold ≤ 1"
    )
