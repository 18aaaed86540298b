"""What the quickstart's LSTM and BiLSTM make of "Apple" as the words after it arrive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from _first_sweep import trained

import seqloom
from seqloom import Pipeline
from seqloom.data.collate import EncodedExample

MODELS = {"LSTM": "1", "BiLSTM": "2"}
SENTENCES = {
    "company": "Apple is something that competitors simply cannot reproduce .",
    "fruit": "Apple is something that I like to eat .",
}
TAGS = ("B-ORG", "B-FRUIT")


def encoded(pipeline: Pipeline, words: list[str]) -> EncodedExample:
    """Return a sentence as the model reads it."""
    example = pipeline.codecs.frontend.prepare(pipeline.example(words))
    return pipeline.codecs.encode_inputs(example)


@torch.no_grad()
def posteriors(model: Path, words: list[str]) -> list[list[float]]:
    """Return P(company) and P(fruit) at the first word, after one word, two, and so on.

    Each beginning of the sentence is an input of its own, so the last value is what the model
    predicts from all of it.
    """
    pipeline = seqloom.load(model)
    head: Any = pipeline.head
    found = []
    for size in range(1, len(words) + 1):
        batch = pipeline.collate([encoded(pipeline, words[:size])])
        states, emissions = pipeline.outputs(batch)
        marginals = head.crf.marginals(emissions, states.lengths)[0, 0]
        found.append([float(marginals[head.tags.index(tag)]) for tag in TAGS])
    return found


def measure() -> dict[str, Any]:
    """Return the posteriors of both models on both sentences."""
    sweep = trained()
    panels = []
    for meaning, sentence in SENTENCES.items():
        words = sentence.split()
        models = {
            name: posteriors(sweep / trial / "bundle", words) for name, trial in MODELS.items()
        }
        panels.append({"meaning": meaning, "words": words, "models": models})
    return {"drawing": "apple", "title": "P(company) at the word Apple", "panels": panels}
