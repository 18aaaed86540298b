"""What every encoder promises of itself as a module: how it is drawn, stored, sent and moved."""

from __future__ import annotations

import pickle

import torch
from torch import Tensor

from seqloom.interfaces import Encoder, Features
from seqloom.testing.compare import (
    pickled,
    require,
    require_equal,
    require_registered,
    require_state_dict,
)
from seqloom.testing.encoding import ROWS, SIZE, MakeEncoder, alone, made, outputs
from seqloom.testing.modules import (
    BFLOAT16_TOLERANCE,
    DEVICE_TOLERANCE,
    require_reproducible,
)
from seqloom.testing.samples import LENGTHS, features

PADDED_TOLERANCE = 0.01
"""Between alone and padded, both in bfloat16."""


def check_determinism(make: MakeEncoder) -> None:
    """The same seed gives the same weights and, in training, the same outputs; eval draws none."""
    require_reproducible(lambda: make(SIZE), outputs)


def check_state_dict(make: MakeEncoder) -> None:
    """A new one takes up the state of another from a checkpoint, of which nothing is code."""
    encoder = made(make)
    torch.manual_seed(2)
    require_state_dict(encoder, make(SIZE), outputs)


def check_pickle(make: MakeEncoder) -> None:
    """It can be pickled, as it is for another process, and gives the same when unpickled."""
    encoder = made(make)
    again = pickle.loads(pickled(encoder))
    with torch.no_grad():
        require_equal(outputs(again), outputs(encoder), "outputs after pickling", 0.0)


def check_device(make: MakeEncoder) -> None:
    """It moves as a whole to another device, and to double precision.

    Without an accelerator its move can only be stood in for: no tensor may be hidden from
    ``to()``, and in double precision outputs must be double, so that nothing of a fixed type is
    made on the way. A tensor that is made on the CPU inside ``forward`` may still be missed.
    """
    encoder = made(make)
    require_registered(encoder)
    with torch.no_grad():
        expected = outputs(encoder)
        if torch.accelerator.is_available():
            _require_moves(encoder, expected)
        given = features(SIZE)
        encoded = encoder.double()(Features(given.values.double(), given.lengths))
    for name, value in (("states", encoded.states), ("summary", encoded.summary)):
        require(
            value.dtype == torch.float64,
            f"{name} of an encoder in double precision are {value.dtype}",
        )


def _require_moves(encoder: Encoder, expected: Tensor) -> None:
    device = torch.accelerator.current_accelerator()
    assert device is not None
    given = features(SIZE)
    moved = Features(given.values.to(device), given.lengths)
    encoded = encoder.to(device)(moved)
    require(encoded.states.device.type == device.type, f"states are on {encoded.states.device}")
    require(encoded.lengths.device.type == "cpu", "lengths are not on the CPU")
    found = outputs(encoder, moved)
    require_equal(found.cpu(), expected, f"outputs on {device}", DEVICE_TOLERANCE)
    encoder.cpu()


def check_bfloat16(make: MakeEncoder) -> None:
    """Under autocast to bfloat16 outputs are finite, near those of float32, and alone = padded."""
    encoder, given = made(make), features(SIZE)
    with torch.no_grad():
        expected = outputs(encoder)
        with torch.autocast("cpu", torch.bfloat16):
            found = outputs(encoder).float()
            single = [outputs(encoder, alone(given, row)).float() for row in ROWS]
    require(bool(torch.isfinite(found).all()), "outputs in bfloat16 are not finite")
    require_equal(found, expected, "bfloat16 against float32", BFLOAT16_TOLERANCE)
    together = found.split([*LENGTHS, len(LENGTHS)])
    for row in ROWS:
        batch = torch.cat([together[row], together[-1][row : row + 1]])
        require_equal(single[row], batch, f"row {row}, alone, in bfloat16", PADDED_TOLERANCE)
