from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from seqloom_handwriting.images.warp import nodes, warp


def smooth(width: int, height: int) -> np.ndarray:
    image = np.random.default_rng(2).uniform(0, 255, (width, height))
    return ndimage.gaussian_filter(image, 1.5, mode="nearest").round().astype(np.uint8)


@given(st.integers(1, 500))
def test_nodes_cover_all(size: int) -> None:
    places = nodes(size)
    assert places[0] == 0
    assert places[-1] == size
    assert (np.diff(places) >= 1).all()
    assert np.diff(places).max() <= 36


def test_a_mesh_that_moves_nothing_changes_nothing() -> None:
    image = smooth(130, 48)
    along, across = nodes(130), nodes(48)
    x, y = np.meshgrid(along.astype(float), across.astype(float), indexing="ij")
    assert np.array_equal(warp(image, along, across, x, y), image)


def test_a_linear_mesh_is_a_linear_map() -> None:
    image = smooth(130, 48)
    matrix, shift = np.array([[0.9, 0.3], [0.05, 1.1]]), np.array([-4.0, -2.0])
    along, across = nodes(150), nodes(48)
    x, y = (
        matrix[row, 0] * along[:, None] + matrix[row, 1] * across + shift[row] for row in (0, 1)
    )
    # scipy puts a pixel's centre at its number, Pillow half a pixel further.
    offset = matrix @ [0.5, 0.5] + shift - 0.5
    wanted = ndimage.affine_transform(
        image.astype(float), matrix, offset, output_shape=(150, 48), order=1, cval=0.0
    )
    places = np.stack(np.meshgrid(np.arange(150.0), np.arange(48.0), indexing="ij"), axis=-1)
    source = places @ matrix.T + offset
    inside = ((source >= 1) & (source <= np.array(image.shape) - 2)).all(-1)
    assert inside.mean() > 0.7
    assert np.abs(warp(image, along, across, x, y) - wanted)[inside].max() < 1.01
    outside = ((source < -1) | (source > np.array(image.shape))).any(-1)
    assert outside.any()
    assert not warp(image, along, across, x, y)[outside].any()
