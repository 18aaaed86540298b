"""Time a tagger and a classifier of the SNIPS recipes against loops as one writes them by hand.

One thread, A B A B. ``P1-optimizer-…``: a step of training with the optimizer of the recipe, fused
and clipped as in a run, against torch's default of it, clipped by torch; all else is the same. The
data are those of ``data=snips``: downloaded, or from ``$SEQLOOM_DATA``.

``P3-inference``: ``pipeline(list)`` of tokenized sentences against a loop by hand around the
same networks, which sorts all sentences by length and returns tags alone. The networks are not
trained, but biased to few entities.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam

from _timing import Run, interleaved, rounds, row
from baselines.sorted_loop import SortedLoop
from seqloom.config.compose import compose_run
from seqloom.config.run_config import RunConfig
from seqloom.interfaces import SequenceBatch
from seqloom.model.build import build_pipeline
from seqloom.nn.companion import single_thread
from seqloom.train.data import RunData, SequenceData
from seqloom.train.module import SequenceModule
from seqloom.train.optimizer import clip_gradients, make_optimizer
from seqloom.train.prepare import encoded_data

RECIPES = {"tagger": "snips_slots", "classifier": "snips_intent"}
ROUNDS, WARM_UP = 40, 3
CLIP = 5.0
SENTENCES, INFERENCE_ROUNDS = 2048, 15


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
    """Return a row for each comparison."""
    with single_thread():
        return [
            *(_optimizer(kind, recipe) for kind, recipe in RECIPES.items()),
            *_inference("snips_slots"),
        ]


def _optimizer(kind: str, recipe: str) -> dict[str, Any]:
    config = compose_run([f"experiment={recipe}"])
    data = encoded_data(config)
    steps = (Step(config, data, fused=fused) for fused in (True, False))
    times = interleaved(*steps, rounds=rounds(ROUNDS), warm_up=WARM_UP)
    what = f"a step of {recipe}, fused optimizer, against torch's default"
    return row(f"P1-optimizer-{kind}", what, *times, None)


def _inference(recipe: str) -> list[dict[str, Any]]:
    config = compose_run([f"experiment={recipe}"])
    data = encoded_data(config)
    torch.manual_seed(0)
    pipeline = build_pipeline(config.components, data.codecs)
    head: Any = pipeline.head
    head.project.bias.data[0] += 0.2
    examples = data.splits["train"].examples(range(SENTENCES))
    sentences = [list(example.fields["tokens"]) for example in examples]
    del data, examples  # a program that predicts has no training data
    gc.collect()
    loop = SortedLoop(pipeline, sentences)
    assert loop() == [found["tags"] for found in pipeline(sentences)]

    def plain() -> Any:
        return pipeline(sentences, scores=False)

    def half(run: Run) -> None:
        with torch.autocast("cpu", torch.bfloat16):
            run()

    runs = (plain, lambda: pipeline(sentences), loop, partial(half, plain), partial(half, loop))
    without, scored, theirs, *halves = interleaved(*runs, rounds=rounds(INFERENCE_ROUNDS))
    what = f"inference of {recipe}, pipeline(list), speed against a sorted hand-written loop"
    name = "P3-inference"
    return [
        row(name, f"{what}, without confidences", without, theirs, ">= 0.95", speed=True),
        row(f"{name}-bf16", f"{what}, both in bfloat16", *halves, ">= 0.95", speed=True),
        row(f"{name}-scores", what, scored, theirs, None, speed=True),
    ]


if __name__ == "__main__":
    for one in measure():
        print(one)
