"""The picture of a sound in reports, and the sound itself if it is short."""

from __future__ import annotations

import html
import io
import struct
import wave
import zlib
from base64 import b64encode

import numpy as np

from seqloom.interfaces import View

WIDTH = 900
"""Pixels of a picture, at most."""

HEIGHT, FRAME = 80, 4
"""Height of a picture, and width of a frame of a short sound, in pixels."""

LONGEST = 80_000
"""Samples of a sound that can be played in a report, at most: it contains them."""

_LOUDEST, _SOFTEST = 3.0, -2.0  # normalized values that are black and white


def view(features: np.ndarray, frames_per_step: int, samples: np.ndarray, rate: int) -> View:
    """Return a picture of normalized features, (T, bands), and the place of each step in it.

    Args:
        features: Features; the lowest band is drawn at the bottom.
        frames_per_step: Frames that a step stands for.
        samples: Samples, (N,) in ±1.
        rate: Samples per second.
    """
    count = len(features)
    width = min(WIDTH, count * FRAME)
    if count > WIDTH:
        starts = np.arange(WIDTH) * count // WIDTH
        sizes = np.diff(starts, append=count)[:, None]
        features = np.add.reduceat(features, starts) / sizes
    gray = 255 * (_LOUDEST - features.T[::-1]) / (_LOUDEST - _SOFTEST)
    picture = (
        f'<img src="data:image/png;base64,{_text(png(gray.clip(0, 255).astype(np.uint8)))}" '
        f'alt="spectrum" style="width:{width}px;height:{HEIGHT}px;max-width:100%;display:block;'
        'image-rendering:pixelated">'
    )
    edges = np.minimum(np.arange(0, count + frames_per_step, frames_per_step), count)
    edges = edges * (width / count)
    places = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    return View(picture + _player(samples, rate), width, places)


def not_shown(error: Exception) -> View:
    """Return a sentence in place of a picture."""
    return View(f"<div>{html.escape(f'The sound cannot be shown: {error}')}</div>", WIDTH)


def _player(samples: np.ndarray, rate: int) -> str:
    if len(samples) > LONGEST:
        return ""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((1, 2, rate, len(samples), "NONE", ""))
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    source = f"data:audio/wav;base64,{_text(stream.getvalue())}"
    return f'<audio controls preload="none" style="height:24px" src="{source}"></audio>'


def png(gray: np.ndarray) -> bytes:
    """Return a PNG file of a gray image, (H, W) uint8."""
    height, width = gray.shape
    rows = np.pad(gray, ((0, 0), (1, 0))).tobytes()  # each row begins with its filter, 0: none
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
