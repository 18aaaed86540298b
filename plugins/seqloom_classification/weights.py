"""Factors of the loss by class."""

from __future__ import annotations

import math
from collections.abc import Mapping

from seqloom.errors import ConfigError, did_you_mean


def balanced_weights(counts: Mapping[str, int], examples: int, multi_label: bool) -> list[float]:
    """Return weights that give every class the same say in the loss.

    For one label an example: N / (C · n) of each class (King and Zeng, 2001), so that the mean
    weight over the training examples is 1. For sets of labels: (N − n) / n, the ratio of examples
    without the label to those with it, and at least 1 / N.

    >>> balanced_weights({"ham": 3, "spam": 1}, 4, multi_label=False)
    [0.6666666666666666, 2.0]
    >>> balanced_weights({"rain": 1, "wind": 2}, 4, multi_label=True)
    [3.0, 1.0]
    """
    if multi_label:
        return [max(examples - n, 1) / n for n in counts.values()]
    return [examples / (len(counts) * n) for n in counts.values()]


def named_weights(classes: list[str], weights: Mapping[str, float]) -> list[float]:
    """Return the weight of each class, 1 where none is named.

    Raises:
        ConfigError: a weight is not positive, or its class is not in the training data.
    """
    for name, weight in weights.items():
        if name not in classes:
            raise ConfigError(
                f"head.class_weights names the class {name!r}, which is not in the training data. "
                f"{did_you_mean(name, classes)}"
            )
        if not (math.isfinite(weight) and weight > 0):
            raise ConfigError(
                f"head.class_weights gives the class {name!r} the weight {weight}; weights are "
                "positive numbers, 1 for no change."
            )
    return [float(weights.get(name, 1.0)) for name in classes]
