"""The scores of a linear chain over a ragged batch, as every algorithm of the CRF reads them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from seqloom.nn import length_mask

FORBIDDEN = -1e4
"""The score of a forbidden step of a given path: finite, so that a loss is never infinite."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Scores of B sequences of up to T tags out of C; the score of a path is their sum along it.

    The greatest emission of a step is 0, and so is the greatest move: what is taken off is the same
    for all paths of a row, hence without effect on losses, posteriors and best paths.

    Attributes:
        emissions: (B, T, C), zero beyond a row's length whatever stood there.
        moves: (C + 2, C), -inf where forbidden: from the row's tag to the column's; then, from row
            C on, of the first tag and of the last.
        lengths: (B,) int64 on the CPU.
        padding: (B, T), True beyond a row's length.
        last: two (B,) indices, which pick each row's last step out of (B, T, …).
    """

    emissions: Tensor
    moves: Tensor
    lengths: Tensor
    padding: Tensor
    last: tuple[Tensor, Tensor]

    @property
    def transitions(self) -> Tensor:
        """(C, C), from the row's tag to the column's."""
        return self.moves[:-2]

    @property
    def start(self) -> Tensor:
        """(C,), of the first tag."""
        return self.moves[-2]

    @property
    def end(self) -> Tensor:
        """(C,), of the last tag."""
        return self.moves[-1]


def widest(device: torch.device) -> torch.dtype:
    """Return the type to sum scores in: float64, but for Apple's GPUs, which lack it."""
    return torch.float32 if device.type == "mps" else torch.float64


def make_chain(emissions: Tensor, moves: Tensor, forbidden: Tensor, lengths: Tensor) -> Chain:
    """Return the scores as a chain, in the widest type and apart from autograd.

    Args:
        emissions: (B, T, C); anything in the padding.
        moves: (C + 2, C), see `Chain`.
        forbidden: the same shape, True where no path may go.
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
    """Return (B, T): where in the flattened moves the one into each step of (B, T) tags is."""
    size = chain.moves.shape[1]
    before = F.pad(tags[:, :-1], (1, 0), value=size)  # row C: of the first tag
    return torch.add(tags, before, alpha=size)


def step_scores(chain: Chain, tags: Tensor) -> Tensor:
    """Return what each step adds to the score of the given (B, T) tags: (B, T), 0 in the padding.

    The end scores are left out.
    """
    entered = chain.moves.take(moves_along(chain, tags)).clamp_min_(FORBIDDEN)
    emitted = chain.emissions.gather(2, tags.unsqueeze(2)).squeeze(2)
    return entered.add_(emitted).masked_fill_(chain.padding, 0.0)


def path_score(chain: Chain, tags: Tensor) -> Tensor:
    """Return the scores, (B,), of the given (B, T) tags; a forbidden step costs ``FORBIDDEN``."""
    return step_scores(chain, tags).sum(1) + chain.end[tags[chain.last]]
