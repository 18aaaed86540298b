"""A small decoder, and a model trained on Lingo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import seqloom
from seqloom.interfaces import Encoded, Features
from seqloom_translation.decoder import Decoder
from seqloom_translation.schemas import Translation

UNITS = 7
STATES = 6

QUICK = [
    "data=lingo",
    "data.train_size=1500",
    "data.val_size=20",
    "data.test_size=100",
    "frontend=subwords",
    "frontend.unit=word",
    "frontend.size=48",
    "frontend.dropout=0",
    "encoder=bilstm",
    "encoder.hidden_size=48",
    "head=translation",
    "head.unit=word",
    "head.size=96",
    "head.dropout=0.1",
    "batch.max_examples=32",
    "optimizer.lr=0.006",
    "trainer=cpu",
    "threads=1",
    "callbacks=none",
]


def decoder(**params: Any) -> Decoder:
    """Return a small decoder in eval mode with weights far from zero."""
    torch.manual_seed(params.pop("seed", 0))
    found = Decoder(Translation(**{"size": 5, "dropout": 0.0, **params}), UNITS, STATES).eval()
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.add_(torch.randn_like(parameter))
    return found


def encoded(lengths: list[int], seed: int = 1) -> Encoded:
    """Return states of these lengths, NaN in the padding; the same for equal positions."""
    torch.manual_seed(seed)
    states = torch.randn(len(lengths), 9, STATES)[:, : max(lengths)]
    summary = torch.randn(len(lengths), STATES)
    for row, length in enumerate(lengths):
        states[row, length:] = torch.nan
    sizes = torch.tensor(lengths)
    return Encoded(states, summary, sizes, Features(states, sizes))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[seqloom.Result, Path]:
    """Return the result of a training on Lingo, and its folder."""
    folder = tmp_path_factory.mktemp("lingo") / "run"
    return seqloom.fit(*QUICK, "trainer.max_steps=600", run_dir=folder), folder
