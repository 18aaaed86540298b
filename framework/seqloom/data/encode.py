"""Encode examples, and reject those that cannot be encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from seqloom.data.collate import Collate, EncodedExample
from seqloom.data.progress import progress
from seqloom.data.rejected import Rejected
from seqloom.errors import Cause, ExampleError, PluginError, kind_of
from seqloom.interfaces import Arrays, Example, FrontendCodec, HeadCodec

NUMBERS = "biufc"
"""Kinds of NumPy's types that files and tensors hold; others are references, or texts."""


@dataclass(frozen=True)
class Codecs:
    """The codecs of a pipeline: one frontend's, and each head's by the head's name."""

    frontend: FrontendCodec
    heads: Mapping[str, HeadCodec]

    def collate(self) -> Collate:
        """Return the function that pads encoded examples into batches."""
        targets = {name: codec.padding for name, codec in self.heads.items()}
        return Collate(self.frontend.padding, targets)

    def encode_inputs(self, example: Example) -> EncodedExample:
        """Return the (prepared) example encoded without its targets.

        Raises:
            ExampleError: the frontend cannot read it, or what is given to a head is invalid.
        """
        inputs = _checked(self.frontend, example, self.frontend.encode(example))
        cost, frames = self.frontend.cost(inputs), self.frontend.frames(inputs)
        given = {name: codec.given(example) for name, codec in self.heads.items()}
        given = {
            name: _checked(self.heads[name], example, arrays)
            for name, arrays in given.items()
            if arrays
        }
        return EncodedExample(example, inputs, {}, cost, frames, given=given)

    def encode(self, example: Example, unknown: list[ExampleError] | None = None) -> EncodedExample:
        """Return the (prepared) example encoded with its targets.

        Args:
            example: Prepared example.
            unknown: For examples to evaluate on: collects why a target cannot be predicted that
                predictions can be compared with all the same. None: such examples are rejected.

        Raises:
            ExampleError: it cannot be encoded, or a head cannot emit its target.
        """
        encoded = self.encode_inputs(example)
        for name, codec in self.heads.items():
            try:
                target = codec.encode(example)
            except ExampleError as error:
                if unknown is None:
                    raise
                target = codec.encode_truth(example)
                unknown.append(error)
            encoded.targets[name] = _checked(codec, example, target)
            codec.check(example, target, encoded.frames)
            encoded.cost = max(encoded.cost, codec.cost(target))
            encoded.terms = max(encoded.terms, codec.terms(target))
        return encoded

    @property
    def augments(self) -> bool:
        """Whether a codec augments, so that ``augment`` may change an example."""
        return type(self.frontend).augment is not FrontendCodec.augment or any(
            type(codec).augment is not HeadCodec.augment for codec in self.heads.values()
        )

    def augment(
        self,
        encoded: EncodedExample,
        rng: np.random.Generator,
        example: Callable[[], Example] | None = None,
    ) -> EncodedExample:
        """Return an augmented copy, or the same example if its targets would no longer fit.

        Args:
            encoded: Encoded example.
            rng: Generator of the augmentation.
            example: Returns the example with its fields, if the encoded one may lack them.
        """
        inputs = self.frontend.augment(encoded.inputs, rng)
        targets = {
            name: codec.augment(encoded.targets[name], rng) for name, codec in self.heads.items()
        }
        changed = any(targets[name] is not own for name, own in encoded.targets.items())
        if inputs is encoded.inputs and not changed:
            return encoded
        frames = self.frontend.frames(inputs)
        augmented = replace(encoded, inputs=inputs, targets=targets, frames=frames)
        if changed or frames != encoded.frames:
            whole = augmented if example is None else replace(augmented, example=example())
            if not self._can_emit(whole):
                return encoded
        return augmented

    def _can_emit(self, encoded: EncodedExample) -> bool:
        try:
            for name, codec in self.heads.items():
                codec.check(encoded.example, encoded.targets[name], encoded.frames)
        except ExampleError:
            return False
        return True


def _checked(codec: FrontendCodec | HeadCodec, example: Example, arrays: Arrays) -> Arrays:
    """Return what a codec returned if files and tensors can hold it.

    Raises:
        PluginError: One of the arrays is none, or has other elements than numbers.
    """
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in NUMBERS:
            is_array = isinstance(array, np.ndarray)
            found = f"an array of {array.dtype}" if is_array else kind_of(array)
            cls = type(codec)
            raise PluginError(
                f"{example.origin or 'example'} ({example.id}): {cls.__module__}.{cls.__name__} "
                f"encodes {name!r} as {found}; expected a NumPy array of numbers. Report this to "
                "the authors of the plugin.",
                cause=Cause.broken_plugin,
            )
    return arrays


def encode(
    codecs: Codecs,
    examples: Iterable[Example],
    rejected: Rejected,
    max_cost: int | None = None,
    unknown: list[ExampleError] | None = None,
) -> list[EncodedExample]:
    """Return prepared examples encoded; see `encoded`."""
    return list(encoded(codecs, examples, rejected, max_cost, unknown))


def encoded(
    codecs: Codecs,
    examples: Iterable[Example],
    rejected: Rejected,
    max_cost: int | None = None,
    unknown: list[ExampleError] | None = None,
) -> Iterator[EncodedExample]:
    """Yield prepared examples encoded.

    Those that cannot be encoded, or cost more than a whole batch may, are rejected; those that can
    only be evaluated on are not if ``unknown`` is passed, see `Codecs.encode`.
    """
    for example in progress(examples, "Encoding"):
        one = encode_one(codecs, example, rejected.errors, max_cost, unknown)
        if one is not None:
            yield one


def encode_one(
    codecs: Codecs,
    example: Example,
    errors: list[ExampleError],
    max_cost: int | None = None,
    unknown: list[ExampleError] | None = None,
) -> EncodedExample | None:
    """Return a prepared example encoded; see `encoded`.

    If it cannot be encoded, this is None, and ``errors`` gets the reason.
    """
    try:
        one = codecs.encode(example, unknown)
        if max_cost is not None and one.cost > max_cost:
            raise ExampleError(
                example,
                f"its cost of {one.cost} is more than a batch may have, {max_cost}; raise "
                "batch.max_cost",
                cause=Cause.over_cost,
            )
    except ExampleError as error:
        errors.append(error)
        return None
    return one
