"""Train a BiLSTM classifier by the framework, and one in Keras 3 with torch and with JAX.

Embedding 100, 128 units a direction, 7 classes, 32 texts of about 18 words a batch, Adam, clipping,
dropout 0.5; one thread. ``P10``: texts a second. Keras runs in an environment of its own.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import torch

from _corpus import sentences
from _peers import KERAS_JAX, KERAS_TORCH
from _steps import in_turn
from _timing import rounds, row, skipped
from seqloom.config.compose import compose_run
from seqloom.model.build import build_pipeline
from seqloom.nn.companion import single_thread
from seqloom.train.prepare import encoded_data

ROUNDS = 18
COUNT, CLASSES = 3000, 7
WORDS = (
    "data=csv",
    "data.split.val=0",
    "frontend.characters=false",
    "frontend.subwords=false",
    "frontend.dropout=0.5",
    "encoder.hidden_size=128",
    "head=classification",
    "head.dropout=0.5",
    "batch.max_examples=32",
    "optimizer=adam",
    "trainer=cpu",
    "callbacks=none",
)


def measure() -> list[dict[str, Any]]:
    """Return a row for each backend of Keras."""
    what = "training of a BiLSTM classifier, texts/s, against Keras"
    libraries = {"torch": (KERAS_TORCH, ">= 5"), "jax": (KERAS_JAX, ">= 2.8")}
    with single_thread(), tempfile.TemporaryDirectory() as place:
        opened = {name: library.opened() for name, (library, _) in libraries.items()}
        peers = {name: peer for name, (peer, _) in opened.items() if peer}
        times = dict(zip(peers, _times(Path(place), peers), strict=True)) if peers else {}
    return [
        row(f"P10-keras-{name}", f"{what} with {name}", *times[name], target, speed=True)
        if name in times
        else skipped(f"P10-keras-{name}", f"{what} with {name}", target, opened[name][1])
        for name, (_, target) in libraries.items()
    ]


def _times(folder: Path, peers: dict[str, Any]) -> list[tuple[list[float], list[float]]]:
    """Return our seconds a text with those of each peer."""
    path = folder / "train.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number, one in enumerate(sentences(COUNT)):
            rows.writerow([" ".join(word for word, _ in one), f"class {number % CLASSES}"])
    cfg = compose_run([*WORDS, f"data.train={path}", f"run_dir={folder}/run"])
    data = encoded_data(cfg)
    torch.manual_seed(0)
    pipeline = build_pipeline(cfg.components, data.codecs)
    steps = [peer.step for peer in peers.values()]
    ours, *theirs = in_turn(cfg, data, pipeline, steps, rounds(ROUNDS))
    for peer in peers.values():
        peer.close()
    return [(ours, one) for one in theirs]


if __name__ == "__main__":
    for one in measure():
        print(one)
