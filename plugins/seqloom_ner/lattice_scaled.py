"""Forward and backward recursions in the exponential domain, scaled so as not to underflow.

Rabiner 1989, section V.A. A step is one matrix product for both directions at once: the backward
recursion runs over each sequence reversed inside its own length, with the transitions transposed,
as row 1 of the same batched product. What lies behind a row's last step is never read.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from seqloom_ner.chain import Chain


def steps_between_scaling(chain: Chain, reach: int | None) -> int:
    """Return after how many steps to scale so that nothing that matters underflows; 0 if it can.

    Let r be the log of the widest ratio of one step: the spread of its scores plus log C, for the
    sum over C. Each tag can be reached from each in ``reach`` steps, so that no entry of α or β,
    other than those that are truly zero, is below exp(-(n + reach) r) if it is scaled every n
    steps, and no product of the two that counts below exp(-(2 n + reach) r). One r is to spare.
    """
    if reach is None:
        return 0
    lowest = chain.moves.masked_fill(chain.moves.isinf(), 0.0).amin()
    spread = -float(chain.emissions.amin() + lowest)  # the greatest of both are 0
    if not math.isfinite(spread):
        return 0
    ratio = spread + math.log(2 * chain.moves.shape[1])
    range_of_type = -0.95 * math.log(torch.finfo(chain.emissions.dtype).tiny)
    return max(0, int((range_of_type / ratio - reach - 1) / 2))


def _mirrored(chain: Chain) -> Tensor:
    """Return (T, B): the step that stands at each place of each row reversed in its length."""
    steps = torch.arange(chain.padding.shape[1]).unsqueeze(1)
    mirrored = chain.lengths - 1 - steps  # below zero in the padding, which stays in its place
    return torch.where(mirrored >= 0, mirrored, steps)


class ScaledLattice:
    """The sums over all paths; see ``Lattice``. All its tensors are time-major: (T, B, C).

    Fresh memory costs as much as the sums themselves do, so spent tensors are written over.

    Args:
        chain: what to sum.
        every: after how many steps to scale, from ``steps_between_scaling``; at least 1.
    """

    def __init__(self, chain: Chain, every: int) -> None:
        self.chain = chain
        self._every = every
        self._moves = chain.moves.exp()
        self._mirrored = _mirrored(chain)
        self._run()
        self._total = self._product.sum(2, keepdim=True)
        self.log_partition = self._partition()

    def _factors(self) -> Tensor:
        """Return (T, 2, B, C): exp(e) of each step, as it is and reversed."""
        rows, size, tags = self.chain.emissions.shape
        steps = torch.arange(size).unsqueeze(1).expand(-1, rows)
        index = torch.stack([steps, self._mirrored], dim=1) + size * torch.arange(rows)
        emitted = self.chain.emissions.exp().flatten(0, 1)
        picked = emitted.index_select(0, index.view(-1).to(emitted.device))
        return picked.view(size, 2, rows, tags)

    def _run(self) -> None:
        """Compute α, e + β, β and α · β, all scaled, and the (T, 2, B) logs of the scales."""
        factors = self._factors()
        before, after = torch.empty_like(factors), torch.empty_like(factors)
        scale = torch.ones_like(factors[..., :1])
        self._recur(factors, before, after, scale)
        size, _, rows, tags = factors.shape
        backward = (2 * self._mirrored + 1) * rows + torch.arange(rows)
        index = backward.view(-1).to(factors.device)
        spare = factors.view(2, size * rows, tags)
        for target, source in zip(spare, (after, before), strict=True):
            torch.index_select(source.flatten(0, 2), 0, index, out=target)
        self._forward = after[:, 0]
        self._backward, self._before = spare.view(2, size, rows, tags)
        self._product = torch.mul(self._forward, self._before, out=before[:, 0])
        self._log_scale = scale.squeeze(3).log_()

    def _recur(self, factors: Tensor, before: Tensor, after: Tensor, scale: Tensor) -> None:
        """Fill in what the state is before and after the factors of each step."""
        transitions = self._moves[:-2]
        before[0] = self._moves[-2:].unsqueeze(1)
        steps = torch.stack([transitions, transitions.T])
        sources, states = before.unbind(), after.unbind()
        for step, factor in enumerate(factors.unbind()):
            if step:
                torch.bmm(states[step - 1], steps, out=sources[step])
            torch.mul(sources[step], factor, out=states[step])
            if step % self._every == 0:
                total = torch.sum(states[step], -1, keepdim=True, out=scale[step])
                states[step].div_(total)

    def _partition(self) -> Tensor:
        scale = self._log_scale[:, 0].T.masked_fill(self.chain.padding, 0.0).sum(1)
        row, step = self.chain.last
        return scale + self._total[step, row, 0].log()

    def unary(self) -> Tensor:
        """Return (B, T, C), the probability of each tag at each step; 0 in the padding."""
        posterior = (self._product / self._total).transpose(0, 1)
        return posterior.masked_fill_(self.chain.padding.unsqueeze(2), 0.0)

    def pairs(self, weights: Tensor) -> Tensor:
        """Return (C, C): how often each tag is expected to follow each, rows weighted by (B,)."""
        share = weights.unsqueeze(1) / self._total[:-1]
        share = share.masked_fill_(self.chain.padding.T[1:].unsqueeze(2), 0.0)
        earlier = (self._forward[:-1] * share).flatten(0, 1)
        later = self._backward[1:].flatten(0, 1)
        counts: Tensor = (earlier.T @ later).mul_(self._moves[:-2])
        return counts

    def log_alpha(self) -> Tensor:
        """Return α, (B, T, C); without meaning in the padding."""
        scale = self._log_scale[:, 0].cumsum(0)
        log_alpha: Tensor = self._forward.log() + scale.unsqueeze(2)
        return log_alpha.transpose(0, 1)

    def log_beta(self) -> Tensor:
        """Return β, (B, T, C); without meaning in the padding."""
        scale: Tensor = self._log_scale[:, 1]  # in reversed time
        earlier = (scale.cumsum(0) - scale).gather(0, self._mirrored.to(scale.device))
        log_beta: Tensor = self._before.log() + earlier.unsqueeze(2)
        return log_beta.transpose(0, 1)
