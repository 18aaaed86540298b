"""Augmentation of features in training.

Features are changed rather than samples, which takes microseconds and needs no new transform. Masks
are those of SpecAugment (Park et al. 2019, arXiv 1904.08779); frequencies are warped as by Jaitly
and Hinton 2013, "Vocal tract length perturbation (VTLP) improves speech recognition".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqloom_sound.features.mel import MelSpectrum, from_mel, to_mel, to_mels
from seqloom_sound.features.noise import Noise
from seqloom_sound.schemas.frontend import SpecAugment

ANCHORS = 5
"""Number of bands whose loudness is changed at random; that of the others lies between."""

LINEAR = 0.8
"""Share of the frequencies that a warp multiplies; those above are squeezed up to the highest."""


@dataclass(frozen=True)
class Augmenter:
    """Changes normalized features at random.

    Attributes:
        limits: Limits of the changes.
        mean: Mean of each band, (bands,) float32, in nats.
        deviation: Deviation of each band, (bands,) float32, in nats.
        spectrum: How features were computed.
        noise: Noise that is mixed in.
        decibel: Increase of each normalized band per decibel, (bands,) float64.
    """

    limits: SpecAugment
    mean: np.ndarray
    deviation: np.ndarray
    spectrum: MelSpectrum
    noise: Noise
    decibel: np.ndarray

    def __call__(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return augmented features.

        Args:
            values: Normalized features, (T, bands) float32.
            rng: Generator of the changes.

        Returns:
            Features, (T', bands), where T' ≥ 1 depends on ``stretch`` and ``speed``.
        """
        limits = self.limits
        slower = rng.uniform(-limits.stretch, limits.stretch)
        higher = 0.0
        if limits.speed:
            faster = rng.uniform(-limits.speed, limits.speed)
            slower, higher = slower - faster, faster
        if limits.warp:
            higher += rng.uniform(-limits.warp, limits.warp)
        values = stretched(values, slower)
        if higher:
            values = self._warped(values, higher)
        louder = np.full(values.shape[1], rng.uniform(-limits.gain, limits.gain))
        if limits.equalize:
            louder += _curve(limits.equalize, len(louder), rng)
        values = values + (louder * self.decibel).astype(values.dtype)
        if limits.noise and rng.random() < limits.noise:
            values = self._noisy(values, rng)
        for _ in range(limits.time_masks):
            values[_span(len(values), limits.time_share, rng)] = 0
        for _ in range(limits.band_masks):
            values[:, _span(values.shape[1], limits.band_share, rng)] = 0
        return values

    def _warped(self, values: np.ndarray, higher: float) -> np.ndarray:
        bands = warped(self._nats(values), self.spectrum, float(np.exp(higher)))
        return self._normalized(bands)

    def _noisy(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        limits = self.limits
        decibel = rng.uniform(limits.snr_low, limits.snr_high)
        mixed = self.noise.mixed(self._nats(values), decibel, limits.noise_color, rng)
        return self._normalized(mixed)

    def _nats(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values * self.deviation + self.mean)

    def _normalized(self, logarithms: np.ndarray) -> np.ndarray:
        return np.asarray((logarithms - self.mean) / self.deviation)


def _curve(limit: float, bands: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random change of each band, (bands,), within ± the limit."""
    anchors = np.linspace(0, bands - 1, ANCHORS)
    return np.interp(np.arange(bands), anchors, rng.uniform(-limit, limit, ANCHORS))


def stretched(values: np.ndarray, factor: float) -> np.ndarray:
    """Return e^factor times as many frames, interpolated linearly."""
    count = max(1, round(len(values) * np.exp(factor)))
    places = np.linspace(0, len(values) - 1, count)
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(values) - 1)
    share = (places - before)[:, None].astype(values.dtype)
    return np.asarray(values[before] * (1 - share) + values[after] * share)


def warped(values: np.ndarray, spectrum: MelSpectrum, factor: float) -> np.ndarray:
    """Return features of the sound with its frequencies multiplied by a factor.

    Values between two bands are interpolated. Frequencies above `LINEAR` of the highest band's end
    are mapped linearly so that this end stays where it is, as with Jaitly and Hinton.

    Args:
        values: Logarithms of the power, (T, bands).
        spectrum: How they were computed.
        factor: Factor of the frequencies, more than 0.
    """
    mels = np.linspace(to_mel(spectrum.low), to_mel(spectrum.high), values.shape[1] + 2)
    high = spectrum.high
    bend = LINEAR * high * min(factor, 1.0)
    hertz = np.interp(from_mel(mels[1:-1]), [0, bend, high], [0, bend / factor, high])
    places = (to_mels(hertz) - mels[1]) / (mels[1] - mels[0])
    places = np.clip(places, 0, values.shape[1] - 1)
    below = np.floor(places).astype(int)
    above = np.minimum(below + 1, values.shape[1] - 1)
    share = (places - below).astype(values.dtype)
    return np.asarray(values[:, below] * (1 - share) + values[:, above] * share)


def _span(length: int, share: float, rng: np.random.Generator) -> slice:
    width = int(rng.integers(0, int(length * share) + 1))
    start = int(rng.integers(0, length - width + 1))
    return slice(start, start + width)
