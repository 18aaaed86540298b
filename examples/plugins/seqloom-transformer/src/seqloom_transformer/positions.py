"""Positions as vectors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LONGEST_WAVE = 10_000.0  # steps / 2π


def sinusoids(steps: int, size: int, like: Tensor) -> Tensor:
    """Return sines and cosines of each position, (T, H), of the type and device of ``like``.

    Wavelengths grow geometrically from 2π to 10 000 · 2π steps; Vaswani et al. 2017, "Attention is
    all you need", section 3.5, with all sines first. Sequences may have any length, since there is
    no table. Angles use at least float32, since bfloat16 cannot represent position 257.

    >>> sinusoids(2, 4, torch.zeros(())).shape
    torch.Size([2, 4])
    """
    exact = torch.promote_types(like.dtype, torch.float32)
    waves = -(-size // 2)
    exponents = torch.arange(waves, device=like.device, dtype=exact) / waves
    frequencies = torch.exp(-math.log(_LONGEST_WAVE) * exponents)
    angles = torch.arange(steps, device=like.device, dtype=exact).unsqueeze(1) * frequencies
    return torch.cat((angles.sin(), angles.cos()), 1)[:, :size].to(like.dtype)
