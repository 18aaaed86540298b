"""What every encoder promises, as checks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from seqloom.interfaces import Features
from seqloom.testing.compare import (
    NotApplicable,
    gradients,
    refused,
    require,
    require_equal,
    require_equal_gradients,
    require_finite_gradients,
    require_round_trip,
)
from seqloom.testing.encoder_state import (
    check_bfloat16,
    check_determinism,
    check_device,
    check_pickle,
    check_state_dict,
)
from seqloom.testing.encoder_training import check_learning, check_ranks
from seqloom.testing.encoding import (
    LONG,
    SIZE,
    MakeEncoder,
    alone,
    chosen,
    made,
    outputs,
    signal,
)
from seqloom.testing.samples import LENGTHS, features


def check_sizes(make: MakeEncoder) -> None:
    """``output_size`` is known before any data, and is that of states and summary."""
    encoder, given = made(make), features(SIZE)
    size = encoder.output_size
    encoded = encoder(given)
    B, T = given.values.shape[:2]
    require(encoded.states.shape == (B, T, size), f"states are {tuple(encoded.states.shape)}")
    require(encoded.summary.shape == (B, size), f"summary is {tuple(encoded.summary.shape)}")
    require(torch.equal(encoded.lengths, given.lengths), "lengths are not those of the features")
    require(encoded.lengths.device.type == "cpu", "lengths are not on the CPU")


def check_padding(make: MakeEncoder) -> None:
    """A sequence alone gives what it gives in a batch padded with NaN: values and gradients."""
    encoder, given = made(make), features(SIZE)
    batch = encoder(given)
    signal(batch).backward()
    together = gradients(encoder)
    for row, length in enumerate(LENGTHS):
        one = encoder(alone(given, row))
        require_equal(one.states[0], batch.states[row, :length], f"states of row {row}, alone")
        require_equal(one.summary[0], batch.summary[row], f"summary of row {row}, alone")
        signal(one, [row]).backward()
    require_equal_gradients(gradients(encoder), together, encoder, "alone against padded")


def check_input_gradients(make: MakeEncoder) -> None:
    """Gradients of the inputs are the same alone and padded, and zero in the padding."""
    encoder, given = made(make), features(SIZE)
    given.values = given.values.nan_to_num().requires_grad_()
    signal(encoder(given)).backward()
    found = given.values.grad
    assert found is not None
    for row, length in enumerate(LENGTHS):
        one = alone(given, row)
        one.values = one.values.detach().requires_grad_()
        signal(encoder(one), [row]).backward()
        assert one.values.grad is not None
        require_equal(found[row, :length], one.values.grad[0], f"input gradient of row {row}")
        require(not found[row, length:].any(), f"row {row}: the padding has a gradient")


def check_order(make: MakeEncoder) -> None:
    """The order of the batch does not matter."""
    encoder, given = made(make), features(SIZE)
    order = [2, 0, 3, 1]
    batch, other = encoder(given), encoder(chosen(given, order))
    for place, row in enumerate(order):
        length = LENGTHS[row]
        require_equal(
            other.states[place, :length], batch.states[row, :length], f"states of row {row}, moved"
        )
        require_equal(other.summary[place], batch.summary[row], f"summary of row {row}, moved")


def check_lengths(make: MakeEncoder) -> None:
    """One step and very many give finite states, and finite gradients."""
    encoder = made(make)
    for length in (1, LONG):
        found = outputs(encoder, features(SIZE, [length]))
        finite = bool(torch.isfinite(found).all())
        require(finite, f"a sequence of {length} steps gives values that are not finite")
        found.sum().backward()
        worst = [name for name, one in encoder.named_parameters() if not _finite(one.grad)]
        require(not worst, f"of {length} steps, the gradient of {worst[:1]} is not finite")


def check_empty(make: MakeEncoder) -> None:
    """An empty batch and a sequence without steps are refused."""
    encoder = made(make)
    none = torch.tensor([], dtype=torch.int64)
    with refused(ValueError, "an empty batch"):
        encoder(Features(torch.zeros(0, 3, SIZE), none))
    with refused(ValueError, "a sequence of no steps"):
        encoder(Features(torch.zeros(2, 3, SIZE), torch.tensor([3, 0])))


def check_gradients(make: MakeEncoder) -> None:
    """Every parameter gets a finite gradient, in training mode."""
    encoder = made(make).train()
    signal(encoder(features(SIZE))).backward()
    require_finite_gradients(encoder)


def check_round_trip(make: MakeEncoder) -> None:
    """The weights survive a safetensors file."""
    encoder = made(make)
    torch.manual_seed(2)
    require_round_trip(encoder, make(SIZE), lambda one: signal(one(features(SIZE))))


def check_causality(make: MakeEncoder) -> None:
    """Where claimed: no state depends on a later step, and ``step`` equals ``forward``."""
    encoder = made(make)
    if not encoder.causal:
        raise NotApplicable("it does not claim to be causal")
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
    encoder = made(make)
    if not encoder.causal:
        raise NotApplicable("it does not claim to be causal")
    given = features(SIZE, [6, 6])
    with torch.no_grad():
        whole = encoder(given)
        first = encoder(Features(given.values[:, :4], torch.tensor([4, 4])))
        rest = encoder(Features(given.values[:, 4:], torch.tensor([2, 2])), first.final_state)
    require_equal(rest.states, whole.states[:, 4:], "states after going on")


def _finite(gradient: Tensor | None) -> bool:
    return gradient is None or bool(torch.isfinite(gradient).all())


ENCODER_CHECKS: tuple[Callable[[MakeEncoder], None], ...] = (
    check_sizes,
    check_padding,
    check_input_gradients,
    check_order,
    check_lengths,
    check_empty,
    check_gradients,
    check_causality,
    check_continuation,
    check_determinism,
    check_round_trip,
    check_state_dict,
    check_pickle,
    check_device,
    check_bfloat16,
    check_ranks,
    check_learning,
)
