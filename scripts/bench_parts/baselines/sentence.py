"""Tag one sentence, as one writes it by hand around stock layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqloom.model.pipeline import Pipeline


class ByHand:
    """A tagger as one writes it by hand for one sentence, with the weights of a pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        codec: Any = pipeline.codecs.frontend
        self.words: dict[str, int] = codec._ids
        known = (chr(point) for point in codec.alphabet._points[:-1])
        self.characters = {character: number for number, character in enumerate(known, 2)}
        model: Any = pipeline.model
        self.frontend, self.head = model.frontend, model.heads["ner"]
        both = model.encoder.stack.layers[0]
        cores = [both.forward_layer.core, both.backward_layer.core]
        size = cores[0].hidden_size
        self.lstm = nn.LSTM(cores[0].input_size, size, batch_first=True, bidirectional=True)
        weights = zip(self.lstm.all_weights, cores, strict=True)
        for own, core in weights:
            for one, value in zip(own, core.all_weights[0], strict=True):
                one.data.copy_(value)
        forbidden = self.head.crf.forbidden
        moves = self.head.crf.moves.detach().masked_fill(forbidden, -torch.inf).numpy()
        self.moves, self.start, self.end = moves[:-2], moves[-2], moves[-1]

    @torch.inference_mode()
    def __call__(self, tokens: list[str]) -> list[str]:
        """Return the tags of a sentence."""
        words = torch.tensor([[self.words.get(token, 1) for token in tokens]])
        width = max(map(len, tokens))
        spelled = torch.zeros(len(tokens), width, dtype=torch.long)
        for number, token in enumerate(tokens):
            ids = [self.characters.get(character, 1) for character in token]
            spelled[number, : len(token)] = torch.tensor(ids)
        read = self.frontend.spelling.convolution(
            self.frontend.spelling.embedding(spelled).transpose(1, 2)
        )
        read = read.masked_fill((spelled == 0).unsqueeze(1), -torch.inf).amax(2)
        values = torch.cat([self.frontend.embedding(words), read.unsqueeze(0)], 2)
        scores = self.head.project(self.lstm(values)[0])[0]
        return [self.head.tags[tag] for tag in self.viterbi(scores)]

    def viterbi(self, scores: Tensor) -> list[int]:
        """Return the best path."""
        emissions = scores.numpy()
        best, origins = self.start + emissions[0], []
        for emission in emissions[1:]:
            ways = best[:, None] + self.moves
            origins.append(ways.argmax(0))
            best = ways.max(0) + emission
        path = [int((best + self.end).argmax())]
        for origin in reversed(origins):
            path.append(int(origin[path[-1]]))
        return path[::-1]
