"""The average of the weights over the last steps, which is evaluated and kept in their place."""

from __future__ import annotations

import functools

from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor


class AverageWeights(WeightAveraging):
    """Validates and keeps an exponential moving average of the weights.

    The average changes less from step to step than the weights do, and is usually a better model
    than any of them; Polyak and Juditsky 1992, "Acceleration of stochastic approximation by
    averaging". Floating-point buffers, such as the statistics of batch normalization, are averaged
    too; others are copied.

    Args:
        decay: Weight of the previous average at each step, in [0, 1): 0.99 averages over about the
            last 100 steps.

    Raises:
        ValueError: ``decay`` is out of range.
    """

    def __init__(self, decay: float = 0.99) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay={decay}: expected a number in [0, 1)")
        super().__init__(use_buffers=True, avg_fn=functools.partial(_average, decay=decay))


def _average(average: Tensor, current: Tensor, steps: Tensor | int, *, decay: float) -> Tensor:
    """Return the next average; the first steps are averaged evenly."""
    if not average.is_floating_point():
        return current
    return average.lerp(current, max(1 - decay, 1 / (float(steps) + 1)))
