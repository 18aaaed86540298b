"""Cross-entropy over a large vocabulary, without keeping the scores of all units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

ELEMENTS = 1 << 20
"""Number of scores that are computed at once: a few megabytes, which stay in the cache."""


@dataclass(frozen=True)
class Problem:
    """What losses are computed from.

    Attributes:
        hidden: What the units are predicted from, (N, D).
        weight: Vectors of the units, (V, D).
        bias: (V,).
        targets: Numbers of the right units, (N,) int64.
        smoothing: Probability that is given to all units evenly.
    """

    hidden: Tensor
    weight: Tensor
    bias: Tensor
    targets: Tensor
    smoothing: float = 0.0


def cross_entropy(problem: Problem) -> Tensor:
    """Return the cross-entropy of each target, (N,), with label smoothing (Szegedy et al. 2016).

    Equal to ``F.cross_entropy(F.linear(hidden, weight, bias), targets, reduction="none",
    label_smoothing=smoothing)``. The gradients are computed along with the losses, chunk by chunk,
    so that the (N, V) scores are computed once and never kept.
    """
    one = problem
    apply: Any = _CrossEntropy.apply
    found: Tensor = apply(one.hidden, one.weight, one.bias, one.targets, one.smoothing)
    return found


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *args: Any) -> Tensor:
        hidden, weight, bias, targets, smoothing = args
        problem = Problem(hidden, weight, bias, targets, smoothing)
        losses, gradients = _solved(problem, needed=any(ctx.needs_input_grad[:3]))
        if gradients:
            tensors = (problem.hidden, problem.weight, problem.bias, problem.targets)
            ctx.save_for_backward(*tensors, *gradients)
            ctx.smoothing = problem.smoothing
        return losses

    @staticmethod
    def backward(ctx: Any, *upstreams: Tensor) -> tuple[Tensor | None, ...]:
        (upstream,) = upstreams
        hidden, weight, bias, targets, *gradients = ctx.saved_tensors
        scale = upstream[0] if len(upstream) else upstream.sum()
        if bool((upstream == scale).all()):
            return (*(one * scale for one in gradients), None, None)
        # Those of the table are sums over the targets, so they are computed again.
        _, weighted = _solved(
            Problem(hidden, weight, bias, targets, ctx.smoothing), needed=True, upstream=upstream
        )
        return (*weighted, None, None)


def _solved(
    problem: Problem, *, needed: bool, upstream: Tensor | None = None
) -> tuple[Tensor, list[Tensor]]:
    """Return the losses and, if needed, the gradients of their sum.

    Args:
        problem: What losses are computed from.
        needed: Whether the gradients are needed: of ``hidden``, ``weight`` and ``bias``.
        upstream: Weights of the losses in the sum, (N,); None: 1.
    """
    hidden, weight, bias = problem.hidden, problem.weight, problem.bias
    size = max(1, ELEMENTS // len(weight))
    losses = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
    gradients = [torch.zeros_like(one) for one in (hidden, weight, bias)] if needed else []
    for start in range(0, len(hidden), size):
        rows = slice(start, start + size)
        own = hidden[rows].to(weight.dtype)
        loss, slope = _chunk(problem, own, problem.targets[rows].unsqueeze(1))
        losses[rows] = loss.squeeze(1)
        if not needed:
            continue
        if upstream is not None:
            slope *= upstream[rows].unsqueeze(1)
        slope = slope.to(weight.dtype)
        gradients[0][rows] = (slope @ weight).to(hidden.dtype)
        gradients[1] += slope.T @ own
        gradients[2] += slope.sum(0)
    return losses, gradients


def _chunk(problem: Problem, own: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the losses of some targets, (n, 1), and their derivatives by the scores, (n, V)."""
    smoothing = problem.smoothing
    scores = F.linear(own, problem.weight, problem.bias).float()
    total = scores.logsumexp(1, keepdim=True)
    chosen = scores.gather(1, wanted)
    loss = total - (1 - smoothing) * chosen
    if smoothing:
        loss -= smoothing * scores.mean(1, keepdim=True)
    slope = scores.sub_(total).exp_()
    if smoothing:
        slope -= smoothing / slope.shape[1]
    return loss, slope.scatter_add_(1, wanted, torch.full_like(chosen, smoothing - 1))
