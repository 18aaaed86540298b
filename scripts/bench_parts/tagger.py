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
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam

from seqloom.config.compose import compose_run
from seqloom.config.run_config import RunConfig
from seqloom.interfaces import Features, SequenceBatch
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.train.data import RunData, SequenceData
from seqloom.train.module import SequenceModule
from seqloom.train.optimizer import clip_gradients, make_optimizer
from seqloom.train.prepare import read_data

RECIPES = {"tagger": "snips_slots", "classifier": "snips_intent"}
ROUNDS, WARM_UP = 40, 3
CLIP = 5.0
SENTENCES, BATCH, INFERENCE_ROUNDS = 2048, 64, 15
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


class Loop:
    """Tagging as one writes it by hand around the networks of a pipeline.

    Args:
        pipeline: Its frontend reads words and characters, its head is a CRF.
        sentences: Tokens of each sentence.
    """

    def __init__(self, pipeline: Pipeline, sentences: list[list[str]]) -> None:
        codec: Any = pipeline.codecs.frontend
        self.model: Any = pipeline.model
        self.head: Any = pipeline.head
        self.words: dict[str, int] = codec._ids
        known = (chr(point) for point in codec.alphabet._points[:-1])
        self.characters = {character: number for number, character in enumerate(known, 2)}
        self.names = np.array(self.head.tags, dtype=object)
        self.sentences = sentences

    @torch.inference_mode()
    def __call__(self) -> list[list[str]]:
        """Return the tags of each sentence."""
        self.model.eval()
        found: list[list[str]] = [[]] * len(self.sentences)
        order = sorted(range(len(self.sentences)), key=lambda i: len(self.sentences[i]))
        for start in range(0, len(order), BATCH):
            group = order[start : start + BATCH]
            lengths = [len(self.sentences[i]) for i in group]
            tags = self._tags([self.sentences[i] for i in group], torch.tensor(lengths))
            for row, place in enumerate(group):
                found[place] = self.names[tags[row, : lengths[row]]].tolist()
        return found

    def _tags(self, sentences: list[list[str]], lengths: torch.Tensor) -> Any:
        width = max(len(token) for tokens in sentences for token in tokens)
        words = np.zeros((len(sentences), int(lengths.max())), np.int64)
        characters = np.zeros((*words.shape, width), np.int64)
        for row, tokens in enumerate(sentences):
            words[row, : len(tokens)] = [self.words.get(token, 1) for token in tokens]
            for step, token in enumerate(tokens):
                spelled = [self.characters.get(character, 1) for character in token]
                characters[row, step, : len(token)] = spelled
        frontend = self.model.frontend
        parts = [
            frontend.embedding(torch.from_numpy(words)),
            frontend.spelling(torch.from_numpy(characters)),
        ]
        states = self.model.encoder(Features(torch.cat(parts, 2), lengths)).states
        return self.head.crf.decode(self.head.project(states), lengths)


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison: id, what, ratio of our time to theirs, target."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [
            *(_optimizer(kind, recipe) for kind, recipe in RECIPES.items()),
            *_inference("snips_slots"),
        ]
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


def _inference(recipe: str) -> list[dict[str, Any]]:
    config = compose_run([f"experiment={recipe}"])
    data = read_data(config)
    torch.manual_seed(0)
    pipeline = build_pipeline(config.components, data.codecs)
    head: Any = pipeline.head
    head.project.bias.data[0] += 0.2
    examples = data.rows["train"].examples(range(SENTENCES))
    sentences = [list(example.fields["tokens"]) for example in examples]
    del data, examples  # a program that predicts has no training data
    gc.collect()
    loop = Loop(pipeline, sentences)
    assert loop() == [found["tags"] for found in pipeline(sentences)]
    runs = (lambda: pipeline(sentences, scores=False), lambda: pipeline(sentences), loop)
    without, scored, theirs = interleaved(*runs, rounds=INFERENCE_ROUNDS, warm_up=1)
    what = f"inference of {recipe}, pipeline(list), speed against a sorted loop by hand"
    rows = (("", without, "without confidences", ">= 0.95"), ("-scores", scored, "", None))
    return [
        {
            "id": f"P3-inference{name}",
            "what": f"{what}{extra and ', '}{extra}",
            "ratio": theirs / ours,
            "target": target,
            "ours": ours,
            "theirs": theirs,
        }
        for name, ours, extra, target in rows
    ]


if __name__ == "__main__":
    for row in measure():
        print(row)
