"""A linear-chain conditional random field with hard constraints.

P(y | x) = exp(score(x, y)) / Z(x), where the score of a path is the sum of its start, transition
and end scores and of the emission of each tag (Lafferty, McCallum and Pereira 2001, "Conditional
random fields: probabilistic models for segmenting and labeling sequence data"). The loss is
log Z - score of the reference; its gradient with respect to the emissions is the posterior of each
tag minus the reference, with respect to the moves the expected minus the observed counts (section
3 there), so that autograd never sees the recursions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqloom_ner.lattice import (
    Chain,
    Lattice,
    LogLattice,
    ScaledLattice,
    best_path,
    make_chain,
    moves_along,
    path_score,
    step_scores,
    steps_between_scaling,
)
from seqloom_ner.single import SumsOfOne, best_path_of_one

_FAR = 8  # more steps between two tags than any tag scheme needs


def steps_to_all(allowed: Tensor) -> int | None:
    """Return the number of steps in which each of C tags can be reached from each; None if > 8.

    >>> steps_to_all(torch.ones(3, 3, dtype=torch.bool))
    1
    """
    once = allowed.double()
    reached = once
    for steps in range(1, _FAR + 1):
        if bool((reached > 0).all()):
            return steps
        reached = (reached @ once).clamp_max(1.0)
    return None


class _NegativeLogLikelihood(torch.autograd.Function):
    """log Z - score of the tags, (B,), from the sums over all paths."""

    @staticmethod
    def forward(ctx: Any, lattice: Lattice, tags: Tensor, *scores: Tensor) -> Tensor:
        """Compute the loss; ``scores`` are the emissions and moves that the chain was made from."""
        ctx.lattice, ctx.tags = lattice, tags
        ctx.types = [values.dtype for values in scores]
        loss = lattice.log_partition - path_score(lattice.chain, tags)
        return loss.to(torch.promote_types(scores[0].dtype, torch.float32))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        lattice, tags = ctx.lattice, ctx.tags
        weights = gradient.to(lattice.log_partition.dtype)
        real = torch.where(lattice.chain.padding, 0.0, weights.unsqueeze(1))  # (B, T)
        surplus = lattice.unary().mul_(real.unsqueeze(2))
        edges = torch.stack([surplus[:, 0].sum(0), surplus[lattice.chain.last].sum(0)])
        moves = torch.cat([lattice.pairs(weights), edges])
        _subtract(lattice.chain, tags, real, weights, moves)
        surplus.scatter_add_(2, tags.unsqueeze(2), -real.unsqueeze(2))
        return None, None, surplus.to(ctx.types[0]), moves.to(ctx.types[1])


def _subtract(chain: Chain, tags: Tensor, real: Tensor, weights: Tensor, moves: Tensor) -> None:
    """Subtract how often each move occurs along the given tags; forbidden ones get zero."""
    counts = moves.view(-1)
    counts.index_add_(0, moves_along(chain, tags).flatten(), real.flatten(), alpha=-1.0)
    moves[-1].index_add_(0, tags[chain.last], weights, alpha=-1.0)
    moves.masked_fill_(chain.moves.isinf(), 0.0)


class CRF(nn.Module):
    """Learned scores of start, end and transitions between C tags, some of which are forbidden.

    Sums are in float64 (float32 on Apple's GPUs), whatever the type of the emissions, and so exact
    under autocast too. Emissions in the padding may be anything.

    Attributes:
        moves: (C + 2, C) learned scores: transitions from the row's tag to the column's, then the
            first tag, then the last; see the properties.

    Args:
        size: C.
        may_start: (C,) bool, True for the tags that a sequence may start with; all by default.
        may_follow: (C, C) bool, True where the column's tag may follow the row's; all by default.
    """

    forbidden: Tensor

    def __init__(
        self,
        size: int,
        may_start: npt.NDArray[np.bool_] | None = None,
        may_follow: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        super().__init__()
        self.moves = nn.Parameter(torch.zeros(size + 2, size))
        forbidden = torch.zeros(size + 2, size, dtype=torch.bool)
        if may_follow is not None:
            forbidden[:-2] = torch.from_numpy(~may_follow)
        if may_start is not None:
            forbidden[-2] = torch.from_numpy(~may_start)
        self.register_buffer("forbidden", forbidden, persistent=False)
        self._reach = steps_to_all(~forbidden[:-2])
        self._kept: tuple[bytes, npt.NDArray[np.float64]] | None = None

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

    def chain(self, emissions: Tensor, lengths: Tensor) -> Chain:
        """Return the (B, T, C) emissions with this module's scores, detached from autograd."""
        with torch.no_grad(), torch.autocast(emissions.device.type, enabled=False):
            return make_chain(emissions, self.moves, self.forbidden, lengths)

    @torch.no_grad()
    def lattice(self, chain: Chain) -> Lattice:
        """Return the sums over all paths, in the fastest domain that is safe for the scores."""
        with torch.autocast(chain.emissions.device.type, enabled=False):
            every = steps_between_scaling(chain, self._reach)
            return ScaledLattice(chain, every) if every else LogLattice(chain)

    def loss(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Return the negative log likelihoods, (B,), of the tags.

        A forbidden step in ``tags`` costs 10 000 and has no gradient of its own.

        Args:
            emissions: (B, T, C).
            tags: (B, T) int64; any valid number in the padding.
            lengths: (B,) int64 on the CPU, each between 1 and T.
        """
        lattice = self.lattice(self.chain(emissions, lengths))
        loss: Tensor = _NegativeLogLikelihood.apply(  # type: ignore[no-untyped-call]
            lattice, tags, emissions, self.moves
        )
        return loss

    def marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Return (B, T, C), the posterior probability of each tag; 0 in the padding."""
        return self.lattice(self.chain(emissions, lengths)).unary()

    def decode(self, emissions: Tensor, lengths: Tensor) -> npt.NDArray[np.int64]:
        """Return (B, T), the most probable tags of each row; 0 in the padding."""
        if lengths.shape[0] > 1:
            return self.decode_chain(self.chain(emissions, lengths))
        path = np.zeros(emissions.shape[:2], dtype=np.int64)
        path[0, : int(lengths)] = self._decode_one(emissions[0, : int(lengths)])
        return path

    def _decode_one(self, emissions: Tensor) -> list[int]:
        """Return the most probable tags of one sequence, from its (T, C) emissions."""
        return best_path_of_one(_shifted(emissions), self._allowed())

    def span_posteriors_of_one(
        self,
        emissions: Tensor,
        tags: npt.NDArray[np.int64],
        spans: npt.NDArray[np.int64],
        continues: npt.NDArray[np.bool_],
    ) -> list[float] | None:
        """Return what ``span_posteriors`` does, for one sequence; None if it might underflow.

        Args:
            emissions: (T, C).
            tags: (T,), which hold the tags of the spans.
            spans: (N, 2): start and end (exclusive).
            continues: (C, C), True where the column's tag continues the row's.
        """
        scores, moves = _shifted(emissions), self._allowed()
        if not SumsOfOne.are_safe(scores, moves, self._reach):
            return None
        return SumsOfOne(scores, moves).posteriors(tags.tolist(), spans.tolist(), continues)

    def _allowed(self) -> npt.NDArray[np.float64]:
        """Return the moves of a chain, those of the last call if their scores are the same."""
        moves = self.moves.detach().cpu().double().numpy()
        held = moves.tobytes()
        if self._kept is None or self._kept[0] != held:
            allowed = np.where(self.forbidden.cpu().numpy(), -np.inf, moves)
            self._kept = held, allowed - allowed.max()
        return self._kept[1]

    @torch.no_grad()
    def decode_chain(self, chain: Chain) -> npt.NDArray[np.int64]:
        """Return (B, T), the most probable tags of each row of a chain; 0 in the padding."""
        with torch.autocast(chain.emissions.device.type, enabled=False):
            return best_path(chain)

    @torch.no_grad()
    def span_posteriors(
        self, chain: Chain, tags: Tensor, spans: Tensor, continues: Tensor
    ) -> Tensor:
        """Return (N,), the probability that each span has its tags and ends where it does.

        Exact: a sum over the paths that have the tags from ``start`` to ``end`` and, if the
        sequence does not end there, a next tag that does not continue the last one.

        Args:
            chain: Scores of the paths, which were not changed since.
            tags: (B, T) int64, which hold the tags of the spans.
            spans: (N, 3) int64: row, start, end (exclusive).
            continues: (C, C) bool, True where the column's tag continues the row's.
        """
        lattice = self.lattice(chain)
        with torch.autocast(tags.device.type, enabled=False):
            row, first, last = spans[:, 0], spans[:, 1], spans[:, 2] - 1
            along = step_scores(chain, tags).cumsum(1)
            inside = along[row, last] - along[row, first]
            entered = lattice.log_alpha()[row, first, tags[row, first]]
            left = _leaving(lattice, row, last, tags[row, last], continues)
            return (entered + inside + left - lattice.log_partition[row]).exp().clamp_max(1.0)


def _leaving(lattice: Lattice, row: Tensor, last: Tensor, tag: Tensor, continues: Tensor) -> Tensor:
    """Return (N,), log of the sum over all paths on from a tag that do not continue it."""
    chain = lattice.chain
    after = (last + 1).clamp_max(chain.padding.shape[1] - 1)
    moves = chain.transitions.masked_fill(continues, float("-inf"))[tag]
    onward = moves + (chain.emissions + lattice.log_beta())[row, after]
    at_end = last + 1 == chain.lengths.to(last.device)[row]
    return torch.where(at_end, chain.end[tag], onward.logsumexp(1))


def _shifted(emissions: Tensor) -> npt.NDArray[np.float64]:
    """Return (T, C) emissions of which the largest of a step is 0."""
    scores = emissions.detach().cpu().double().numpy()
    shifted: npt.NDArray[np.float64] = scores - scores.max(1, keepdims=True)
    return shifted
