"""What forward and backward recursions over a chain give, in whichever domain they are computed.

With emissions e, transitions A, start s and end z, all in the log domain (Lafferty, McCallum and
Pereira 2001, "Conditional random fields", section 3; Rabiner 1989, "A tutorial on hidden Markov
models", section III)::

    α_0(j) = s(j) + e_0(j)       α_t(j) = e_t(j) + log Σ_i exp(α_{t-1}(i) + A(i, j))
    β_{T-1}(i) = z(i)            β_t(i) = log Σ_j exp(A(i, j) + e_{t+1}(j) + β_{t+1}(j))
    log Z = log Σ_i exp(α_t(i) + β_t(i))      at any t
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from seqloom_ner.chain import Chain


class Lattice(Protocol):
    """The sums over all paths through a chain.

    Attributes:
        chain: what was summed.
        log_partition: (B,), log Z of the chain's scores.
    """

    chain: Chain
    log_partition: Tensor

    def unary(self) -> Tensor:
        """Return (B, T, C), the probability of each tag at each step; 0 in the padding."""
        ...

    def pairs(self, weights: Tensor) -> Tensor:
        """Return (C, C): how often each tag is expected to follow each, rows weighted by (B,)."""
        ...

    def log_alpha(self) -> Tensor:
        """Return α, (B, T, C); without meaning in the padding."""
        ...

    def log_beta(self) -> Tensor:
        """Return β, (B, T, C); without meaning in the padding."""
        ...
