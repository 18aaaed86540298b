"""Encode a split before training, and find the examples that cannot be used."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seqloom.data.collate import EncodedExample
from seqloom.data.reading import outcomes
from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Arrays, Example, FrontendCodec, HeadCodec, Reader

log = logging.getLogger("seqloom")
SHOWN = 10


@dataclass(frozen=True)
class Codecs:
    """The codecs of a pipeline: one frontend's, and each head's by the head's name."""

    frontend: FrontendCodec
    heads: Mapping[str, HeadCodec]

    def padding(self) -> dict[str, float]:
        """Return the padding values of all arrays by their names in a batch."""
        found = dict(self.frontend.padding)
        for name, codec in self.heads.items():
            found |= {f"{name}/{array}": value for array, value in codec.padding.items()}
        return found

    def inputs(self, example: Example) -> EncodedExample:
        """Return the example encoded without its targets.

        Raises:
            ExampleError: the frontend cannot read it.
        """
        item = self.frontend.encode(example)
        return EncodedExample(example, item, self.frontend.cost(item), self.frontend.frames(item))

    def row(self, example: Example) -> EncodedExample:
        """Return the example encoded with its targets.

        Raises:
            ExampleError: it cannot be encoded, or a head cannot emit its target.
        """
        row = self.inputs(example)
        row.item = row.item | self.targets(example, row.frames)
        return row

    def targets(self, example: Example, frames: int) -> Arrays:
        """Return an example's targets, as ``head/name``, checked against its number of frames.

        Raises:
            ExampleError: a target cannot be encoded, or not be emitted.
        """
        targets: Arrays = {}
        for name, codec in self.heads.items():
            target = codec.encode(example)
            codec.check(example, target, frames)
            targets |= {f"{name}/{array}": value for array, value in target.items()}
        return targets

    def augmented(self, row: EncodedExample, rng: np.random.Generator) -> EncodedExample:
        """Return a row changed for one pass over it, or as it is if its target would not fit."""
        item = self.frontend.augment(row.item, rng)
        frames = self.frontend.frames(item)
        if frames != row.frames and not self._fits(row, frames):
            return row
        return EncodedExample(row.example, item, row.cost, frames)

    def _fits(self, row: EncodedExample, frames: int) -> bool:
        try:
            for name, codec in self.heads.items():
                codec.check(row.example, unscoped(row.item, name), frames)
        except ExampleError:
            return False
        return True


def unscoped(item: Arrays, name: str) -> Arrays:
    """Return the arrays of one head without its name."""
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): array for key, array in item.items() if key.startswith(prefix)
    }


class Bad:
    """Collects the examples that cannot be used, and ends the run unless they may be skipped."""

    def __init__(self, skip: bool, how: str = "on_bad=skip") -> None:
        """Say whether examples may be skipped, and how the user allows it."""
        self.skip = skip
        self.how = how
        self.faults: list[ExampleError] = []

    def settle(self, what: str) -> None:
        """Say what was found.

        Raises:
            DataError: there were bad examples, and they may not be skipped; lists the first.
        """
        _settle({what: self})


def settle(found: Mapping[str, Bad]) -> None:
    """Say what was found in every split, by the split's name.

    Raises:
        DataError: there were bad examples, and they may not be skipped; lists those of all splits.
    """
    _settle({f"the {split} split": bad for split, bad in found.items()})


def _settle(found: Mapping[str, Bad]) -> None:
    found = {what: bad for what, bad in found.items() if bad.faults}
    for what, bad in found.items():
        if bad.skip:
            log.warning("Skipped %s:%s", counted(bad.faults, what), listing(bad.faults))
    # What mends faults, and how to skip them, is said once, after those of all splits.
    remedies = _remedies([fault for bad in found.values() for fault in bad.faults])
    refused = {what: bad for what, bad in found.items() if not bad.skip}
    if refused:
        lists = [refusal(bad.faults, what) for what, bad in refused.items()]
        how = next(iter(refused.values())).how
        end = f"Mend the data, or leave them out with {how}."
        raise DataError("\n".join([*lists, *remedies, end]))
    for remedy in remedies:
        log.warning("%s", remedy)


def refusal(faults: Sequence[ExampleError], what: str) -> str:
    """Return the sentence that examples cannot be used, with the first of them."""
    return f"{counted(faults, what)} cannot be used:{listing(faults)}"


def counted(faults: Sequence[ExampleError], what: str) -> str:
    """Return ``3 examples of the train split``."""
    return f"{len(faults)} example{'s' if len(faults) > 1 else ''} of {what}"


def listing(faults: Sequence[ExampleError]) -> str:
    """Return the first faults, a line each, and how many more there are."""
    lines = [str(fault) for fault in faults[:SHOWN]]
    if len(faults) > SHOWN:
        lines.append(f"… and {len(faults) - SHOWN} more")
    return "".join(f"\n  {line}" for line in lines)


def _remedies(faults: Sequence[ExampleError]) -> list[str]:
    """Return what mends many faults at once, by their classes."""
    kinds = dict.fromkeys(type(fault) for fault in faults)
    found = [kind.remedy([fault for fault in faults if type(fault) is kind]) for kind in kinds]
    return [remedy for remedy in found if remedy]


def read_split(source: Reader, split: str, codec: FrontendCodec, bad: Bad) -> list[Example]:
    """Return a split's examples with derived fields; those that cannot be used go to ``bad``.

    Raises:
        DataError: a file is malformed, or two examples have one id.
    """
    found = []
    for one in outcomes(source.examples(split)):
        if isinstance(one, ExampleError):
            bad.faults.append(one)
        else:
            found.append(one)
    refuse_duplicate_ids(found, f"the {split} split")
    return prepare(codec, found, bad)


def prepare(codec: FrontendCodec, examples: Iterable[Example], bad: Bad) -> list[Example]:
    """Return the examples with derived fields; those that cannot be prepared go to ``bad``."""
    prepared = []
    for example in examples:
        try:
            prepared.append(codec.prepare(example))
        except ExampleError as fault:
            bad.faults.append(fault)
    return prepared


def encode(
    codecs: Codecs, examples: Iterable[Example], bad: Bad, max_cost: int | None = None
) -> list[EncodedExample]:
    """Return the rows of prepared examples.

    Those that cannot be encoded, or cost more than a whole batch may, go to ``bad``.
    """
    rows = []
    for example in examples:
        try:
            row = codecs.row(example)
            if max_cost is not None and row.cost > max_cost:
                raise ExampleError(
                    example,
                    f"its size of {row.cost} is over the {max_cost} that a batch may have; raise "
                    "batch.max_cost",
                )
            rows.append(row)
        except ExampleError as fault:
            bad.faults.append(fault)
    return rows


def refuse_duplicate_ids(examples: Iterable[Example], what: str) -> None:
    """Refuse a data set in which two examples have one id.

    Raises:
        DataError: names the id and both places.
    """
    seen: dict[str, Example] = {}
    for example in examples:
        other = seen.setdefault(example.id, example)
        if other is not example:
            raise DataError(
                f"Two examples of {what} have the id {example.id!r}: "
                f"{other.origin or 'one'} and {example.origin or 'another'}; ids must be unique."
            )
