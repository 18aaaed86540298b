"""Augmentation of features in training (SpecAugment, Park et al. 2019, arXiv 1904.08779).

Features are changed rather than samples, which takes microseconds and needs no new transform.
"""

from __future__ import annotations

import numpy as np

from seqloom_sound.schemas.frontend import SpecAugment


def augment_features(
    values: np.ndarray, limits: SpecAugment, decibel: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return augmented features.

    Args:
        values: Features, (T, bands), with mean 0.
        limits: Limits of the changes.
        decibel: Increase of each band per decibel, (bands,).
        rng: Generator of the changes.

    Returns:
        Features, (T', bands), where T' ≥ 1 depends on ``limits.stretch``.
    """
    values = stretched(values, rng.uniform(-limits.stretch, limits.stretch))
    values = values + (rng.uniform(-limits.gain, limits.gain) * decibel).astype(values.dtype)
    for _ in range(limits.time_masks):
        values[_stretch_of(len(values), limits.time_share, rng)] = 0
    for _ in range(limits.band_masks):
        values[:, _stretch_of(values.shape[1], limits.band_share, rng)] = 0
    return values


def stretched(values: np.ndarray, factor: float) -> np.ndarray:
    """Return e^factor times as many frames, interpolated linearly."""
    count = max(1, round(len(values) * np.exp(factor)))
    places = np.linspace(0, len(values) - 1, count)
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(values) - 1)
    share = (places - before)[:, None].astype(values.dtype)
    return np.asarray(values[before] * (1 - share) + values[after] * share)


def _stretch_of(length: int, share: float, rng: np.random.Generator) -> slice:
    width = int(rng.integers(0, int(length * share) + 1))
    start = int(rng.integers(0, length - width + 1))
    return slice(start, start + width)
