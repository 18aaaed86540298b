"""Attention of a decoder to the states of an encoder."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqloom.nn import is_full, length_mask, zero_padding
from seqloom_translation import schemas


class Memory(NamedTuple):
    """The states of an encoder, prepared for attention.

    Attributes:
        values: States, (B, T, H), zero in the padding.
        keys: What queries are compared with, (B, T, K).
        mask: True at the padding, (B, T); None without padding.
        lengths: Lengths, (B,) int64 on the CPU.
    """

    values: Tensor
    keys: Tensor
    mask: Tensor | None
    lengths: Tensor

    def select(self, rows: Tensor) -> Memory:
        """Return some rows, by their positions (N,), without padding that none of them needs."""
        lengths = self.lengths[rows.cpu()]
        size = int(lengths.max())
        mask = None if self.mask is None else self.mask[rows, :size]
        return Memory(self.values[rows, :size], self.keys[rows, :size], mask, lengths)


class Attention(nn.Module):
    """Weights of encoder states for a query, and their weighted mean.

    The score of a query s and a state h is s·W·h for ``general`` and s·h for ``dot`` (Luong et al.
    2015, "Effective approaches to attention-based neural machine translation"), and
    v·tanh(W s + U h) for ``additive`` (Bahdanau et al. 2015, "Neural machine translation by jointly
    learning to align and translate"). For ``dot``, states of another size than the query are
    projected to it.

    Args:
        kind: Kind of the score.
        query_size: Size of a query.
        state_size: Size H of a state.
    """

    def __init__(self, kind: schemas.Attention, query_size: int, state_size: int) -> None:
        super().__init__()
        self.kind = kind
        self.key: nn.Module = nn.Identity()
        if kind != schemas.Attention.dot or query_size != state_size:
            self.key = nn.Linear(state_size, query_size, bias=False)
        if kind == schemas.Attention.additive:
            self.query = nn.Linear(query_size, query_size)
            self.score = nn.Linear(query_size, 1, bias=False)

    def remember(self, states: Tensor, lengths: Tensor) -> Memory:
        """Return the states (B, T, H), whose padding may be NaN, prepared for queries."""
        values = zero_padding(states, lengths)
        keys = self.key(values)
        size = states.shape[1]
        full = is_full(lengths, size)
        mask = None if full else ~length_mask(lengths, size, states.device)
        return Memory(values, keys, mask, lengths)

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Return contexts, (B, S, H), and the weights that they are means with, (B, S, T).

        Args:
            queries: (B, S, K).
            memory: What ``remember`` returned.
        """
        scores = self._scores(queries, memory.keys).float()
        if memory.mask is not None:
            scores = scores.masked_fill(memory.mask.unsqueeze(1), -torch.inf)
        weights = scores.softmax(2).to(memory.values.dtype)
        return torch.bmm(weights, memory.values), weights

    def _scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        if self.kind != schemas.Attention.additive:
            return torch.bmm(queries, keys.transpose(1, 2))
        pairs = self.query(queries).unsqueeze(2) + keys.unsqueeze(1)  # (B, S, T, K)
        found: Tensor = self.score(pairs.tanh()).squeeze(3)
        return found
