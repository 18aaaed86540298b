"""Time a tagger and a classifier of the SNIPS recipes against loops as one writes them by hand.

One thread, A B A B. ``P1-optimizer-…``: a step of training with the optimizer of the recipe, fused
and clipped as in a run, against torch's default of it, clipped by torch; all else is the same. The
data are those of ``data=snips``: downloaded, or from ``$SEQLOOM_DATA``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam

from seqloom.config.compose import compose_run
from seqloom.config.run_config import RunConfig
from seqloom.interfaces import SequenceBatch
from seqloom.model.build import build_pipeline
from seqloom.train.data import RunData, SequenceData
from seqloom.train.module import SequenceModule
from seqloom.train.optimizer import clip_gradients, make_optimizer
from seqloom.train.prepare import read_data

RECIPES = {"tagger": "snips_slots", "classifier": "snips_intent"}
ROUNDS, WARM_UP = 40, 3
CLIP = 5.0
Run = Callable[[], Any]


def interleaved(*runs: Run, rounds: int = ROUNDS, warm_up: int = WARM_UP) -> list[float]:
    """Return the median processor seconds of each of several functions that are run in turn."""
    times: list[list[float]] = [[] for _ in runs]
    for turn in range(rounds + warm_up):
        for run, kept in zip(runs, times, strict=True):
            started = time.process_time()
            run()
            if turn >= warm_up:
                kept.append(time.process_time() - started)
    return [statistics.median(kept) for kept in times]


class Step:
    """A step of training, on one batch after the other.

    Args:
        config: Config of the run.
        data: Its data.
        fused: Whether to take the optimizer and the clipping of a run.
    """

    def __init__(self, config: RunConfig, data: RunData, *, fused: bool) -> None:
        torch.manual_seed(0)
        pipeline = build_pipeline(config.components, data.codecs)
        make = partial(Adam, lr=1e-4, fused=fused)
        self.module = SequenceModule(pipeline, make, None, None)
        parameters = list(self.module.parameters())
        self.optimizer = make_optimizer(make, parameters) if fused else Adam(parameters, lr=1e-4)
        self.fused = fused
        self.batches = _batches(config, data)

    def __call__(self) -> None:
        """Take a step."""
        self.optimizer.zero_grad()
        self.module(next(self.batches)).mean().backward()
        if self.fused:
            clip_gradients(self.optimizer, None, CLIP, "norm")
        else:
            clip_grad_norm_(self.module.parameters(), CLIP)
        self.optimizer.step()


def _batches(config: RunConfig, data: RunData) -> Iterator[SequenceBatch]:
    """Return batches of the training split that are at hand; the same for every call."""
    found = SequenceData(data, config.batch, seed=0).train_dataloader()
    return iter(list(islice(found, ROUNDS + WARM_UP)))


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison: id, what, ratio of our time to theirs, target."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_optimizer(kind, recipe) for kind, recipe in RECIPES.items()]
    finally:
        torch.set_num_threads(threads)


def _optimizer(kind: str, recipe: str) -> dict[str, Any]:
    config = compose_run([f"experiment={recipe}"])
    data = read_data(config)
    ours, theirs = interleaved(*(Step(config, data, fused=fused) for fused in (True, False)))
    return {
        "id": f"P1-optimizer-{kind}",
        "what": f"a step of {recipe}, fused optimizer, against torch's default",
        "ratio": ours / theirs,
        "target": None,
        "ours": ours,
        "theirs": theirs,
    }


if __name__ == "__main__":
    for row in measure():
        print(row)
