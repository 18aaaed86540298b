"""Learning-rate schedules. One with a parameter ``total_steps`` is stepped after each batch."""

from __future__ import annotations

import functools

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_linear(
    optimizer: Optimizer, total_steps: int, warmup_steps: int = 50, final: float = 0.02
) -> LambdaLR:
    """Increase the rate linearly for ``warmup_steps``, then decrease it linearly.

    Args:
        optimizer: Optimizer; its learning rate is the peak.
        total_steps: Number of optimizer steps of the whole run.
        warmup_steps: Number of steps of the increase, at most a tenth of the run; the first step
            has ``1 / warmup_steps`` of the peak.
        final: Rate of the last step, as a fraction of the peak.
    """
    warmup = max(1, min(warmup_steps, total_steps // 10))
    fraction = functools.partial(_fraction, warmup=warmup, total=total_steps, final=final)
    return LambdaLR(optimizer, fraction)


def warmup_hold_linear(
    optimizer: Optimizer,
    total_steps: int,
    warmup: float = 0.02,
    hold: float = 0.5,
    final: float = 0.01,
) -> LambdaLR:
    """Increase the rate linearly, hold it, then decrease it linearly.

    Args:
        optimizer: Optimizer; its learning rate is the peak.
        total_steps: Number of optimizer steps of the whole run.
        warmup: Fraction of the steps at which the increase ends.
        hold: Fraction of the steps at which the decrease starts.
        final: Rate of the last step, as a fraction of the peak.

    Raises:
        ValueError: The fractions are not in order.
    """
    if not 0 <= warmup <= hold <= 1:
        raise ValueError(f"warmup={warmup}, hold={hold}: expected 0 ≤ warmup ≤ hold ≤ 1")
    rise, fall = round(warmup * total_steps), round(hold * total_steps)
    fraction = functools.partial(
        _held_fraction, rise=rise, fall=fall, total=total_steps, final=final
    )
    return LambdaLR(optimizer, fraction)


def _held_fraction(step: int, rise: int, fall: int, total: int, final: float) -> float:
    """Return the rate at a step, counted from 0, as a fraction of the peak.

    >>> [_held_fraction(step, rise=2, fall=4, total=6, final=0.2) for step in range(6)]
    [0.5, 1.0, 1.0, 1.0, 0.6, 0.2]
    """
    if step < rise:
        return (step + 1) / rise
    return 1.0 if step < fall else _fraction(step - fall, warmup=0, total=total - fall, final=final)


def _fraction(step: int, warmup: int, total: int, final: float) -> float:
    """Return the rate at a step, counted from 0, as a fraction of the peak.

    >>> [_fraction(step, warmup=2, total=6, final=0.2) for step in range(6)]
    [0.5, 1.0, 0.8, 0.6, 0.4, 0.2]
    """
    if step < warmup:
        return (step + 1) / warmup
    passed = min(1.0, (step + 1 - warmup) / max(1, total - warmup))
    return round(1 + (final - 1) * passed, 12)
