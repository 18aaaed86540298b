"""Predict with the tagger of ``training.py``: ``pipeline(list)`` against a loop with stock parts.

``P3``: sentences a second, in float32 and in bfloat16, against a loop in float32 that predicts in
the order of the list. The networks are not trained, but biased to few entities.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch

from _corpus import sentences
from _timing import interleaved, rounds, row
from baselines.tagger import Loop
from seqloom.model.build import build_pipeline
from seqloom.nn.companion import single_thread
from training import config

ROUNDS = 12
COUNT = 2048


def measure() -> list[dict[str, Any]]:
    """Return a row for each precision."""
    with single_thread(), tempfile.TemporaryDirectory() as place:
        cfg, data = config(Path(place))
    torch.manual_seed(0)
    pipeline = build_pipeline(cfg.components, data.codecs)
    head: Any = pipeline.head
    head.project.bias.data[0] += 1.0
    tokens = [[word for word, _ in one] for one in sentences(COUNT, seed=1)]
    loop = Loop(sentences(COUNT))
    loop.model.linear.bias.data[loop.tags["O"]] += 1.0

    def halved() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            pipeline(tokens, scores=False)

    runs = (lambda: pipeline(tokens, scores=False), halved, lambda: loop.predict(tokens))
    with single_thread():
        whole, half, theirs = interleaved(*runs, rounds=rounds(ROUNDS))
    what = "inference of a BiLSTM-CRF tagger, pipeline(list), against stock parts"
    return [
        row("P3-stock", what, whole, theirs, ">= 2.4", speed=True),
        row("P3-stock-bf16", f"{what}, ours in bfloat16", half, theirs, ">= 4", speed=True),
    ]


if __name__ == "__main__":
    for one in measure():
        print(one)
