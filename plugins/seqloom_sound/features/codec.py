"""The codec of ``log_mel``: from sounds to normalized features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.errors import Cause, ExampleError, did_you_mean
from seqloom.interfaces import Arrays, Example, FrontendCodec, Prediction, View
from seqloom_sound.features.augment import Augmenter
from seqloom_sound.features.mel import MelSpectrum
from seqloom_sound.features.noise import Noise, quietest
from seqloom_sound.features.view import not_shown, view
from seqloom_sound.schemas.frontend import LogMel
from seqloom_sound.sound import is_sound, load_sound, resampled, resampled_size
from seqloom_sound.times import part_times, with_times


class LogMelCodec(FrontendCodec):
    """Codec that encodes a sound as ``log_mel``, (T, bands) float32, with normalized bands.

    Features are computed here, not in the frontend's forward pass: a sound is decoded and
    transformed once, whatever the number of epochs. Augmentation changes the features, which takes
    a fraction of the time of another transform.

    The state contains the ``rate``, and for each band the ``mean`` and ``deviation`` of the
    logarithm of its power over all frames of the training sounds, and its mean power in the
    quietest of them, ``noise``.

    Attributes:
        params: Parameters.
        rate: Samples per second of the sounds that features are computed of.
        spectrum: Computes the power in the bands.
    """

    cell_names = ("start", "end")

    def __init__(self, **params: Any) -> None:
        self.params = LogMel(**params)

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return the fields for a sound that is not in an example: a `Sound` or a path."""
        return {self.params.field: value} if is_sound(value) else None

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the rate, and the mean, the deviation and the noise of each band.

        Raises:
            ExampleError: If a sound is missing, cannot be decoded, or its rate is too low.
            ConfigError: If the bands are not possible at the rate.
        """
        rate = self.params.rate or self._load(examples[0])[1]
        spectrum = self._spectrum_at(rate)
        count = 0
        total, squares, noise = np.zeros((3, self.params.bands))
        for example in examples:
            values = self._logarithms(example, spectrum, rate)
            count += len(values)
            total += values.sum(axis=0)
            squares += (values**2).sum(axis=0)
            noise += quietest(np.exp(values))
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        deviation[deviation < 1e-6] = 1.0  # a band that is constant except for rounding
        return {
            "rate": rate,
            "mean": mean.tolist(),
            "deviation": deviation.tolist(),
            "noise": (noise / len(examples)).tolist(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the rate and the scale of the bands."""
        self.rate = int(state["rate"])
        self._mean = np.array(state["mean"])
        self._deviation = np.array(state["deviation"])
        self.spectrum = self._spectrum_at(self.rate)
        noise = Noise(self.spectrum, state.get("noise"))
        self._augmenter = Augmenter(
            self.params.augment,
            self._mean.astype(np.float32),
            self._deviation.astype(np.float32),
            self.spectrum,
            noise,
            np.log(10) / 10 / self._deviation,
        )

    def encode(self, example: Example) -> Arrays:
        """Return ``log_mel``, (T, bands) float32.

        Raises:
            ExampleError: If there is no sound, it cannot be decoded, or its rate is too low.
        """
        return {"log_mel": self._scaled(self._logarithms(example, self.spectrum, self.rate))}

    def normalized(self, power: np.ndarray) -> np.ndarray:
        """Return the features, (T, bands) float32, for the power in the bands."""
        return self._scaled(np.log(np.maximum(power, self.params.floor)))

    def _scaled(self, logarithms: np.ndarray) -> np.ndarray:
        return np.asarray((logarithms - self._mean) / self._deviation, np.float32)

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        """Return the arrays changed at random; see `SpecAugment`."""
        return {**arrays, "log_mel": self._augmenter(arrays["log_mel"], rng)}

    def too_low(self, rate: int) -> str:
        """Return why the model cannot read sounds of a rate; empty if it can."""
        return too_low(rate, self.rate, self.spectrum)

    def cost(self, arrays: Arrays) -> int:
        """Return the number of frames before they are joined to steps."""
        return len(arrays["log_mel"])

    def frames(self, arrays: Arrays) -> int:
        """Return the number of steps: that of the frames by those of a step, rounded up."""
        return -(-len(arrays["log_mel"]) // self._frames_per_step)

    @property
    def _frames_per_step(self) -> int:
        return self.params.stride * self.params.subsampling  # one of them is 1

    def steps(self, example: Example) -> list[str]:
        """Return when each step begins, in seconds: ``0.12``."""
        samples, own = self._load(example)
        count = self.spectrum.frames(resampled_size(len(samples), own, self.rate))
        seconds = self._frames_per_step * self.spectrum.step / self.rate
        digits = 2 if seconds >= 0.01 else 3
        return [
            f"{number * seconds:.{digits}f}" for number in range(-(-count // self._frames_per_step))
        ]

    def describe(self, example: Example, prediction: Prediction) -> Prediction:
        """Return the prediction with the times of texts and words; see `with_times`."""
        return with_times(example, self.params.field, prediction)

    def cells(self, example: Example, prediction: Prediction) -> list[str]:
        """Return the start and the end of a part of a sound, in seconds; empty for whole sounds."""
        return part_times(example, self.params.field)

    def show(self, example: Example) -> View:
        """Return a picture of the features, with the place of each step; else why it is missing."""
        try:
            samples, own = self._load(example)
            features = self.encode(example)["log_mel"]
        except ExampleError as error:
            return not_shown(error)
        return view(features, self._frames_per_step, samples, own)

    def _spectrum_at(self, rate: int) -> MelSpectrum:
        params = self.params
        return MelSpectrum(
            rate,
            window=params.window,
            step=params.step,
            bands=params.bands,
            low=params.low,
            high=params.high,
        )

    def _logarithms(self, example: Example, spectrum: MelSpectrum, rate: int) -> np.ndarray:
        """Return the logarithms of the power, (T, bands), in nats."""
        samples, own = self._load(example)
        if problem := too_low(own, rate, spectrum):
            raise ExampleError(
                example,
                f"the sound has {problem}. Set frontend.rate={own} and train again, or leave the "
                "sound out.",
            )
        power = spectrum(resampled(samples, own, rate))
        return np.asarray(np.log(np.maximum(power, self.params.floor)))

    def _load(self, example: Example) -> tuple[np.ndarray, int]:
        name = self.params.field
        value = example.fields.get(name)
        if value is None:
            raise ExampleError(
                example,
                f"field {name!r} does not exist. Set frontend.field to the field with the sound. "
                f"{did_you_mean(name, example.fields)}",
                cause=Cause.no_field,
            )
        try:
            return load_sound(value)
        except ValueError as error:
            text = str(error)
            if example.origin is not None and text.startswith(str(example.origin)):
                text = "the file" + text.removeprefix(str(example.origin))  # named by the error
            raise ExampleError(example, text) from error


def too_low(own: int, rate: int, spectrum: MelSpectrum) -> str:
    """Return why a sound of ``own`` samples per second has too few; empty if there are enough."""
    if own >= rate or own / 2 >= spectrum.high:
        return ""
    return (
        f"{own} samples per second, so it contains nothing above {own / 2:g} Hz, but bands go up "
        f"to {spectrum.high:g} Hz"
    )
