"""The recurrence h_t = a_t ⊙ h_{t-1} + b_t, for all steps of a sequence at once."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

_WIDE = 2048  # values per step from which one chunk is faster, measured by bench.py


def linear_recurrence(decay: Tensor, inputs: Tensor, start: Tensor) -> Tensor:
    """Return the states h_t = a_t ⊙ h_{t-1} + b_t.

    The sequence is split into N chunks of L steps. All chunks run at the same time, once from zero
    to find the state at the end of each, and once from the state at the end of the previous chunk:
    2 L + N sequential operations instead of T. There are no divisions and no logarithms, so that no
    precision is lost for any T, and zeros and any sign are allowed. On a CPU with enough work at
    each step a single chunk is used: reading all data twice would cost more than T operations.

    Args:
        decay: Factors a, (B, T, H), between 0 and 1.
        inputs: Terms b, (B, T, H).
        start: Initial state h_0, (B, H).

    Returns:
        States h, (B, T, H). They can be differentiated once.
    """
    states: Tensor = _LinearRecurrence.apply(decay, inputs, start)  # type: ignore[no-untyped-call]
    return states


class _LinearRecurrence(torch.autograd.Function):
    """Recurrence whose gradient is another recurrence, which runs backward."""

    @staticmethod
    def forward(ctx: Any, decay: Tensor, inputs: Tensor, start: Tensor) -> Tensor:
        states = scan(decay, inputs, start)
        ctx.save_for_backward(decay, start, states)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        decay, start, states = ctx.saved_tensors
        # A state affects the loss at its own step and the next state:
        # G_t = g_t + a_{t+1} G_{t+1}.
        onward = torch.cat((decay[:, 1:], torch.zeros_like(decay[:, :1])), 1)
        total = scan(onward, gradients[0], torch.zeros_like(start), backward=True)
        before = torch.cat((start.unsqueeze(1), states[:, :-1]), 1)
        return total * before, total, total[:, 0] * decay[:, 0]


def scan(decay: Tensor, inputs: Tensor, start: Tensor, backward: bool = False) -> Tensor:
    """Return the states, (B, T, H), without a graph for gradients.

    Args:
        decay: Factors a, (B, T, H).
        inputs: Terms b, (B, T, H).
        start: State before the first step, (B, H); zeros if ``backward``.
        backward: Whether to start at the last step: h_t = a_t ⊙ h_{t+1} + b_t.
    """
    B, T, H = inputs.shape
    wide = inputs.device.type == "cpu" and B * H >= _WIDE
    length = T if wide else chunk_length(T)
    a, b = _cut(decay, length), _cut(inputs, length)
    direction = -1 if backward else 1
    steps, chunks = range(length)[::direction], range(a.shape[1])[::direction]
    starts = start.unsqueeze(1)  # (B, N, H)
    if len(chunks) > 1:
        ends = _run(a, b, torch.zeros_like(a[:, :, 0]), steps)
        starts = _starts(a.prod(2), ends, start, chunks)
    states = torch.empty_like(b, memory_format=torch.contiguous_format)
    _run(a, b, starts, steps, states)
    return states.view(B, -1, H)[:, :T]


def _cut(values: Tensor, length: int) -> Tensor:
    """Return the values as chunks, (B, N, L, H), with zeros at the end of the last one."""
    B, T, H = values.shape
    missing = -T % length
    whole = pad(values, (0, 0, 0, missing)) if missing else values  # pad always copies
    return whole.reshape(B, -1, length, H)


def chunk_length(steps: int) -> int:
    """Return the L that minimizes 2 L + T / L.

    >>> chunk_length(2048)
    32
    """
    return max(1, round(math.sqrt(steps / 2)))


def _run(a: Tensor, b: Tensor, states: Tensor, steps: range, out: Tensor | None = None) -> Tensor:
    """Run all chunks from their initial states, (B, N, H); ``out`` receives every state."""
    for step in steps:
        place = None if out is None else out[:, :, step]
        states = torch.addcmul(b[:, :, step], a[:, :, step], states, out=place)
    return states


def _starts(products: Tensor, ends: Tensor, start: Tensor, chunks: range) -> Tensor:
    """Return the initial state of each chunk, (B, N, H), from its end when started at zero."""
    starts = torch.empty_like(ends)
    for chunk in chunks:
        starts[:, chunk] = start
        start = torch.addcmul(ends[:, chunk], products[:, chunk], start)
    return starts
