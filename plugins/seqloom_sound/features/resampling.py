"""Samples at another rate, of a sound that arrives in pieces."""

from __future__ import annotations

from math import gcd

import numpy as np

from seqloom_sound.sound import resampled_size

HALF = 10
"""Half of the filter, in samples of the lower rate; as `scipy.signal.resample_poly` has it."""


class Resampler:
    """Returns the samples of `seqloom_sound.sound.resampled`, as soon as they are known.

    A sample depends on the input up to `HALF` samples of the lower rate later.

    Args:
        rate: Samples per second of what comes.
        wanted: Samples per second of what is returned.
    """

    def __init__(self, rate: int, wanted: int) -> None:
        from scipy.signal import firwin

        common = gcd(rate, wanted)
        self._up, self._down = wanted // common, rate // common
        self._half = HALF * max(self._up, self._down)
        window = firwin(2 * self._half + 1, 1 / max(self._up, self._down), window=("kaiser", 5.0))
        self._filter = window.astype(np.float32)
        self._rate, self._wanted = rate, wanted
        self._rest = np.zeros(0, np.float32)
        self._start = 0  # place of the first of these in the sound, divisible by `down`
        self._seen = self._given = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Return the samples, (N',) float32, that are known with some more, (N,) float32."""
        self._rest = np.concatenate([self._rest, samples])
        self._seen += len(samples)
        # y[m] needs the inputs k with |m down - k up| <= half
        known = (self._seen * self._up - self._half - 1) // self._down + 1
        return self._until(max(self._given, known))

    def end(self) -> np.ndarray:
        """Return the last samples; after the end of the sound there is silence."""
        return self._until(resampled_size(self._seen, self._rate, self._wanted))

    def _until(self, count: int) -> np.ndarray:
        """Return the samples before this one that were not returned yet."""
        from scipy.signal import resample_poly

        if count <= self._given:
            return np.zeros(0, np.float32)
        found = resample_poly(self._rest, self._up, self._down, window=self._filter)
        first = self._start // self._down * self._up  # place of found[0] in what is returned
        new = np.asarray(found[self._given - first : count - first], np.float32)
        self._given = count
        needed = max(0, (count * self._down - self._half) // self._up)
        drop = (needed - self._start) // self._down * self._down
        if drop > 0:
            self._rest, self._start = self._rest[drop:], self._start + drop
        return new
