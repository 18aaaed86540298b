"""Pooling of the states of a sequence to one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqloom.errors import Cause, ConfigError, did_you_mean
from seqloom.interfaces.encoder import Encoded
from seqloom.nn.mask import length_mask, zero_padding
from seqloom.nn.names import PoolingMethod

MEANS = {PoolingMethod.mean, PoolingMethod.mean_max, PoolingMethod.summary_mean_max}
MAXIMA = {PoolingMethod.max, PoolingMethod.mean_max, PoolingMethod.summary_mean_max}
WIDTHS = {PoolingMethod.mean_max: 2, PoolingMethod.summary_mean_max: 3}
"""Number of vectors that a method concatenates, if more than one."""


class Pooling(nn.Module):
    """Pools an encoded sequence to one vector: (B, T, H) → (B, H), or a multiple of H.

    ``mean_max`` and ``summary_mean_max`` concatenate two and three vectors: (B, 2H), (B, 3H).

    ``attention`` is a mean weighted by softmax(v · tanh(W h + b)) over the sequence's real steps;
    Yang et al. 2016, "Hierarchical attention networks for document classification", equations 5–7.
    The other methods do not have weights. The padding is ignored.

    Args:
        how: ``summary``, ``mean``, ``max``, ``mean_max``, ``summary_mean_max`` or ``attention``.
        size: H.

    Attributes:
        output_size: H, 2H or 3H.

    Raises:
        ConfigError: There is no such method.
    """

    def __init__(self, how: str, size: int) -> None:
        super().__init__()
        if how not in list(PoolingMethod):
            known = did_you_mean(how, [method.value for method in PoolingMethod])
            raise ConfigError(f"There is no pooling {how!r}. {known}", cause=Cause.wrong_value)
        self.how = PoolingMethod(how)
        self.output_size = WIDTHS.get(self.how, 1) * size
        if self.how is PoolingMethod.attention:
            self.hidden = nn.Linear(size, size)
            self.score = nn.Linear(size, 1, bias=False)

    def forward(self, encoded: Encoded) -> Tensor:
        """Return (B, output_size)."""
        if self.how is PoolingMethod.summary:
            return encoded.summary
        states = zero_padding(encoded.states, encoded.lengths)
        padding = ~length_mask(encoded.lengths, states.shape[1], states.device).unsqueeze(2)
        if self.how is PoolingMethod.attention:
            return (states * self._weights(states, padding)).sum(1)
        pooled = [encoded.summary] if self.how is PoolingMethod.summary_mean_max else []
        if self.how in MEANS:
            sizes = encoded.lengths.to(states.device).unsqueeze(1)
            pooled.append(states.sum(1) / sizes.to(states.dtype))
        if self.how in MAXIMA:
            pooled.append(states.masked_fill(padding, -torch.inf).amax(1))
        return torch.cat(pooled, 1)

    def _weights(self, states: Tensor, padding: Tensor) -> Tensor:
        scores: Tensor = self.score(torch.tanh(self.hidden(states)))  # (B, T, 1)
        return scores.masked_fill(padding, -torch.inf).softmax(1)

    def extra_repr(self) -> str:
        """Return the method for ``repr``."""
        return f"how={self.how}"
