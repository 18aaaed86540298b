"""The two directions of a trained BiLSTM, and what models trained with each merge reach."""

from __future__ import annotations

from typing import Any

import torch
from _first_sweep import trained
from _results import scores
from torch import Tensor

import seqloom
from seqloom.nn import Bidirectional

MERGES = ("concat", "sum", "average", "multiply")
BILSTM = "2"  # the trial's folder
UNITS = 16  # of 128
SENTENCE = "Apple is something that I like to eat ."


@torch.no_grad()
def directions(pipeline: seqloom.Pipeline, words: list[str]) -> tuple[Tensor, Tensor]:
    """Return the outputs of the forward and of the backward layer, (T, H) each."""
    layer = next(one for one in pipeline.model.modules() if isinstance(one, Bidirectional))
    found = []
    layer.register_forward_pre_hook(lambda _, given: found.append(layer.directions(*given[:2])))
    pipeline([words])
    ahead, back = found[0]
    return ahead.outputs[0], back.outputs[0]


def measure() -> dict[str, Any]:
    """Return states of the quickstart's BiLSTM on one sentence, and the F1 of merges on SNIPS."""
    words = SENTENCE.split()
    ahead, back = directions(seqloom.load(trained() / BILSTM / "bundle"), words)
    return {
        "drawing": "merges",
        "title": "States of both directions of a trained BiLSTM",
        "words": words,
        "forward": [[round(value, 2) for value in row[:UNITS]] for row in ahead.tolist()],
        "backward": [[round(value, 2) for value in row[:UNITS]] for row in back.tolist()],
        "scores": {merge: scores("snips: slots", f"bilstm {merge}") for merge in MERGES},
    }
