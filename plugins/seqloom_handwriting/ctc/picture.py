"""The picture of an example as HTML: an image as it is, strokes as lines, else its texts."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

import numpy as np

from seqloom.interfaces import Example
from seqloom_handwriting.images.file import load_gray

WIDTH, HEIGHT = 900, 64  # pixels at most


def picture(example: Example) -> tuple[str, int]:
    """Return HTML of the example's writing, with its width in pixels."""
    for name, value in example.fields.items():
        if name == "strokes":
            return _strokes(value)
        if not isinstance(value, str | list | int | float):
            try:
                return _image(load_gray(value))
            except ValueError:  # a series of vectors, say
                continue
    return f"<div>{html.escape(example.id)}</div>", WIDTH


def _image(gray: np.ndarray) -> tuple[str, int]:
    from PIL import Image

    image = Image.fromarray(gray)
    image.thumbnail((2 * WIDTH, HEIGHT))
    stream = io.BytesIO()
    image.quantize(16).save(stream, "PNG", optimize=True)
    data = base64.b64encode(stream.getvalue()).decode()
    width = min(WIDTH, image.width)
    style = f"width:{width}px;max-width:100%;display:block"
    return f'<img src="data:image/png;base64,{data}" alt="the line" style="{style}">', width


def _strokes(strokes: Any) -> tuple[str, int]:
    points = np.array([point[:2] for stroke in strokes for point in stroke], float)
    low, high = points.min(0), points.max(0)
    size = np.maximum(high - low, 1e-6)
    scale = min(WIDTH / size[0], HEIGHT / size[1])
    lines = "".join(
        '<polyline points="{}"/>'.format(
            " ".join(f"{x:.1f},{y:.1f}" for x, y in (np.array(stroke)[:, :2] - low) * scale + 2)
        )
        for stroke in strokes
    )
    w, h = size * scale + 4
    drawing = (
        f'<svg viewBox="0 0 {w:.1f} {h:.1f}" style="width:{w:.0f}px;max-width:100%;display:block;'
        'background:#fff" fill="none" stroke="#123" stroke-width="2" stroke-linecap="round">'
        f"{lines}</svg>"
    )
    return drawing, round(w)
