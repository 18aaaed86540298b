"""The frontend ``words``: a vector for each word, beside features of its characters."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from seqloom.interfaces import Features, Frontend, SequenceBatch
from seqloom.nn import LockedDropout, length_mask
from seqloom_text.frontends.fields import PAD, UNK
from seqloom_text.frontends.spelling import SpellingFeatures
from seqloom_text.frontends.words_codec import InitialVectors, WordsCodec
from seqloom_text.schemas_frontend import Words


class WordsFrontend(Frontend):
    """Looks words up in a table and, unless that is off, reads their characters.

    Args:
        codec: with its state, and with the pretrained vectors that ``fit`` found.
        params: of the component; see ``seqloom_text.schemas_frontend.Words``.

    Attributes:
        output_size: D, the size of a word's vector and the number of character filters.
    """

    def __init__(self, codec: WordsCodec, **params: Any) -> None:
        super().__init__()
        options = Words(**params)
        self.embedding = nn.Embedding(codec.size, options.size, padding_idx=PAD)
        self.spelling = (
            SpellingFeatures(
                codec.alphabet.size,
                options.character_size,
                options.character_filters,
                options.character_width,
            )
            if options.characters
            else None
        )
        self.dropout = LockedDropout(options.dropout)
        self.output_size = options.size + (self.spelling.output_size if self.spelling else 0)
        self._initialise(options.init_std, codec.initial_vectors)
        self.embedding.weight.requires_grad_(not options.freeze_vectors)

    @classmethod
    def make_codec(cls, **params: Any) -> WordsCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: a parameter is out of its range.
        """
        return WordsCodec(**params)

    def forward(self, batch: SequenceBatch) -> Features:
        """Return the vectors of ``words`` (B, T), with the features of ``characters`` (B, T, W)."""
        words, lengths = batch["words"], batch.lengths["words"]
        beyond = ~length_mask(lengths, words.shape[1], words.device)
        values = self.embedding(words.masked_fill(beyond, PAD))
        if self.spelling is not None:
            characters = batch["characters"].masked_fill(beyond.unsqueeze(2), PAD)
            values = torch.cat([values, self.spelling(characters)], 2)
        return Features(self.dropout(values), lengths)

    @torch.no_grad()
    def _initialise(self, std: float, vectors: InitialVectors | None) -> None:
        """Draw the table from N(0, std); pretrained vectors and their mean, as UNK, replace it."""
        weight = self.embedding.weight
        nn.init.normal_(weight, std=std)
        weight[PAD] = 0.0
        if vectors is not None:
            values = torch.from_numpy(vectors.values).to(weight)
            weight[torch.from_numpy(vectors.ids)] = values
            weight[UNK] = values.mean(0)
