"""The picture of an example as HTML: an image as it is, strokes as lines, else its id."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from seqloom.interfaces import Example
from seqloom_handwriting.images.file import ImageFile, load_gray

WIDTH, HEIGHT = 900, 64  # pixels at most


def picture(example: Example) -> tuple[str, int]:
    """Return HTML of the example's writing, with its width in pixels.

    Where it cannot be shown, a sentence says why; of a series of vectors there is only the id.
    """
    try:
        for name, value in example.fields.items():
            if name == "strokes":
                return _strokes(value)
            if _is_image(value):
                return _image(load_gray(value))
    except (TypeError, ValueError) as problem:
        return _told(f"The picture cannot be shown: {problem}")
    return _told(example.id)


def _told(text: str) -> tuple[str, int]:
    return f"<div>{html.escape(text)}</div>", WIDTH


def _is_image(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return bool(value.dtype == np.uint8)
    return isinstance(value, ImageFile | Path | Image.Image)


def _image(gray: np.ndarray) -> tuple[str, int]:
    image = Image.fromarray(gray)
    image.thumbnail((2 * WIDTH, HEIGHT))
    stream = io.BytesIO()
    image.quantize(16).save(stream, "PNG", optimize=True)
    data = base64.b64encode(stream.getvalue()).decode()
    width = min(WIDTH, image.width)
    style = f"width:{width}px;max-width:100%;display:block"
    return f'<img src="data:image/png;base64,{data}" alt="the line" style="{style}">', width


def _strokes(strokes: Any) -> tuple[str, int]:
    lines = [np.array([point[:2] for point in stroke], float) for stroke in strokes]
    points = np.concatenate([line.reshape(-1, 2) for line in lines])
    if not len(points) or not np.isfinite(points).all():
        raise ValueError("its strokes are not of finite points.")
    low, high = points.min(0), points.max(0)
    size = np.maximum(high - low, 1e-6)
    scale = min(WIDTH / size[0], HEIGHT / size[1])
    drawn = "".join(_polyline((line - low) * scale + 2) for line in lines if len(line))
    w, h = size * scale + 4
    drawing = (
        f'<svg viewBox="0 0 {w:.1f} {h:.1f}" style="width:{w:.0f}px;max-width:100%;display:block;'
        'background:#fff" fill="none" stroke="#123" stroke-width="2" stroke-linecap="round">'
        f"{drawn}</svg>"
    )
    return drawing, round(w)


def _polyline(points: np.ndarray) -> str:
    if len(points) == 1:  # a dot is only seen as a line to itself
        points = points.repeat(2, axis=0)
    return '<polyline points="{}"/>'.format(" ".join(f"{x:.1f},{y:.1f}" for x, y in points))
