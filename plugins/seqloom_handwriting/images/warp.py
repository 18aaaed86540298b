"""A picture resampled through a mesh: any smooth change of its geometry in one interpolation."""

from __future__ import annotations

import numpy as np
from PIL import Image

_CELL = 24
"""Pixels between the nodes of a mesh: about a letter, so letters bend but do not tear."""


def nodes(size: int) -> np.ndarray:
    """Return places from 0 to size, about ``_CELL`` apart, at whole pixels."""
    cells = max(1, round(size / _CELL))
    return np.arange(cells + 1) * size // cells


def warp(
    image: np.ndarray, along: np.ndarray, across: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Return an image whose node at along[i], across[j] shows the source's x[i, j], y[i, j].

    Pillow sees the array (W, H) as a picture H wide and W high: the axes are swapped for it.
    """
    size = (int(across[-1]), int(along[-1]))
    source = np.stack([y, x], axis=2)
    # Of each cell: its corners in the source, from the first one along Pillow's height and back.
    corners = np.concatenate(
        [source[:-1, :-1], source[1:, :-1], source[1:, 1:], source[:-1, 1:]], axis=2
    ).tolist()
    rows, columns = along.tolist(), across.tolist()
    mesh = [
        ((columns[j], rows[i], columns[j + 1], rows[i + 1]), corners[i][j])
        for i in range(len(rows) - 1)
        for j in range(len(columns) - 1)
    ]
    picture = Image.fromarray(image)
    return np.asarray(
        picture.transform(size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
    )
