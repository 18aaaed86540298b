"""Forward and backward recursions in the log domain: slower, and right for scores of any range."""

from __future__ import annotations

import torch
from torch import Tensor

from seqloom.nn import reverse_within_lengths
from seqloom_ner.chain import Chain


class LogLattice:
    """The sums over all paths; see ``Lattice``."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._alpha, self._after, self._beta = self._run()  # α, e + β and β, (B, T, C) each
        self.log_partition = (self._alpha[chain.last] + chain.end).logsumexp(1)

    def _run(self) -> tuple[Tensor, Tensor, Tensor]:
        chain = self.chain
        reverse = reverse_within_lengths(chain.emissions, chain.lengths)
        emissions = torch.stack([chain.emissions, reverse])  # (2, B, T, C)
        moves = torch.stack([chain.transitions, chain.transitions.T]).unsqueeze(1)
        edges = chain.moves[-2:].unsqueeze(1)
        before = [edges.expand(2, len(reverse), -1)]
        after = [before[0] + emissions[:, :, 0]]
        for step in range(1, emissions.shape[2]):
            before.append((after[-1].unsqueeze(3) + moves).logsumexp(2))
            after.append(before[-1] + emissions[:, :, step])
        states = torch.stack(after, dim=2)
        reverse_beta = torch.stack([both[1] for both in before], dim=1)
        return (
            states[0],
            reverse_within_lengths(states[1], chain.lengths),
            reverse_within_lengths(reverse_beta, chain.lengths),
        )

    def unary(self) -> Tensor:
        """Return (B, T, C), the probability of each tag at each step; 0 in the padding."""
        log = self._alpha + self._beta - self.log_partition.view(-1, 1, 1)
        return log.exp().masked_fill(self.chain.padding.unsqueeze(2), 0.0)

    def pairs(self, weights: Tensor) -> Tensor:
        """Return (C, C): how often each tag is expected to follow each, rows weighted by (B,)."""
        expected = torch.zeros_like(self.chain.transitions)
        share = weights.unsqueeze(1).masked_fill(self.chain.padding, 0.0)
        earlier = self._alpha - self.log_partition.view(-1, 1, 1)
        for step in range(1, earlier.shape[1]):
            log = earlier[:, step - 1].unsqueeze(2) + self._after[:, step].unsqueeze(1)
            real = (log + self.chain.transitions).masked_fill(
                self.chain.padding[:, step].view(-1, 1, 1), float("-inf")
            )
            expected += torch.einsum("b,bij->ij", share[:, step], real.exp())
        return expected

    def log_alpha(self) -> Tensor:
        """Return α, (B, T, C); without meaning in the padding."""
        return self._alpha

    def log_beta(self) -> Tensor:
        """Return β, (B, T, C); without meaning in the padding."""
        return self._beta
