"""A linear chain over a ragged batch: its scores, the sums over all paths, and the best path.

With emissions e, transitions A, start s and end z, all in the log domain (Lafferty, McCallum and
Pereira 2001, "Conditional random fields", section 3; Rabiner 1989, "A tutorial on hidden Markov
models", section III)::

    α_0(j) = s(j) + e_0(j)       α_t(j) = e_t(j) + log Σ_i exp(α_{t-1}(i) + A(i, j))
    β_{T-1}(i) = z(i)            β_t(i) = log Σ_j exp(A(i, j) + e_{t+1}(j) + β_{t+1}(j))
    log Z = log Σ_i exp(α_t(i) + β_t(i))      at any t

`ScaledLattice` computes them in the exponential domain, which is faster; `LogLattice` in the log
domain, for scores of any range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from seqloom.nn import length_mask, reverse_within_lengths

FORBIDDEN = -1e4
"""Score of a forbidden step of a given path: finite, so that a loss is never infinite."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Scores of B sequences of up to T tags out of C; the score of a path is their sum along it.

    The largest emission of a step is 0, and so is the largest move: what is subtracted is the same
    for all paths of a row, so it has no effect on losses, posteriors and best paths.

    Attributes:
        emissions: (B, T, C), zero beyond a row's length.
        moves: (C + 2, C), -inf where forbidden: transitions from the row's tag to the column's,
            then the scores of the first tag, then those of the last.
        lengths: (B,) int64 on the CPU.
        padding: (B, T), True beyond a row's length.
        last: Two (B,) indices, which select each row's last step from (B, T, …).
    """

    emissions: Tensor
    moves: Tensor
    lengths: Tensor
    padding: Tensor
    last: tuple[Tensor, Tensor]

    @property
    def transitions(self) -> Tensor:
        """(C, C) scores, from the row's tag to the column's."""
        return self.moves[:-2]

    @property
    def start(self) -> Tensor:
        """(C,) scores of the first tag."""
        return self.moves[-2]

    @property
    def end(self) -> Tensor:
        """(C,) scores of the last tag."""
        return self.moves[-1]


def widest(device: torch.device) -> torch.dtype:
    """Return the type to sum scores in: float64, except on Apple's GPUs, which lack it."""
    return torch.float32 if device.type == "mps" else torch.float64


def make_chain(emissions: Tensor, moves: Tensor, forbidden: Tensor, lengths: Tensor) -> Chain:
    """Return the scores as a chain, in the widest type and detached from autograd.

    Args:
        emissions: (B, T, C); anything in the padding.
        moves: (C + 2, C), see `Chain`.
        forbidden: (C + 2, C) bool, True where no path may go.
        lengths: (B,) int64 on the CPU.
    """
    device = emissions.device
    dtype = widest(device)
    padding = ~length_mask(lengths, emissions.shape[1], device)
    scores = emissions.detach().to(dtype, copy=True)
    scores.sub_(scores.amax(2, keepdim=True)).masked_fill_(padding.unsqueeze(2), 0.0)
    allowed = moves.detach().to(dtype, copy=True).masked_fill_(forbidden, float("-inf"))
    last = torch.arange(len(lengths), device=device), (lengths - 1).to(device)
    return Chain(scores, allowed.sub_(allowed.amax()), lengths, padding, last)


def moves_along(chain: Chain, tags: Tensor) -> Tensor:
    """Return (B, T): the index, in the flattened moves, of the move into each of (B, T) tags."""
    size = chain.moves.shape[1]
    before = F.pad(tags[:, :-1], (1, 0), value=size)  # row C: of the first tag
    return torch.add(tags, before, alpha=size)


def step_scores(chain: Chain, tags: Tensor) -> Tensor:
    """Return (B, T): what each step adds to the score of the (B, T) tags; 0 in the padding.

    The end scores are not included.
    """
    entered = chain.moves.take(moves_along(chain, tags)).clamp_min_(FORBIDDEN)
    emitted = chain.emissions.gather(2, tags.unsqueeze(2)).squeeze(2)
    return entered.add_(emitted).masked_fill_(chain.padding, 0.0)


def path_score(chain: Chain, tags: Tensor) -> Tensor:
    """Return the scores, (B,), of the given (B, T) tags; a forbidden step costs ``FORBIDDEN``."""
    return step_scores(chain, tags).sum(1) + chain.end[tags[chain.last]]


