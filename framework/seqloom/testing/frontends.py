"""What every frontend promises, as checks."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqloom.data.collate import Collate, Row
from seqloom.data.encode import Codecs
from seqloom.errors import ExampleError
from seqloom.interfaces import Example, Features, Frontend, FrontendCodec, SequenceBatch
from seqloom.testing.compare import (
    gradients,
    refused,
    require,
    require_equal,
    require_equal_gradients,
    require_finite_gradients,
    require_round_trip,
    stored,
)


@dataclass(frozen=True)
class FrontendCase:
    """A frontend class with parameters and examples to check it on; one example is of one step."""

    cls: type[Frontend]
    examples: Sequence[Example]
    params: dict[str, Any] = field(default_factory=dict)

    def codec(self) -> FrontendCodec:
        """Return a fitted codec."""
        codec = self.cls.make_codec(**self.params)
        codec.restore(codec.fit(self.prepared(codec)))
        return codec

    def prepared(self, codec: FrontendCodec) -> list[Example]:
        """Return the examples as the codec prepares them."""
        return [codec.prepare(example) for example in self.examples]

    def frontend(self, codec: FrontendCodec) -> Frontend:
        """Return a new frontend in eval mode, the same each time."""
        torch.manual_seed(1)
        return self.cls(codec, **self.params).eval()

    def rows(self, codec: FrontendCodec) -> list[Row]:
        """Return the encoded examples."""
        codecs = Codecs(codec, {})
        return [codecs.inputs(example) for example in self.prepared(codec)]


def _batch(codec: FrontendCodec, rows: Sequence[Row]) -> SequenceBatch:
    return Collate(codec.padding)(rows)


def _signal(given: Features, rows: Sequence[int]) -> Tensor:
    total = given.values.new_zeros((), requires_grad=True)  # a frontend may have no weights
    for place, row in enumerate(rows):
        values = given.values[place, : int(given.lengths[place])]
        weights = torch.arange(1.0, values.numel() + 1).reshape(values.shape).sin()
        total = total + (row + 1) * (values * weights).sum()
    return total


def check_sizes(case: FrontendCase) -> None:
    """Features have ``output_size`` columns and the lengths that ``frames`` foretold."""
    codec = case.codec()
    frontend, rows = case.frontend(codec), case.rows(codec)
    given = frontend(_batch(codec, rows))
    require(given.values.shape[-1] == frontend.output_size, "output_size is not that of features")
    require(given.lengths.tolist() == [row.frames for row in rows], "lengths are not frames()")
    require(given.lengths.device.type == "cpu", "lengths are not on the CPU")
    require(all(row.cost > 0 for row in rows), "cost() must be positive")


def check_padding(case: FrontendCase) -> None:
    """An example alone gives what it gives in a padded batch: values and gradients."""
    codec = case.codec()
    frontend, rows = case.frontend(codec), case.rows(codec)
    batch = frontend(_batch(codec, rows))
    _signal(batch, range(len(rows))).backward()
    together = gradients(frontend)
    for number, row in enumerate(rows):
        one = frontend(_batch(codec, [row]))
        length = int(one.lengths[0])
        require_equal(one.values[0], batch.values[number, :length], f"features of row {number}")
        _signal(one, [number]).backward()
    require_equal_gradients(gradients(frontend), together, frontend, "alone against padded")


def check_order(case: FrontendCase) -> None:
    """The order of the batch does not matter."""
    codec = case.codec()
    frontend, rows = case.frontend(codec), case.rows(codec)
    batch = frontend(_batch(codec, rows))
    other = frontend(_batch(codec, rows[::-1]))
    for row in range(len(rows)):
        length = int(batch.lengths[row])
        place = len(rows) - 1 - row
        require_equal(
            other.values[place, :length],
            batch.values[row, :length],
            f"features of row {row}, moved",
        )


def check_codec(case: FrontendCase) -> None:
    """The codec's state is JSON, it pickles, and it encodes the same each time."""
    codec = case.codec()
    prepared = case.prepared(codec)
    again = case.cls.make_codec(**case.params)
    again.restore(stored(codec.fit(prepared)))
    for other in (codec, again, pickle.loads(pickle.dumps(codec))):
        for example in prepared:
            first, second = codec.encode(example), other.encode(example)
            require(set(first) == set(second), "encode() gives other arrays")
            for name, array in first.items():
                require(np.array_equal(array, second[name]), f"encode() gives another {name!r}")
    for example in prepared:
        fields = codec.prepare(example).fields
        same = set(fields) == set(example.fields) and all(
            np.array_equal(fields[name], value) for name, value in example.fields.items()
        )
        require(same, "prepare() is not idempotent")


def check_augment(case: FrontendCase) -> None:
    """Augmentation depends on its generator alone, and leaves the item as it is."""
    codec = case.codec()
    for row in case.rows(codec):
        before = {name: array.copy() for name, array in row.item.items()}
        one = codec.augment(row.item, np.random.default_rng(3))
        two = codec.augment(row.item, np.random.default_rng(3))
        for name, array in before.items():
            require(np.array_equal(array, row.item[name]), f"augment() changes the item's {name!r}")
            require(
                np.array_equal(one[name], two[name]), f"augment() is random beyond rng: {name!r}"
            )
        require(codec.frames(one) > 0, "augment() leaves an item without frames")


def check_bad(case: FrontendCase) -> None:
    """An example without any field is refused as an `ExampleError`."""
    codec = case.codec()
    with refused(ExampleError, "an example without fields"):
        codec.encode(codec.prepare(Example("bad", {})))


def check_gradients(case: FrontendCase) -> None:
    """Every parameter gets a finite gradient, in training mode."""
    codec = case.codec()
    frontend, rows = case.frontend(codec).train(), case.rows(codec)
    _signal(frontend(_batch(codec, rows)), range(len(rows))).backward()
    require_finite_gradients(frontend)


def check_round_trip(case: FrontendCase) -> None:
    """The weights survive a safetensors file."""
    codec = case.codec()
    frontend, batch = case.frontend(codec), _batch(codec, case.rows(codec))
    torch.manual_seed(2)
    fresh = case.cls(codec, **case.params)
    require_round_trip(frontend, fresh, lambda one: _signal(one(batch), range(len(batch))))


FRONTEND_CHECKS: tuple[Callable[[FrontendCase], None], ...] = (
    check_sizes,
    check_padding,
    check_order,
    check_codec,
    check_augment,
    check_bad,
    check_gradients,
    check_round_trip,
)
