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
    require_finite_where_any,
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
    SIZE,
    MakeEncoder,
    alone,
    chosen,
    made,
    outputs,
    signal,
)
from seqloom.testing.modules import require_gradients, require_padding_uncounted
from seqloom.testing.samples import LENGTHS, LONG, features


def check_sizes(make: MakeEncoder) -> None:
    """``output_size`` is known before any data, and is that of states and summary."""
    encoder, given = made(make), features(SIZE)
    size = encoder.output_size
    encoded = encoder(given)
    B, T = given.values.shape[:2]
    expected = {"states": (encoded.states, (B, T, size)), "summary": (encoded.summary, (B, size))}
    for name, (found, shape) in expected.items():
        require(
            found.shape == shape,
            f"{name}: shape {tuple(found.shape)}, expected {shape}, as output_size is {size}",
        )
    lengths, known = encoded.lengths.tolist(), given.lengths.tolist()
    require(lengths == known, f"lengths are {lengths}, those of the features {known}")
    where = encoded.lengths.device
    require(where.type == "cpu", f"lengths are on {where}; expected on the CPU")


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


def check_training(make: MakeEncoder) -> None:
    """In training mode further padding changes neither outputs nor what is learnt of them."""
    plain = features(SIZE)
    B, T = plain.values.shape[:2]
    more = Features(torch.full((B, 2 * T, SIZE), torch.nan), plain.lengths)
    more.values[:, :T] = plain.values
    require_padding_uncounted(
        lambda: made(make), lambda one, padded: outputs(one, more if padded else plain)
    )


def check_input_gradients(make: MakeEncoder) -> None:
    """Gradients of the inputs are the same alone and padded, and zero in the padding."""
    encoder, given = made(make), features(SIZE)
    given.values = given.values.nan_to_num().requires_grad_()
    signal(encoder(given)).backward()
    found = _gradient(given)
    for row, length in enumerate(LENGTHS):
        one = alone(given, row)
        one.values = one.values.detach().requires_grad_()
        signal(encoder(one), [row]).backward()
        require_equal(found[row, :length], _gradient(one)[0], f"input gradient of row {row}")
        require(not found[row, length:].any(), f"row {row}: the padding has a gradient")


def _gradient(given: Features) -> Tensor:
    grad = given.values.grad
    return torch.zeros_like(given.values) if grad is None else grad


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
        encoded = encoder(features(SIZE, [length]))
        finite = all(bool(one.isfinite().all()) for one in (encoded.states, encoded.summary))
        require(finite, f"a sequence of {length} steps gives values that are not finite")
        signal(encoded, [0]).backward()
        require_finite_where_any(encoder, f"of {length} steps")


def check_empty(make: MakeEncoder) -> None:
    """An empty batch and a sequence without steps are refused."""
    encoder = made(make)
    none = torch.tensor([], dtype=torch.int64)
    with refused(ValueError, "an empty batch"):
        encoder(Features(torch.zeros(0, 3, SIZE), none))
    with refused(ValueError, "a sequence of no steps"):
        encoder(Features(torch.zeros(2, 3, SIZE), torch.tensor([3, 0])))


def check_gradients(make: MakeEncoder) -> None:
    """Every parameter gets a finite gradient, in training mode, that is not always zero."""
    require_gradients(made(make).train(), lambda encoder: signal(encoder(features(SIZE))))


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
    first, rest = features(SIZE, [4, 2, 5]), features(SIZE, [2, 3, 1])
    with torch.no_grad():
        found = encoder(rest, encoder(first).final_state).states
        for row, length in enumerate(rest.lengths.tolist()):
            parts = [alone(first, row).values, alone(rest, row).values]
            values = torch.cat(parts, 1)
            whole = encoder(Features(values, torch.tensor([values.shape[1]]))).states
            require_equal(
                found[row, :length], whole[0, -length:], f"states of row {row} after going on"
            )


ENCODER_CHECKS: tuple[Callable[[MakeEncoder], None], ...] = (
    check_sizes,
    check_padding,
    check_training,
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
