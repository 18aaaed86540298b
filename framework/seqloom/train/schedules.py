"""Learning-rate schedules. One that takes ``total_steps`` is given them, and moves each step."""

from __future__ import annotations

import functools

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_linear(
    optimizer: Optimizer, total_steps: int, warmup_steps: int = 50, final: float = 0.02
) -> LambdaLR:
    """Rise to the full rate in ``warmup_steps``, then fall in a straight line.

    Args:
        optimizer: whose rate is the full one.
        total_steps: of the whole run.
        warmup_steps: the first step already trains, at ``1 / warmup_steps`` of the rate; capped at
            a tenth of the run.
        final: the share of the rate that the last step has.
    """
    warmup = max(1, min(warmup_steps, total_steps // 10))
    share = functools.partial(_share, warmup=warmup, total=total_steps, final=final)
    return LambdaLR(optimizer, share)


def warmup_hold_linear(
    optimizer: Optimizer,
    total_steps: int,
    warmup: float = 0.02,
    hold: float = 0.5,
    final: float = 0.01,
) -> LambdaLR:
    """Rise to the full rate, stay there, then fall in a straight line.

    Args:
        optimizer: whose rate is the full one.
        total_steps: of the whole run.
        warmup: the share of the steps in which it rises.
        hold: the share of the steps after which it falls.
        final: the share of the rate that the last step has.

    Raises:
        ValueError: the shares are not in order.
    """
    if not 0 <= warmup <= hold <= 1:
        raise ValueError(f"warmup={warmup}, hold={hold}: expected 0 ≤ warmup ≤ hold ≤ 1")
    rise, fall = round(warmup * total_steps), round(hold * total_steps)
    share = functools.partial(_held_share, rise=rise, fall=fall, total=total_steps, final=final)
    return LambdaLR(optimizer, share)


def _held_share(step: int, rise: int, fall: int, total: int, final: float) -> float:
    """Return the share of the full rate at a step, counted from 0.

    >>> [_held_share(step, rise=2, fall=4, total=6, final=0.2) for step in range(6)]
    [0.5, 1.0, 1.0, 1.0, 0.6, 0.2]
    """
    if step < rise:
        return (step + 1) / rise
    return 1.0 if step < fall else _share(step - fall, warmup=0, total=total - fall, final=final)


def _share(step: int, warmup: int, total: int, final: float) -> float:
    """Return the share of the full rate at a step, counted from 0.

    >>> [_share(step, warmup=2, total=6, final=0.2) for step in range(6)]
    [0.5, 1.0, 0.8, 0.6, 0.4, 0.2]
    """
    if step < warmup:
        return (step + 1) / warmup
    passed = min(1.0, (step + 1 - warmup) / max(1, total - warmup))
    return round(1 + (final - 1) * passed, 12)
