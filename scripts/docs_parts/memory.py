"""What a trained LSTM keeps in its cells while it reads, and the gates that decide it."""

from __future__ import annotations

from typing import Any

import torch
from _runs import run
from torch import Tensor

import seqloom
from seqloom.nn import LSTMLayer

HIDDEN = 8
SENTENCE = "Apple is something that competitors simply cannot reproduce these days ."


@torch.no_grad()
def read(layer: LSTMLayer, values: Tensor) -> dict[str, list[list[float]]]:
    """Return the forget gates, the input gates and the cells at each step of (T, D) values."""
    w, u, b, c = layer.core.all_weights[0]
    state = layer.initial_state(1)
    found: dict[str, list[list[float]]] = {"forget gate": [], "input gate": [], "cell": []}
    for x in values.unsqueeze(1):
        given, forget, _, _ = (x @ w.T + b + state[0] @ u.T + c).sigmoid().chunk(4, 1)
        _, state = layer.step(x, state)
        for name, numbers in zip(found, (forget, given, state[1].tanh()), strict=True):
            found[name].append([round(number, 3) for number in numbers[0].tolist()])
    return found


def measure() -> dict[str, Any]:
    """Return what a small LSTM does that tells sentences on the company from those on the fruit."""
    result = run(
        "memory",
        "encoder=lstm",
        f"encoder.hidden_size={HIDDEN}",
        "head=classification",
        "head.pooling=summary",
        "head.direct=false",
        "head.dropout=0",
        "budget.min_steps=300",
    )
    pipeline = seqloom.load(result.bundle)
    layer = next(one for one in pipeline.model.modules() if isinstance(one, LSTMLayer))
    inputs: list[Tensor] = []
    layer.register_forward_pre_hook(lambda _, given: inputs.append(given[0][0]))
    words = SENTENCE.split()
    pipeline([words])
    panels = read(layer, inputs[0])
    return {
        "drawing": "heatmap",
        "title": "The cells of an LSTM change at the words that tell the company, then keep it",
        "rows": words,
        "reach": 1.0,
        "panels": [{"title": name, "values": values} for name, values in panels.items()],
        "accuracy": result.metrics["test"]["accuracy"],
    }
