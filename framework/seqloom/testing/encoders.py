"""What every encoder promises, as checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seqloom.interfaces import Encoded, Encoder, Features
from seqloom.testing.compare import (
    gradients,
    refused,
    require,
    require_equal,
    require_equal_gradients,
    require_finite_gradients,
    require_round_trip,
)
from seqloom.testing.samples import LENGTHS, features

SIZE = 6
LONG = 400

MakeEncoder = Callable[[int], Encoder]
"""From an input size to a new encoder."""


def _made(make: MakeEncoder) -> Encoder:
    torch.manual_seed(1)
    return make(SIZE).eval()


def _alone(given: Features, row: int) -> Features:
    length = int(given.lengths[row])
    return Features(given.values[row : row + 1, :length], given.lengths[row : row + 1])


def _permuted(given: Features, order: Sequence[int]) -> Features:
    return Features(given.values[list(order)], given.lengths[list(order)])


def _signal(encoded: Encoded, rows: Sequence[int]) -> Tensor:
    """Return a scalar that weighs every valid state and summary of rows differently."""
    total = encoded.states.new_zeros(())
    for place, row in enumerate(rows):
        length = int(encoded.lengths[place])
        states = encoded.states[place, :length]
        weights = torch.arange(1.0, states.numel() + 1).reshape(states.shape).sin()
        total = total + (row + 1) * (states * weights).sum() + encoded.summary[place].cos().sum()
    return total


def check_sizes(make: MakeEncoder) -> None:
    """``output_size`` is known before any data, and is that of states and summary."""
    encoder, given = _made(make), features(SIZE)
    size = encoder.output_size
    encoded = encoder(given)
    B, T = given.values.shape[:2]
    require(encoded.states.shape == (B, T, size), f"states are {tuple(encoded.states.shape)}")
    require(encoded.summary.shape == (B, size), f"summary is {tuple(encoded.summary.shape)}")
    require(torch.equal(encoded.lengths, given.lengths), "lengths are not those of the features")
    require(encoded.lengths.device.type == "cpu", "lengths are not on the CPU")


def check_padding(make: MakeEncoder) -> None:
    """A sequence alone gives what it gives in a batch padded with NaN: values and gradients."""
    encoder, given = _made(make), features(SIZE)
    batch = encoder(given)
    _signal(batch, range(len(LENGTHS))).backward()
    together = gradients(encoder)
    for row, length in enumerate(LENGTHS):
        one = encoder(_alone(given, row))
        require_equal(one.states[0], batch.states[row, :length], f"states of row {row}, alone")
        require_equal(one.summary[0], batch.summary[row], f"summary of row {row}, alone")
        _signal(one, [row]).backward()
    require_equal_gradients(gradients(encoder), together, encoder, "alone against padded")


def check_input_gradients(make: MakeEncoder) -> None:
    """Gradients of the inputs are the same alone and padded, and zero in the padding."""
    encoder, given = _made(make), features(SIZE)
    given.values = given.values.nan_to_num().requires_grad_()
    _signal(encoder(given), range(len(LENGTHS))).backward()
    found = given.values.grad
    assert found is not None
    for row, length in enumerate(LENGTHS):
        one = _alone(given, row)
        one.values = one.values.detach().requires_grad_()
        _signal(encoder(one), [row]).backward()
        assert one.values.grad is not None
        require_equal(found[row, :length], one.values.grad[0], f"input gradient of row {row}")
        require(not found[row, length:].any(), f"row {row}: the padding has a gradient")


def check_order(make: MakeEncoder) -> None:
    """The order of the batch does not matter."""
    encoder, given = _made(make), features(SIZE)
    order = [2, 0, 3, 1]
    batch, other = encoder(given), encoder(_permuted(given, order))
    for place, row in enumerate(order):
        length = LENGTHS[row]
        require_equal(
            other.states[place, :length], batch.states[row, :length], f"states of row {row}, moved"
        )
        require_equal(other.summary[place], batch.summary[row], f"summary of row {row}, moved")


def check_lengths(make: MakeEncoder) -> None:
    """One step and very many give finite states."""
    encoder = _made(make)
    for length in (1, LONG):
        encoded = encoder(features(SIZE, [length]))
        finite = torch.isfinite(encoded.states).all() and torch.isfinite(encoded.summary).all()
        require(bool(finite), f"a sequence of {length} steps gives values that are not finite")


def check_empty(make: MakeEncoder) -> None:
    """An empty batch and a sequence without steps are refused."""
    encoder = _made(make)
    none = torch.tensor([], dtype=torch.int64)
    with refused(ValueError, "an empty batch"):
        encoder(Features(torch.zeros(0, 3, SIZE), none))
    with refused(ValueError, "a sequence of no steps"):
        encoder(Features(torch.zeros(2, 3, SIZE), torch.tensor([3, 0])))


def check_gradients(make: MakeEncoder) -> None:
    """Every parameter gets a finite gradient, in training mode."""
    encoder = _made(make).train()
    _signal(encoder(features(SIZE)), range(len(LENGTHS))).backward()
    require_finite_gradients(encoder)


def check_round_trip(make: MakeEncoder) -> None:
    """The weights survive a safetensors file."""
    encoder = _made(make)
    torch.manual_seed(2)
    require_round_trip(
        encoder, make(SIZE), lambda one: _signal(one(features(SIZE)), range(len(LENGTHS)))
    )


def check_causality(make: MakeEncoder) -> None:
    """Where claimed: no state depends on a later step, and ``step`` equals ``forward``."""
    encoder = _made(make)
    if not encoder.causal:
        return
    given = features(SIZE, [6, 6])
    with torch.no_grad():
        encoded = encoder(given)
        changed = Features(given.values.clone(), given.lengths)
        changed.values[:, 4:] += 1
        require_equal(
            encoder(changed).states[:, :4], encoded.states[:, :4], "states before a changed step"
        )
        state = encoder.initial_state(2)
        for position in range(6):
            output, state = encoder.step(given.values[:, position], state)
            require_equal(output, encoded.states[:, position], f"step {position} against forward")


def check_continuation(make: MakeEncoder) -> None:
    """Where causal: going on from ``final_state`` equals reading all at once."""
    encoder = _made(make)
    if not encoder.causal:
        return
    given = features(SIZE, [6, 6])
    with torch.no_grad():
        whole = encoder(given)
        first = encoder(Features(given.values[:, :4], torch.tensor([4, 4])))
        rest = encoder(Features(given.values[:, 4:], torch.tensor([2, 2])), first.final_state)
    require_equal(rest.states, whole.states[:, 4:], "states after going on")


ENCODER_CHECKS: tuple[Callable[[MakeEncoder], None], ...] = (
    check_sizes,
    check_padding,
    check_input_gradients,
    check_order,
    check_lengths,
    check_empty,
    check_gradients,
    check_round_trip,
    check_causality,
    check_continuation,
)
