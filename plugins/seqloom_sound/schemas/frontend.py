"""The parameters of ``frontend=log_mel``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from seqloom.errors import ConfigError


def _require(valid: bool, parameter: str, value: object, expected: str) -> None:
    if not valid:
        raise ConfigError(f"frontend.{parameter}={value}: expected {expected}.")


@dataclass
class SpecAugment:
    """Random changes of the features in each epoch; zeros change nothing.

    Attributes:
        stretch: The number of frames is multiplied by e^u, with u uniform in ±stretch.
        gain: Maximum change of the loudness, in decibels.
        time_masks: Number of time spans that are set to the mean.
        time_share: Maximum fraction of the frames in such a span.
        band_masks: Number of spans of neighbouring bands that are set to the mean.
        band_share: Maximum fraction of the bands in such a span.
    """

    stretch: float = 0.15
    gain: float = 6.0
    time_masks: int = 1
    time_share: float = 0.2
    band_masks: int = 1
    band_share: float = 0.2

    def __post_init__(self) -> None:
        for name in ("stretch", "gain", "time_masks", "band_masks"):
            value = getattr(self, name)
            _require(value >= 0, f"augment.{name}", value, "0 or more")
        for name in ("time_share", "band_share"):
            value = getattr(self, name)
            _require(0 <= value <= 1, f"augment.{name}", value, "a number in [0, 1]")


@dataclass
class LogMel:
    """Parameters of ``frontend=log_mel``: the log power in bands of the mel scale.

    Attributes:
        field: Field with the sound.
        rate: Samples per second that sounds are resampled to; 0: the rate of the first training
            sound.
        window: Length of a frame in milliseconds.
        step: Time from one frame to the next in milliseconds.
        bands: Number of bands.
        low: Lower end of the lowest band, in hertz.
        high: Upper end of the highest band, in hertz; 0: half of the rate.
        floor: Smallest power; lower values are raised to it. Full scale is a power near 1 per
            sample.
        deltas: Whether to add the slope of each band over two frames to either side.
        stack: Number of neighbouring frames in a step.
        stride: Distance of the steps in frames; 2 makes half as many steps.
        augment: Random changes of the features in training.
    """

    field: str = "sound"
    rate: int = 0
    window: float = 25.0
    step: float = 10.0
    bands: int = 40
    low: float = 20.0
    high: float = 0.0
    floor: float = 1e-8
    deltas: bool = False
    stack: int = 1
    stride: int = 1
    augment: SpecAugment = dataclasses.field(default_factory=SpecAugment)

    def __post_init__(self) -> None:
        if isinstance(self.augment, Mapping):
            self.augment = SpecAugment(**self.augment)
        for name in ("rate", "low"):
            value = getattr(self, name)
            _require(value >= 0, name, value, "0 or more")
        for name in ("bands", "stack", "stride"):
            value = getattr(self, name)
            _require(value >= 1, name, value, "1 or more")
        for name in ("window", "step", "floor"):
            value = getattr(self, name)
            _require(value > 0, name, value, "more than 0")
        _require(
            self.high == 0 or self.high > self.low,
            "high",
            self.high,
            f"more than frontend.low={self.low}, or 0 for half of the rate",
        )
        _require(
            self.stride <= self.stack,
            "stride",
            self.stride,
            f"no more than frontend.stack={self.stack}: frames between steps would be lost",
        )
