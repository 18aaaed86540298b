"""What every frontend promises, as checks."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from seqloom.data.collate import EncodedExample
from seqloom.data.encode import Codecs
from seqloom.errors import ExampleError
from seqloom.interfaces import (
    Arrays,
    Example,
    Features,
    Frontend,
    FrontendCodec,
    Inputs,
)
from seqloom.testing.compare import (
    ConformanceError,
    describe_error,
    pickled,
    require,
    require_counts,
    require_equal,
    require_raises,
    require_same_arrays,
    require_stable_hashes,
    require_unchanged,
    stored,
)
from seqloom.testing.modules import (
    Probe,
    gradients,
    require_equal_gradients,
    require_finite_gradients,
    require_padding_ignored,
)
from seqloom.testing.ranks import quiet_forks
from seqloom.testing.samples import LONG, OPENING, inputs_with_markup

LIMIT = 60.0
"""Seconds that a worker of a data loader may take for an example."""


@dataclass(frozen=True)
class FrontendCase:
    """A frontend class with parameters, and examples to check it on.

    Attributes:
        cls: Frontend class.
        examples: A few examples; one has a single step.
        params: Parameters by name.
    """

    cls: type[Frontend]
    examples: Sequence[Example]
    params: Mapping[str, Any] = field(default_factory=dict)

    def codec(self) -> FrontendCodec:
        """Return a fitted codec."""
        codec = self.cls.make_codec(**self.params)
        codec.restore(codec.fit(self.prepared(codec)))
        return codec

    def prepared(self, codec: FrontendCodec) -> list[Example]:
        """Return the examples as the codec prepares them."""
        return [codec.prepare(example) for example in self.examples]

    def probe(self) -> FrontendProbe:
        """Return how to build and run it for the checks that all networks share."""
        codec = self.codec()
        codecs = Codecs(codec, {})
        encoded = [codecs.encode_inputs(example) for example in self.prepared(codec)]
        return FrontendProbe(self, codec, encoded, range(len(encoded)))


@dataclass(frozen=True)
class FrontendProbe(Probe[Frontend]):
    """Runs a frontend on the encoded examples of a case.

    Attributes:
        case: Frontend and examples.
        codec: Fitted codec.
        encoded: Examples, encoded by it.
        rows: Their positions.
    """

    case: FrontendCase
    codec: FrontendCodec
    encoded: Sequence[EncodedExample]
    rows: Sequence[int]
    noun = "features"

    def new(self) -> Frontend:
        """Return a new frontend."""
        return self.case.cls(self.codec, **self.case.params)

    def batch(self, rows: Sequence[int] | None = None) -> Inputs:
        """Return some examples, or all, padded."""
        return self.batch_of([self.encoded[row] for row in (self.rows if rows is None else rows)])

    def batch_of(self, encoded: Sequence[EncodedExample]) -> Inputs:
        """Return some encoded examples, padded."""
        return Codecs(self.codec, {}).collate()(encoded).inputs

    def outputs(self, module: Frontend, device: torch.device | None = None) -> Tensor:
        """Return the features of all examples without the padding as one vector."""
        batch = self.batch()
        return _valid(module(batch if device is None else batch.to(device)))

    def loss(self, module: Frontend, rows: Sequence[int]) -> Tensor:
        """Return the weighted sum of the features of some examples."""
        return signal(module(self.batch(rows)), rows)


def signal(given: Features, rows: Sequence[int]) -> Tensor:
    """Return a scalar in which every valid feature of some rows has its own weight."""
    total = given.values.new_zeros((), requires_grad=True)  # a frontend may have no weights
    for place, row in enumerate(rows):
        values = given.values[place, : int(given.lengths[place])]
        weights = torch.arange(1.0, values.numel() + 1, device=values.device).reshape(values.shape)
        total = total + (row + 1) * (values * weights.sin()).sum()
    return total


def _valid(given: Features) -> Tensor:
    where = given.lengths.device
    require(where.type == "cpu", f"lengths are on {where}; expected on the CPU")
    rows = zip(given.values, given.lengths.tolist(), strict=True)
    return torch.cat([values[:length].flatten() for values, length in rows]).float()


def check_sizes(case: FrontendCase) -> None:
    """Features have ``output_size`` columns and the lengths that ``frames`` predicted.

    So has what ``steps`` returns, if it names the steps.
    """
    probe = case.probe()
    frontend = probe.seeded()
    given = frontend(probe.batch())
    size, columns = frontend.output_size, given.values.shape[-1]
    require(columns == size, f"features have {columns} columns, output_size is {size}")
    lengths, frames = given.lengths.tolist(), [row.frames for row in probe.encoded]
    require(lengths == frames, f"lengths are {lengths}, but frames() returned {frames}")
    _valid(given)  # lengths are on the CPU
    for name, found in (("frames", frames), ("cost", [row.cost for row in probe.encoded])):
        require(min(found) > 0, f"{name}() returns {found}; expected positive numbers")
    for row in probe.encoded:
        texts = list(probe.codec.steps(row.example))
        require(
            len(texts) in (0, row.frames) and all(isinstance(one, str) for one in texts),
            f"steps() returns {texts!r} for {row.frames} frames; expected a text for each, or none",
        )


def check_padding(case: FrontendCase) -> None:
    """An example has the same values and gradients alone and in a padded batch."""
    probe = case.probe()
    frontend = probe.seeded()
    batch = frontend(probe.batch())
    signal(batch, probe.rows).backward()
    together = gradients(frontend)
    for row in probe.rows:
        one = frontend(probe.batch([row]))
        length = int(one.lengths[0])
        require_equal(one.values[0], batch.values[row, :length], f"features of row {row}, alone")
        signal(one, [row]).backward()
    require_equal_gradients(gradients(frontend), together, frontend, "alone against padded")


def check_training(case: FrontendCase) -> None:
    """In training mode, more padding changes neither features nor running statistics."""
    probe = case.probe()
    longest = max(probe.rows, key=lambda row: probe.encoded[row].frames)
    others = [row for row in probe.rows if row != longest]
    plain, more = probe.batch(others), _select(probe.batch(), others)
    require_padding_ignored(
        probe.seeded, lambda one, padded: _valid(one(more if padded else plain))
    )


def _select(batch: Inputs, rows: Sequence[int]) -> Inputs:
    """Return some rows of a batch, with the padding that they have in it."""
    chosen = list(rows)
    return Inputs(
        {name: tensor[chosen] for name, tensor in batch.tensors.items()},
        {name: lengths[chosen] for name, lengths in batch.lengths.items()},
    )


def check_order(case: FrontendCase) -> None:
    """The order of the batch does not matter."""
    probe = case.probe()
    frontend = probe.seeded()
    batch = frontend(probe.batch())
    other = frontend(probe.batch(probe.rows[::-1]))
    for row in probe.rows:
        length = int(batch.lengths[row])
        place = len(probe.rows) - 1 - row
        require_equal(
            other.values[place, :length],
            batch.values[row, :length],
            f"features of row {row}, moved",
        )


def check_lengths(case: FrontendCase) -> None:
    """The shortest example and a very long one give finite features and gradients.

    A very long one is made by repeating what can be repeated: texts and lists.
    """
    probe = case.probe()
    frontend = probe.seeded()
    encoded = sorted(probe.encoded, key=lambda one: one.frames)
    for one in (encoded[0], _repeated(probe.codec, encoded[-1])):
        given = frontend(probe.batch_of([one]))
        finite = bool(torch.isfinite(_valid(given)).all())
        require(finite, f"an example of {one.frames} steps has features that are not finite")
        signal(given, [0]).backward()
        require_finite_gradients(frontend, f"with {one.frames} steps")


def _repeated(codec: FrontendCodec, one: EncodedExample) -> EncodedExample:
    """Return an example many times as long, or the same if its fields cannot be repeated."""
    times = -(-LONG // one.frames)
    fields = {
        name: value * times if isinstance(value, str | list) else value
        for name, value in one.example.fields.items()
    }
    try:
        return Codecs(codec, {}).encode_inputs(codec.prepare(Example("long", fields)))
    except ExampleError:  # a text may be a file's name
        return one


def check_codec(case: FrontendCase) -> None:
    """The codec's state is JSON, it can be pickled, and it encodes the same every time.

    Fitting from what it counts in parts of the examples gives the same state.
    """
    codec = case.codec()
    prepared = case.prepared(codec)
    require_counts(codec, prepared)
    require_unchanged(codec, prepared)
    require_stable_hashes(codec, prepared)
    again = case.cls.make_codec(**case.params)
    again.restore(stored(codec.fit(prepared)))
    for other in (codec, again, pickle.loads(pickle.dumps(codec))):
        for example in prepared:
            require_same_arrays(other.encode(example), codec.encode(example))
    for example in prepared:
        fields = codec.prepare(example).fields
        same = set(fields) == set(example.fields) and all(
            fields[name] is value or np.array_equal(fields[name], value)
            for name, value in example.fields.items()
        )
        require(same, "prepare() is not idempotent")


def check_workers(case: FrontendCase) -> None:
    """A codec encodes the same in a worker of a data loader.

    What a codec keeps outside itself, in its module or class, is found in a forked process too:
    this check does not notice that it would be missing elsewhere.
    """
    codec = case.codec()
    prepared = case.prepared(codec)
    sent = _Sent(pickled(codec, "the codec"), prepared)
    loader = DataLoader(sent, batch_size=None, num_workers=1, timeout=LIMIT)
    with quiet_forks():
        try:
            arrays = list(loader)
        except RuntimeError as error:  # the same for a worker that hangs and one that died
            raise ConformanceError(
                f"a worker of a data loader died, or encoded no example within {LIMIT:g} s: "
                f"{error}; does encode() wait for something that is not there?"
            ) from error
    for example, found in zip(prepared, arrays, strict=True):
        if isinstance(found, str):
            raise ConformanceError(f"in a worker of a data loader, encode() {found}")
        require_same_arrays(found, codec.encode(example), "in a worker of a data loader, ")


class _Sent(Dataset[Arrays | str]):
    """Encodes examples in a worker, by a codec that arrived in bytes."""

    def __init__(self, codec: bytes, examples: Sequence[Example]) -> None:
        self.codec = codec
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: int) -> Arrays | str:
        """Return the arrays, or a description of the error."""
        try:
            codec: FrontendCodec = pickle.loads(self.codec)
            return codec.encode(self.examples[place])
        except Exception as error:
            return describe_error(error)


def check_augment(case: FrontendCase) -> None:
    """Augmentation depends on its generator alone, and does not change its argument."""
    probe = case.probe()
    codec = probe.codec
    for one in probe.encoded:
        before = {name: array.copy() for name, array in one.inputs.items()}
        first = codec.augment(one.inputs, np.random.default_rng(3))
        second = codec.augment(one.inputs, np.random.default_rng(3))
        for name, array in before.items():
            require(
                np.array_equal(array, one.inputs[name]),
                f"augment() changes its argument's {name!r}",
            )
            require(
                np.array_equal(first[name], second[name]),
                f"augment() is random beyond rng: {name!r}",
            )
        require(codec.frames(first) > 0, "augment() leaves no frames")


def check_show(case: FrontendCase) -> None:
    """``show`` escapes all text in HTML, and places each step, or none."""
    codec = case.codec()
    for example in case.prepared(codec):
        hostile = inputs_with_markup(example)
        with suppress(ExampleError):  # a text may have to be of some form
            hostile = codec.prepare(hostile)
        view = codec.show(hostile)
        before, found, _ = view.html.partition(OPENING)
        require(not found, f"show() does not escape texts: …{before[-40:]}{found}")
        frames = codec.frames(codec.encode(example))
        places = len(codec.show(example).places)
        require(places in (0, frames), f"show() has {places} places for {frames} frames")


def check_bad(case: FrontendCase) -> None:
    """An example without fields is rejected with an `ExampleError`."""
    codec = case.codec()
    with require_raises(ExampleError, "an example without fields"):
        codec.encode(codec.prepare(Example("bad", {})))
