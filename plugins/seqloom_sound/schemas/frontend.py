"""The parameters of ``frontend=log_mel``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from seqloom.checks import check_option, check_probability
from seqloom.errors import Cause, ConfigError

SUBSAMPLING = (1, 2, 4)
CHANNELS = (16, 32)


def _require(valid: bool, parameter: str, value: object, expected: str) -> None:
    if not valid or value == math.inf:
        raise ConfigError(
            f"frontend.{parameter}={value}: expected {expected}.", cause=Cause.wrong_value
        )


class NoiseColor(StrEnum):
    """Spectrum of noise that is mixed into sounds."""

    any = "any"  # one of the others, chosen at random for each sound
    white = "white"  # equal power at all frequencies
    pink = "pink"  # power falling as 1 / frequency
    measured = "measured"  # as in the quietest tenth of the training frames


@dataclass
class SpecAugment:
    """Random changes of the features in each epoch; zeros change nothing.

    Attributes:
        stretch: The number of frames is multiplied by e^u, with u uniform in ±stretch.
        speed: The sound is played e^u times as fast, with u uniform in ±speed: fewer frames, and
            frequencies e^u times as high.
        warp: Frequencies are multiplied by e^u, with u uniform in ±warp, as by a shorter or longer
            vocal tract (Jaitly and Hinton 2013); the number of frames stays.
        gain: Maximum change of the loudness, in decibels.
        equalize: Maximum change of the loudness of some frequencies, in decibels, as by another
            voice, room or microphone: random at five bands from the lowest to the highest, and
            linear between them. Example: ``10``.
        noise: Probability that noise is added.
        noise_color: Spectrum of the noise.
        snr_low: Lowest ratio of the power of a sound to that of the noise, in decibels.
        snr_high: Highest ratio of the power of a sound to that of the noise, in decibels; ratios
            are uniform from ``snr_low`` to it.
        time_masks: Number of time spans that are set to the mean.
        time_share: Maximum fraction of the frames in a span of ``time_masks``.
        band_masks: Number of spans of neighbouring bands that are set to the mean.
        band_share: Maximum fraction of the bands in a span of ``band_masks``.
    """

    stretch: float = 0.15
    speed: float = 0.0
    warp: float = 0.0
    gain: float = 6.0
    equalize: float = 0.0
    noise: float = 0.0
    noise_color: NoiseColor = NoiseColor.any
    snr_low: float = 5.0
    snr_high: float = 30.0
    time_masks: int = 1
    time_share: float = 0.2
    band_masks: int = 1
    band_share: float = 0.2

    def __post_init__(self) -> None:
        for name in ("stretch", "gain", "equalize", "time_masks", "band_masks"):
            value = getattr(self, name)
            _require(value >= 0, f"augment.{name}", value, "0 or more")
        for name in ("speed", "warp"):
            value = getattr(self, name)
            _require(0 <= value <= 0.5, f"augment.{name}", value, "a number in [0, 0.5]")
        for name in ("time_share", "band_share", "noise"):
            value = getattr(self, name)
            _require(0 <= value <= 1, f"augment.{name}", value, "a number in [0, 1]")
        check_option("frontend.augment.noise_color", self.noise_color, NoiseColor)
        _require(
            self.snr_low <= self.snr_high,
            "augment.snr_low",
            self.snr_low,
            f"no more than frontend.augment.snr_high={self.snr_high}",
        )


@dataclass
class LogMel:
    """Parameters of ``frontend=log_mel``: the log power in bands of the mel scale. Since 0.2.

    Attributes:
        field: Field with the sound.
        rate: Samples per second that sounds are resampled to; 0: the rate of the first training
            sound. Example: ``16000``.
        window: Length of a frame in milliseconds.
        step: Time from one frame to the next in milliseconds.
        bands: Number of bands.
        low: Lower end of the lowest band, in hertz.
        high: Upper end of the highest band, in hertz; 0: half of the rate. Example: ``4000``.
        floor: Smallest power; lower values are raised to it. Full scale is a power near 1 per
            sample.
        center: Whether to subtract from each band its mean over the sound, which removes the
            loudness and what is constant in a voice or a microphone.
        deltas: Whether to add the slope of each band over two frames to either side.
        stack: Number of neighbouring frames in a step.
        stride: Distance of the steps in frames, up to ``stack``; 2 makes half as many steps.
            Example: ``1``.
        subsampling: Frames for each step, 1, 2 or 4: convolutions over time and bands halve the
            number of steps once or twice. Example: ``2``.
        channels: Channels of the 3×3 convolutions, one after another; each halves the number of
            bands, and the first ones the number of steps. Empty: 16, and 32 for the second, as
            many as ``subsampling`` needs. Example: ``[16,32]``.
        size: Size of the vectors after the convolutions, by a linear projection; 0: none.
        dropout: Dropout of the vectors, in training.
        causal: Whether steps never depend on later sound, which a causal encoder needs to follow a
            microphone.
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
    center: bool = False
    deltas: bool = False
    stack: int = 1
    stride: int = 1
    subsampling: int = 1
    channels: list[int] = dataclasses.field(default_factory=list)
    size: int = 128
    dropout: float = 0.0
    causal: bool = False
    augment: SpecAugment = dataclasses.field(default_factory=SpecAugment)

    def __post_init__(self) -> None:
        if isinstance(self.augment, Mapping):
            self.augment = SpecAugment(**self.augment)
        for name in ("rate", "low", "size"):
            value = getattr(self, name)
            _require(value >= 0, name, value, "0 or more")
        for name in ("bands", "stack", "stride"):
            value = getattr(self, name)
            _require(value >= 1, name, value, "1 or more")
        for name in ("window", "step", "floor"):
            value = getattr(self, name)
            _require(value > 0, name, value, "more than 0")
        check_probability("frontend.dropout", self.dropout)
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
        self._check_convolutions()
        self._check_causal()

    def _check_convolutions(self) -> None:
        _require(self.subsampling in SUBSAMPLING, "subsampling", self.subsampling, "1, 2 or 4")
        needed = self.subsampling.bit_length() - 1
        _require(
            all(one >= 1 for one in self.channels)
            and (not self.channels or len(self.channels) >= needed),
            "channels",
            self.channels,
            f"the positive sizes of {needed or 1} or more convolutions, or an empty list",
        )
        _require(
            self.stack == 1 or not self.convolutions,
            "stack",
            self.stack,
            "1 with convolutions (frontend.subsampling, frontend.channels), which join frames too",
        )

    def _check_causal(self) -> None:
        if not self.causal:
            return
        reasons = {"deltas": "later frames", "center": "the whole sound"}
        for name, sees in reasons.items():
            _require(
                not getattr(self, name), name, True, f"false with frontend.causal: it needs {sees}"
            )
        _require(
            self.stack == 1,
            "stack",
            self.stack,
            "1 with frontend.causal, since a stack holds later frames; use frontend.subsampling",
        )

    @property
    def convolutions(self) -> tuple[int, ...]:
        """Channels of the convolutions; empty if there are none."""
        return tuple(self.channels) or CHANNELS[: self.subsampling.bit_length() - 1]
