"""The loss of connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seqloom.nn import zero_padding

BLANK = 0


def ctc_loss(logits: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Return (B,) negative log-likelihoods in nats, in float32 whatever the precision.

    A target that cannot be emitted has an infinite loss: nothing hides it.

    Args:
        logits: (B, T, C) scores before softmax; class 0 is the blank. Padding may be NaN.
        lengths: (B,) int64 on the CPU, numbers of frames.
        targets: (B, S) int64, classes from 1.
        target_lengths: (B,) int64 on the CPU.
    """
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    log_probs = zero_padding(logits, lengths).log_softmax(-1).transpose(0, 1)  # (T, B, C)
    return F.ctc_loss(
        log_probs, targets, lengths, target_lengths, BLANK, reduction="none", zero_infinity=False
    )
