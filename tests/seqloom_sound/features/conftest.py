"""Tones of different pitch and length, and a codec that was fitted on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqloom.interfaces import Example
from seqloom_sound.features.codec import LogMelCodec
from seqloom_sound.samples import RATE, tone


def sounds(count: int = 6) -> list[Example]:
    rng = np.random.default_rng(3)
    return [
        Example(f"{n}", {"sound": (tone(300.0 * (n + 1), 400 + 200 * n, rng), RATE)})
        for n in range(count)
    ]


def fitted(**params: Any) -> LogMelCodec:
    codec = LogMelCodec(**params)
    codec.restore(codec.fit(sounds()))
    return codec
