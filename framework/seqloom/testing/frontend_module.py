"""What every frontend promises as a module: how it is drawn, stored, moved and trained."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from seqloom.data.collate import EncodedExample
from seqloom.interfaces import Frontend, FrontendCodec
from seqloom.testing.compare import (
    require,
    require_equal,
    require_registered,
    require_state_dict,
)
from seqloom.testing.frontend_case import FrontendCase, batch_of, signal, valid
from seqloom.testing.modules import (
    BFLOAT16_TOLERANCE,
    DEVICE_TOLERANCE,
    require_ranks,
    require_reproducible,
)


def check_determinism(case: FrontendCase) -> None:
    """The same seed gives the same weights and, in training, the same features; eval draws none."""
    codec = case.codec()
    rows = case.rows(codec)
    require_reproducible(lambda: case.make(codec), lambda one: valid(one(batch_of(codec, rows))))


def check_state_dict(case: FrontendCase) -> None:
    """A new one takes up the state of another from a checkpoint, of which nothing is code."""
    codec = case.codec()
    frontend, batch = case.frontend(codec), batch_of(codec, case.rows(codec))
    frontend(batch)  # what a first pass adds belongs to the state as well
    torch.manual_seed(2)
    require_state_dict(frontend, case.make(codec), lambda one: valid(one(batch)))


def check_device(case: FrontendCase) -> None:
    """It moves as a whole to another device.

    Without an accelerator that can only be stood in for: no tensor may be hidden from ``to()``. A
    tensor that is made on the CPU inside ``forward`` may still be missed.
    """
    codec = case.codec()
    frontend, batch = case.frontend(codec), batch_of(codec, case.rows(codec))
    require_registered(frontend)
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device is None:
        return
    with torch.no_grad():
        expected = valid(frontend(batch))
        given = copy.deepcopy(frontend).to(device)(batch.to(device))
    require(given.values.device.type == device.type, f"features are on {given.values.device}")
    require(given.lengths.device.type == "cpu", "lengths are not on the CPU")
    require_equal(valid(given), expected, f"features on {device}", DEVICE_TOLERANCE)


def check_bfloat16(case: FrontendCase) -> None:
    """Under autocast to bfloat16 features are finite, and near those of float32."""
    codec = case.codec()
    frontend, batch = case.frontend(codec), batch_of(codec, case.rows(codec))
    with torch.no_grad():
        expected = valid(frontend(batch))
        with torch.autocast("cpu", torch.bfloat16):
            found = valid(frontend(batch))
    require(bool(torch.isfinite(found).all()), "features in bfloat16 are not finite")
    require_equal(found, expected, "features in bfloat16", BFLOAT16_TOLERANCE)


def check_ranks(case: FrontendCase) -> None:
    """On two ranks every parameter takes part on each, and gradients are those of one process."""
    codec = case.codec()
    rows = case.rows(codec)
    places = range(len(rows))
    require_ranks(case.frontend(codec), partial(_signal, codec, rows), (places[::2], places[1::2]))


def _signal(
    codec: FrontendCodec, rows: Sequence[EncodedExample], frontend: Frontend, chosen: Sequence[int]
) -> Tensor:
    return signal(frontend(batch_of(codec, [rows[place] for place in chosen])), chosen)