class Lattice(Protocol):
    """Sums over all paths through a chain.

    Attributes:
        chain: Scores of the paths.
        log_partition: (B,), log Z.
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
        """Return α, (B, T, C); undefined in the padding."""
        ...

    def log_beta(self) -> Tensor:
        """Return β, (B, T, C); undefined in the padding."""
        ...


class LogLattice:
    """Sums over all paths, in the log domain: slower, and right for scores of any range."""

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
        """Return α, (B, T, C); undefined in the padding."""
        return self._alpha

    def log_beta(self) -> Tensor:
        """Return β, (B, T, C); undefined in the padding."""
        return self._beta


def steps_between_scaling(chain: Chain, reach: int | None) -> int:
    """Return after how many steps to scale a chain; 0 if something relevant might underflow."""
    lowest = chain.moves.masked_fill(chain.moves.isinf(), 0.0).amin()
    spread = -float(chain.emissions.amin() + lowest)  # the largest of both are 0
    tiny = torch.finfo(chain.emissions.dtype).tiny
    return safe_steps(spread, chain.moves.shape[1], tiny, reach)


def safe_steps(spread: float, size: int, tiny: float, reach: int | None) -> int:
    """Return after how many steps to scale so that nothing relevant underflows; 0 if it may.

    Let r be the log of the widest ratio of one step: the spread of its scores plus log C, for the
    sum over C. Each tag can be reached from each in ``reach`` steps, so that no entry of α or β,
    other than those that are truly zero, is below exp(-(n + reach) r) if it is scaled every n
    steps, and no product of the two that counts below exp(-(2 n + reach) r). One r is to spare.

    Args:
        spread: Difference of the largest and the smallest score of a step.
        size: C.
        tiny: Smallest normal number of the type.
        reach: Number of steps in which each tag can be reached from each; None: too many.
    """
    if reach is None or not math.isfinite(spread):
        return 0
    ratio = spread + math.log(2 * size)
    range_of_type = -0.95 * math.log(tiny)
    return max(0, int((range_of_type / ratio - reach - 1) / 2))


def _mirrored(chain: Chain) -> Tensor:
    """Return (T, B): the step at each position of each row reversed within its length."""
    steps = torch.arange(chain.padding.shape[1]).unsqueeze(1)
    mirrored = chain.lengths - 1 - steps  # negative in the padding, which is not moved
    return torch.where(mirrored >= 0, mirrored, steps)


class ScaledLattice:
    """Sums over all paths, in the exponential domain, scaled so as not to underflow.

    Rabiner 1989, section V.A. A step is one matrix product for both directions at once: the
    backward recursion runs over each sequence reversed within its own length, with the transitions
    transposed, as row 1 of the same batched product. What follows a row's last step is never read.
    All tensors are time-major: (T, B, C). New memory costs as much as the sums themselves, so
    tensors that are no longer needed are overwritten.

    Args:
        chain: Scores of the paths.
        every: Number of steps between scalings, from ``steps_between_scaling``; at least 1.
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
        """Return (T, 2, B, C): exp(e) of each step, in order and reversed."""
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
        """Write the state before and after the factors of each step."""
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
        """Return α, (B, T, C); undefined in the padding."""
        scale = self._log_scale[:, 0].cumsum(0)
        log_alpha: Tensor = self._forward.log() + scale.unsqueeze(2)
        return log_alpha.transpose(0, 1)

    def log_beta(self) -> Tensor:
        """Return β, (B, T, C); undefined in the padding."""
        scale: Tensor = self._log_scale[:, 1]  # in reversed time
        earlier = (scale.cumsum(0) - scale).gather(0, self._mirrored.to(scale.device))
        log_beta: Tensor = self._before.log() + earlier.unsqueeze(2)
        return log_beta.transpose(0, 1)


def best_path(chain: Chain) -> npt.NDArray[np.int64]:
    """Return (B, T), the tags of each row's path with the highest score; 0 in the padding.

    Viterbi 1967; Rabiner 1989, section III.B. The forward pass keeps the best scores only; which
    tag they came from is found on the way back, for the one tag of each row that is on the path.
    """
    arriving = chain.transitions.T.contiguous()  # (C, C) from the column's tag to the row's
    # (T, B, C), a copy: a batch of one row would be contiguous as it is.
    best = chain.emissions.transpose(0, 1).clone(memory_format=torch.contiguous_format)
    steps = best.unbind()
    steps[0].add_(chain.start)
    ways = best.new_empty(best.shape[1], *arriving.shape)
    for before, step in pairwise(steps):
        step.add_(torch.add(before.unsqueeze(1), arriving, out=ways).amax(2))
    end, lengths = chain.end.cpu().numpy(), chain.lengths.numpy()
    return _trace(best.cpu().numpy(), arriving.cpu().numpy(), end, lengths)


def _trace(
    scores: npt.NDArray[np.floating],
    arriving: npt.NDArray[np.floating],
    end: npt.NDArray[np.floating],
    lengths: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    steps, rows, _ = scores.shape
    path = np.zeros((steps, rows), dtype=np.int64)
    path[lengths - 1, np.arange(rows)] = (scores[lengths - 1, np.arange(rows)] + end).argmax(1)
    for step in range(steps - 2, -1, -1):
        inside = lengths - 1 > step  # rows that end at this step or earlier already have their tag
        came_from = (scores[step] + arriving[path[step + 1]]).argmax(1)
        np.copyto(path[step], came_from, where=inside)
    return np.ascontiguousarray(path.T)
