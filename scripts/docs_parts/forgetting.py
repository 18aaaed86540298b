"""How much of a gradient an LSTM keeps, by the bias that its forget gates start with."""

from __future__ import annotations

from functools import partial
from typing import Any

from _gradients import D, H, lines

from seqloom.nn import LSTMLayer

BIASES = (2.0, 1.0, 0.0, -1.0)


def measure() -> dict[str, Any]:
    """Return the gradients of fresh layers by distance."""
    return lines(
        "The higher the bias of the forget gates, the longer a gradient lives",
        {
            f"bias {bias:g}".replace("-", "−"): partial(LSTMLayer, D, H, forget_bias=bias)
            for bias in BIASES
        },
    )
