"""Tagging as one writes it by hand around the networks of a pipeline, sorted by length."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from seqloom.interfaces import Features
from seqloom.model.pipeline import Pipeline

BATCH = 64


class SortedLoop:
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
