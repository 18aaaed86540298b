"""What every head promises as a module: how it is drawn, stored, moved, and learns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from seqloom.interfaces import Encoded, Features, Head, HeadCodec
from seqloom.testing.compare import (
    NotApplicable,
    require,
    require_equal,
    require_registered,
    require_state_dict,
)
from seqloom.testing.head_case import HeadCase
from seqloom.testing.head_compare import require_finite
from seqloom.testing.modules import (
    BFLOAT16_TOLERANCE,
    DEVICE_TOLERANCE,
    has_weights,
    require_ranks,
    require_reproducible,
)

STEPS = 40
LEARNING_RATE = 0.05
SHARE = 0.8
"""Of the mean loss before training, what may at most be left after it."""


def check_learning(case: HeadCase) -> None:
    """A few dozen steps of the head alone, on states that stay as they are, lower the mean loss."""
    codec = case.codec()
    head = case.head(codec)
    if not has_weights(head):
        raise NotApplicable("it has no weights to train")
    before = _mean_loss(case, head, codec)
    optimizer = torch.optim.Adam(head.parameters(), LEARNING_RATE)
    torch.manual_seed(3)
    head.train()
    for _ in range(STEPS):
        optimizer.zero_grad()
        case.losses(head, codec).mean().backward()
        optimizer.step()
    after = _mean_loss(case, head, codec)
    wanted = before - (1 - SHARE) * abs(before)
    require(
        after < wanted,
        f"{STEPS} steps of training took the mean loss from {before:.4g} to {after:.4g}; expected "
        f"below {wanted:.4g}. Do gradients reach the weights?",
    )


@torch.no_grad()
def _mean_loss(case: HeadCase, head: Head, codec: HeadCodec) -> float:
    return float(case.losses(head.eval(), codec).mean())


def check_determinism(case: HeadCase) -> None:
    """The same seed gives the same weights and, in training, the same losses; eval draws none."""
    codec = case.codec()
    require_reproducible(lambda: case.make(codec), lambda head: case.losses(head, codec))


def check_state_dict(case: HeadCase) -> None:
    """A new one takes up the state of another from a checkpoint, of which nothing is code.

    After ``load_matching`` its losses are finite, and those of the other head are unchanged.
    """
    codec = case.codec()
    head = case.head(codec)
    before = case.losses(head, codec)  # what a first pass adds belongs to the state as well
    torch.manual_seed(2)
    require_state_dict(head, case.make(codec), lambda one: case.losses(one, codec))
    heir = case.make(codec).eval()
    heir.load_matching(head)
    require_finite(case.losses(heir, codec), "losses after load_matching()")
    require_equal(case.losses(head, codec), before, "losses of the head that another adopts")


def check_device(case: HeadCase) -> None:
    """It moves as a whole to another device.

    Without an accelerator that can only be stood in for: no tensor may be hidden from ``to()``. A
    tensor that is made on the CPU inside ``forward``, ``loss`` or ``decode`` may still be missed.
    """
    codec = case.codec()
    head = case.head(codec)
    require_registered(head)
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device is None:
        return
    with torch.no_grad():
        expected = case.losses(head, codec)
        encoded, batch = _moved(case.encoded(case.rows), device), case.batch(codec, case.rows)
        head, batch = head.to(device), batch.to(device)
        outputs = head(encoded, batch)
        losses = head.loss(outputs, batch)
        predictions = head.decode(outputs, encoded)
        metric = head.metrics().to(device)
        metric.update(predictions, batch)
        metric.compute()
    require(
        losses.device.type == device.type, f"losses are on {losses.device}, expected on {device}"
    )
    require_equal(losses.cpu(), expected, f"losses on {device}", DEVICE_TOLERANCE)


def _moved(encoded: Encoded, device: torch.device) -> Encoded:
    states = encoded.states.to(device)
    given = Features(states, encoded.lengths)
    return Encoded(states, encoded.summary.to(device), encoded.lengths, given)


def check_bfloat16(case: HeadCase) -> None:
    """Under autocast to bfloat16 losses are finite and near those of float32, and it decodes."""
    codec = case.codec()
    head = case.head(codec)
    with torch.no_grad():
        expected = case.losses(head, codec)
        with torch.autocast("cpu", torch.bfloat16):
            found = case.losses(head, codec).float()
            predictions = case.decoded(head, case.rows)
    require_finite(found, "losses in bfloat16")
    require_equal(found, expected, "losses in bfloat16", BFLOAT16_TOLERANCE)
    require(
        len(predictions) == len(case.rows),
        f"in bfloat16, {len(predictions)} predictions for {len(case.rows)} examples",
    )


def check_ranks(case: HeadCase) -> None:
    """On two ranks every parameter takes part on each, and gradients are those of one process."""
    codec = case.codec()
    shares = (case.rows[::2], case.rows[1::2])
    require_ranks(case.head(codec), partial(_summed, case, codec), shares)


def _summed(case: HeadCase, codec: HeadCodec, head: Head, rows: Sequence[int]) -> Tensor:
    return case.losses(head, codec, rows).sum()
