"""What every encoder promises, as checks."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from seqloom.interfaces import Encoded, Encoder, Features
from seqloom.testing import modules
from seqloom.testing.compare import (
    NotApplicable,
    pickled,
    require,
    require_equal,
    require_raises,
)
from seqloom.testing.modules import (
    Probe,
    gradients,
    require_equal_gradients,
    require_finite_gradients,
    require_padding_ignored,
)
from seqloom.testing.samples import LENGTHS, LONG, features

SIZE = 6

ROWS = range(len(LENGTHS))

PADDED_TOLERANCE = 0.01
"""Between alone and padded, both in bfloat16."""


@dataclass(frozen=True)
class EncoderCase:
    """An encoder under check.

    Attributes:
        cls: Encoder class, or a function; called with the input size and the parameters.
        params: Parameters by name.
    """

    cls: Callable[..., Encoder]
    params: Mapping[str, Any] = field(default_factory=dict)

    def make(self, input_size: int) -> Encoder:
        """Return a new encoder."""
        return self.cls(input_size, **self.params)

    def encoder(self) -> Encoder:
        """Return a new encoder in eval mode, the same one every time."""
        return self.probe().seeded()

    def probe(self) -> EncoderProbe:
        """Return how to build and run it for the checks that all networks share."""
        return EncoderProbe(self)


@dataclass(frozen=True)
class EncoderProbe(Probe[Encoder]):
    """Runs an encoder on random features."""

    case: EncoderCase
    rows: Sequence[int] = ROWS

    def new(self) -> Encoder:
        """Return a new encoder."""
        return self.case.make(SIZE)

    def outputs(self, module: Encoder, device: torch.device | None = None) -> Tensor:
        """Return all valid states, then the summaries, (N, D)."""
        given = features(SIZE)
        return outputs(module, Features(given.values.to(device or "cpu"), given.lengths))

    def loss(self, module: Encoder, rows: Sequence[int]) -> Tensor:
        """Return the weighted sum of states and summaries of some sequences."""
        return signal(module(_select(features(SIZE), rows)), rows)


def signal(encoded: Encoded, rows: Sequence[int] = ROWS) -> Tensor:
    """Return a scalar in which every valid state and summary of some rows has its own weight."""
    total = encoded.states.new_zeros((), requires_grad=True)  # it may have no weights
    for place, row in enumerate(rows):
        length = int(encoded.lengths[place])
        states = encoded.states[place, :length]
        weights = torch.arange(1.0, states.numel() + 1, device=states.device).reshape(states.shape)
        total = (
            total + (row + 1) * (states * weights.sin()).sum() + encoded.summary[place].cos().sum()
        )
    return total


def outputs(encoder: Encoder, given: Features) -> Tensor:
    """Return all valid states and the summaries of a batch, one below the other."""
    encoded = encoder(given)
    where = encoded.lengths.device
    require(where.type == "cpu", f"lengths are on {where}; expected on the CPU")
    rows = [encoded.states[row, :length] for row, length in enumerate(given.lengths.tolist())]
    return torch.cat([*rows, encoded.summary])


def _alone(given: Features, row: int) -> Features:
    """Return one row without its padding."""
    length = int(given.lengths[row])
    return Features(given.values[row : row + 1, :length], given.lengths[row : row + 1])


def _select(given: Features, rows: Sequence[int]) -> Features:
    """Return some rows in this order."""
    return Features(given.values[list(rows)], given.lengths[list(rows)])


def check_sizes(case: EncoderCase) -> None:
    """``output_size`` is known before any data, and is the size of states and summary."""
    encoder, given = case.encoder(), features(SIZE)
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
    outputs(encoder, given)  # lengths are on the CPU


def check_padding(case: EncoderCase) -> None:
    """A sequence has the same values and gradients alone and in a batch padded with NaN."""
    encoder, given = case.encoder(), features(SIZE)
    batch = encoder(given)
    require_equal(given.values, features(SIZE).values, "forward changes the features that it reads")
    signal(batch).backward()
    together = gradients(encoder)
    for row, length in enumerate(LENGTHS):
        one = encoder(_alone(given, row))
        require_equal(one.states[0], batch.states[row, :length], f"states of row {row}, alone")
        require_equal(one.summary[0], batch.summary[row], f"summary of row {row}, alone")
        signal(one, [row]).backward()
    require_equal_gradients(gradients(encoder), together, encoder, "alone against padded")


def check_training(case: EncoderCase) -> None:
    """In training mode, more padding changes neither outputs nor running statistics."""
    plain = features(SIZE)
    B, T = plain.values.shape[:2]
    more = Features(torch.full((B, 2 * T, SIZE), torch.nan), plain.lengths)
    more.values[:, :T] = plain.values
    require_padding_ignored(
        case.encoder, lambda one, padded: outputs(one, more if padded else plain)
    )


def check_input_gradients(case: EncoderCase) -> None:
    """Gradients of the inputs are the same alone and padded, and zero in the padding.

    Some gradient reaches them: the frontend learns from it.
    """
    encoder, given = case.encoder(), features(SIZE)
    given.values = given.values.nan_to_num().requires_grad_()
    signal(encoder(given)).backward()
    found = _gradient(given)
    require(bool(found.any()), "no gradient reaches the features, so no frontend would learn")
    for row, length in enumerate(LENGTHS):
        one = _alone(given, row)
        one.values = one.values.detach().requires_grad_()
        signal(encoder(one), [row]).backward()
        require_equal(found[row, :length], _gradient(one)[0], f"input gradient of row {row}")
        require(not found[row, length:].any(), f"row {row}: the padding has a gradient")


def _gradient(given: Features) -> Tensor:
    grad = given.values.grad
    return torch.zeros_like(given.values) if grad is None else grad


def check_order(case: EncoderCase) -> None:
    """The order of the batch does not matter."""
    encoder, given = case.encoder(), features(SIZE)
    order = [2, 0, 3, 1]
    batch, other = encoder(given), encoder(_select(given, order))
    for place, row in enumerate(order):
        length = LENGTHS[row]
        require_equal(
            other.states[place, :length], batch.states[row, :length], f"states of row {row}, moved"
        )
        require_equal(other.summary[place], batch.summary[row], f"summary of row {row}, moved")


def check_lengths(case: EncoderCase) -> None:
    """Sequences of one step and of very many steps give finite states and gradients.

    Several sequences of one step, whose batch has a dimension of size 1, are like single ones.
    """
    encoder = case.encoder()
    given = features(SIZE, [1, 1, 1])
    batch = encoder(given).states
    for row, states in enumerate(batch):
        one = encoder(_alone(given, row)).states[0]
        require_equal(states, one, f"states of row {row} of three with one step")
    for length in (1, LONG):
        encoded = encoder(features(SIZE, [length]))
        finite = all(bool(one.isfinite().all()) for one in (encoded.states, encoded.summary))
        require(finite, f"a sequence of {length} steps gives values that are not finite")
        signal(encoded, [0]).backward()
        require_finite_gradients(encoder, f"with {length} steps")


def check_empty(case: EncoderCase) -> None:
    """An empty batch and a sequence without steps are rejected."""
    encoder = case.encoder()
    none = torch.tensor([], dtype=torch.int64)
    with require_raises(ValueError, "an empty batch"):
        encoder(Features(torch.zeros(0, 3, SIZE), none))
    with require_raises(ValueError, "a sequence without steps"):
        encoder(Features(torch.zeros(2, 3, SIZE), torch.tensor([3, 0])))


def check_causality(case: EncoderCase) -> None:
    """If causal: no state depends on a later step, and ``step`` equals ``forward``."""
    encoder = _causal(case)
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


def check_continuation(case: EncoderCase) -> None:
    """If causal: continuing from ``final_state`` equals reading everything at once."""
    encoder = _causal(case)
    first, rest = features(SIZE, [4, 2, 5]), features(SIZE, [2, 3, 1])
    with torch.no_grad():
        found = encoder(rest, encoder(first).final_state).states
        for row, length in enumerate(rest.lengths.tolist()):
            values = torch.cat([_alone(first, row).values, _alone(rest, row).values], 1)
            whole = encoder(Features(values, torch.tensor([values.shape[1]]))).states
            require_equal(
                found[row, :length], whole[0, -length:], f"states of row {row}, continued"
            )


def _causal(case: EncoderCase) -> Encoder:
    encoder = case.encoder()
    if not encoder.causal:
        raise NotApplicable("it does not claim to be causal")
    return encoder


def check_pickle(case: EncoderCase) -> None:
    """It can be pickled, and has the same outputs after unpickling."""
    probe = case.probe()
    encoder = probe.seeded()
    again = pickle.loads(pickled(encoder))
    with torch.no_grad():
        found, expected = probe.outputs(again), probe.outputs(encoder)
    require_equal(found, expected, "outputs after pickling", 0.0)


def check_device(case: EncoderCase) -> None:
    """It moves to another device as a whole, and to double precision.

    Without an accelerator this is approximated: ``to()`` must reach every tensor, and in double
    precision outputs must be double, so that ``forward`` makes nothing of a fixed type. A tensor
    that is made on the CPU inside ``forward`` can still be missed.
    """
    modules.check_device(case)
    given = features(SIZE)
    with torch.no_grad():
        encoded = case.encoder().double()(Features(given.values.double(), given.lengths))
    for name, value in (("states", encoded.states), ("summary", encoded.summary)):
        require(
            value.dtype == torch.float64,
            f"{name} of an encoder in double precision are {value.dtype}",
        )


def check_bfloat16(case: EncoderCase) -> None:
    """Under autocast to bfloat16 outputs are finite, near float32, and equal alone and padded."""
    modules.check_bfloat16(case)
    encoder, given = case.encoder(), features(SIZE)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        together = outputs(encoder, given).float().split([*LENGTHS, len(LENGTHS)])
        single = [outputs(encoder, _alone(given, row)).float() for row in ROWS]
    for row in ROWS:
        batch = torch.cat([together[row], together[-1][row : row + 1]])
        require_equal(single[row], batch, f"row {row}, alone, in bfloat16", PADDED_TOLERANCE)
