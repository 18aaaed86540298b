"""The result of a profile in plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from seqloom.train.profile.hooks import ENCODER, Seen
from seqloom.train.profile.stopwatch import Label


@dataclass(frozen=True)
class Part:
    """A part of a step.

    Attributes:
        name: Its name.
        forward: Its seconds in a step, without those of the backward pass.
        backward: Seconds of its backward pass.
        paths: How often a layer computed a batch in which way.
    """

    name: str
    forward: float
    backward: float = 0.0
    paths: Mapping[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Its seconds in a step."""
        return self.forward + self.backward


@dataclass(frozen=True)
class Steps:
    """Where a step goes, on average over some.

    Attributes:
        what: ``training`` or ``inference``.
        batches: Number of batches that were measured.
        examples: Number of examples in them.
        steps: Number of their steps (tokens, frames) that the encoder read.
        padded: Number of steps with the padding.
        parts: Parts of a step, in the order of computation; they sum to the whole.
        flop: Floating-point operations of the encoder's matrices for these steps, without padding.
        dtype: Type in which the matrices are multiplied.
        product_rate: FLOP per second of a large matrix product in this type, here.
        peak: Highest memory in bytes; None where the system does not tell.
    """

    what: str
    batches: int
    examples: int
    steps: int
    padded: int
    parts: Sequence[Part]
    flop: int
    dtype: str
    product_rate: float
    peak: int | None

    @property
    def seconds(self) -> float:
        """Seconds of a step."""
        return sum(one.seconds for one in self.parts)

    @property
    def encoder_seconds(self) -> float:
        """Seconds of the encoder in a step."""
        return sum(one.seconds for one in self.parts if one.name.startswith(ENCODER))

    @property
    def rates(self) -> dict[str, float]:
        """Examples and steps a second, the share of padding, and the encoder's FLOP a second."""
        whole, encoder = self.seconds * self.batches, self.encoder_seconds * self.batches
        rate = self.flop / encoder if encoder else 0.0
        return {
            "examples_per_second": self.examples / whole,
            "steps_per_second": self.steps / whole,
            "padding": 1 - self.steps / self.padded,
            "encoder_flop_per_second": rate,
            "encoder_share_of_product_rate": rate / self.product_rate,
        }

    def facts(self) -> dict[str, Any]:
        """Return all of it in plain types."""
        parts = [asdict(one) | {"seconds": one.seconds} for one in self.parts]
        return {**asdict(self), "parts": parts, "seconds": self.seconds, **self.rates}


@dataclass(frozen=True)
class Profile:
    """What `seqloom profile` prints.

    Attributes:
        title: Choices of the config in one line.
        device: Device, as torch names it.
        threads: Number of CPU threads.
        parameters: Number of weights.
        stages: Training and inference.
    """

    title: str
    device: str
    threads: int
    parameters: int
    stages: Sequence[Steps]

    def facts(self) -> dict[str, Any]:
        """Return all of it in plain types."""
        own = {name: one for name, one in vars(self).items() if name != "stages"}
        return own | {one.what: one.facts() for one in self.stages}


def parts_of(seconds: Mapping[Label, float], seen: Seen, batches: int) -> list[Part]:
    """Return the parts of a step from the seconds of their labels in all batches."""
    names = list(dict.fromkeys(label.part for label in seconds))
    return [
        Part(
            name,
            seconds.get(Label(name), 0.0) / batches,
            seconds.get(Label(name, "backward"), 0.0) / batches,
            dict(seen.paths.get(name, {})),
        )
        for name in sorted(names, key=_order)
    ]


ORDER = (
    "waiting for data",
    "encoding the inputs",
    "making batches",
    "moving data to the device",
    "frontend",
    "encoder",
    "head",
    "writing predictions",
    "clipping",
    "optimizer",
    "logging and callbacks",
)
"""Parts in the order of computation; others come last."""


def _order(name: str) -> tuple[int, str]:
    """Return the place of a part; layers come after the encoder's own remainder."""
    known = name.partition(":")[0]
    return (ORDER.index(known) if known in ORDER else len(ORDER)), name
