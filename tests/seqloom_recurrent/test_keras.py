"""The merges against figures that Keras gave (make_keras_figures.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seqloom.interfaces import Features

FIGURES = json.loads(Path(__file__).with_name("keras_figures.json").read_text(encoding="utf-8"))


def as_torch(cell: str, weights: list[Any]) -> list[Tensor]:
    """Return W_ih, W_hh, b_ih, b_hh of Keras' kernel, recurrent kernel and bias."""
    kernel, recurrent, bias = (torch.tensor(w) for w in weights)
    if cell == "bigru":  # Keras' gates are z, r, n; torch's r, z, n
        order = torch.tensor([2, 3, 0, 1, 4, 5])
        return [kernel.T[order], recurrent.T[order], bias[0][order], bias[1][order]]
    return [kernel.T, recurrent.T, bias, torch.zeros_like(bias)]


@pytest.mark.parametrize("merge", ["concat", "sum", "average", "multiply"])
@pytest.mark.parametrize("cell", ["birnn", "bilstm", "bigru"])
def test_equals_keras(tools: Any, cell: str, merge: str) -> None:
    figures = FIGURES[cell][merge]
    encoder = tools.make(cell, hidden_size=2, num_layers=2, merge=merge)
    for layer, weights in zip(encoder.stack.layers, figures["weights"], strict=True):
        if merge == "multiply":
            layer.scale.fill_(1.0)
            layer = layer.layer  # noqa: PLW2901
        for direction, of in zip((layer.forward_layer, layer.backward_layer), weights, strict=True):
            for ours, theirs in zip(direction.core.all_weights[0], as_torch(cell, of), strict=True):
                ours.data.copy_(theirs)

    lengths = torch.tensor(FIGURES["lengths"])
    given = encoder(Features(torch.tensor(FIGURES["inputs"]), lengths))
    for b, n in enumerate(lengths.tolist()):
        wanted = torch.tensor(figures["outputs"][b][:n])
        torch.testing.assert_close(given.states[b, :n], wanted, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(
        given.summary, torch.tensor(figures["summary"]), atol=1e-6, rtol=1e-5
    )
