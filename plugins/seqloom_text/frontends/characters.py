"""The frontend ``characters``: a vector for each character of a text."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from seqloom.interfaces import Features, Frontend, SequenceBatch
from seqloom.nn import LockedDropout, length_mask
from seqloom_text.frontends.characters_codec import CharactersCodec
from seqloom_text.frontends.fields import PAD, UNK
from seqloom_text.schemas_frontend import Characters


class CharactersFrontend(Frontend):
    """Looks characters up in a table.

    Args:
        codec: with its state.
        params: of the component; see ``seqloom_text.schemas_frontend.Characters``.

    Attributes:
        output_size: D, the size of a character's vector.
    """

    def __init__(self, codec: CharactersCodec, **params: Any) -> None:
        super().__init__()
        options = Characters(**params)
        self.output_size = options.size
        self.embedding = nn.Embedding(codec.alphabet.size, options.size, padding_idx=PAD)
        self.dropout = LockedDropout(options.dropout)
        self._initialise(options.init_std)

    @classmethod
    def make_codec(cls, **params: Any) -> CharactersCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: a parameter is out of its range.
        """
        return CharactersCodec(**params)

    def forward(self, batch: SequenceBatch) -> Features:
        """Return the vectors of ``characters`` (B, T)."""
        characters, lengths = batch["characters"].long(), batch.lengths["characters"]
        beyond = ~length_mask(lengths, characters.shape[1], characters.device)
        values = self.embedding(characters.masked_fill(beyond, PAD))
        return Features(self.dropout(values), lengths)

    @torch.no_grad()
    def _initialise(self, std: float) -> None:
        """Draw N(0, std); the unknown starts at zero, for without dropout it is never trained."""
        nn.init.normal_(self.embedding.weight, std=std)
        self.embedding.weight[[PAD, UNK]] = 0.0
