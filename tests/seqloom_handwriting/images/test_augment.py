"""DOC"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from seqloom.interfaces import Example
from seqloom_handwriting.images.augment import augment_line, nodes, warp
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.schemas.frontends import ImageAugmentation

NOTHING = dict.fromkeys(asdict(ImageAugmentation()), 0.0)
SEEDS = range(30)


def augmented(image: np.ndarray, seed: int, **options: float) -> np.ndarray:
    chosen = ImageAugmentation(**{**NOTHING, **options})
    return augment_line(image, chosen, np.random.default_rng(seed), 4)


def bars(width: int = 300, height: int = 48) -> np.ndarray:
    """Return a line, (W, H), with two upright strokes through its whole height."""
    image = np.zeros((width, height), np.uint8)
    image[100:103] = image[200:203] = 255
    return image


def centres(image: np.ndarray) -> np.ndarray:
    """Return where the two strokes stand at each height, (2, H), in pixels."""
    halves = np.array_split(image.astype(float), 2)
    places = np.array_split(np.arange(len(image)) + 0.5, 2)
    return np.array([p @ h / h.sum(0) for p, h in zip(places, halves, strict=True)])


def test_nothing_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (77, 48), dtype=np.uint8)
    assert np.array_equal(augmented(image, 1), image)


def test_the_generator_alone_decides_and_the_line_stays() -> None:
    image = bars()
    before, options = image.copy(), asdict(ImageAugmentation())
    results = [augmented(image, seed, **options) for seed in SEEDS]
    for seed, result in enumerate(results):
        assert np.array_equal(result, augmented(image, seed, **options))
        assert result.dtype == np.uint8
    assert np.array_equal(image, before)
    assert len({result.tobytes() for result in results}) == len(results)


def test_stretching_moves_strokes_within_its_bounds() -> None:
    factors = []
    for seed in SEEDS:
        result = augmented(bars(), seed, stretch=0.15)
        factors.append(len(result) / 300)
        gap = np.diff(centres(result)[:, 24])[0]
        assert gap == pytest.approx(100 * factors[-1], abs=0.5)
    assert math.exp(-0.15) - 0.01 <= min(factors) < 0.95
    assert 1.05 < max(factors) <= math.exp(0.15) + 0.01


def test_slanting_moves_the_top_against_the_bottom_and_loses_nothing() -> None:
    slants = []
    for seed in SEEDS:
        image = bars()
        image[:3] = image[-3:] = 255
        result = augmented(image, seed, slant=0.35)
        assert result.sum(dtype=float) == pytest.approx(image.sum(dtype=float), rel=0.02)
        shift = (len(result) - 300) / 48
        slants.append(shift)
        tops = [np.flatnonzero(result[:, y])[0] for y in (1, 46)]
        assert abs(tops[1] - tops[0]) == pytest.approx(45 * shift, abs=2)
    assert 0 <= min(slants) < 0.1
    assert 0.25 < max(slants) <= 0.36


def test_scaling_keeps_the_middle_and_changes_the_height() -> None:
    image = np.zeros((60, 48), np.uint8)
    image[:, 14:34] = 255
    heights = []
    for seed in SEEDS:
        column = augmented(image, seed, scale=0.1)[30].astype(float)
        heights.append(column.sum() / 255)
        assert column @ (np.arange(48) + 0.5) / column.sum() == pytest.approx(24, abs=0.2)
    assert 20 * math.exp(-0.1) - 0.1 <= min(heights) < 19.5
    assert 20.5 < max(heights) <= 20 * math.exp(0.1) + 0.1


def test_bending_is_smooth_and_of_the_deviation() -> None:
    starts, inside = [[101.5], [201.5]], slice(8, 40)  # of the heights: paper may come in beyond
    found = np.concatenate(
        [centres(augmented(bars(), seed, elastic=1.4)[:, inside]) - starts for seed in SEEDS]
    )
    assert 0.6 < found.std() < 1.4  # between the nodes it is averaged
    assert np.abs(np.diff(found, axis=1)).max() < 0.4


def test_strokes_become_bolder_or_thinner() -> None:
    image = np.random.default_rng(3).integers(0, 256, (40, 48), dtype=np.uint8)
    filters = (ndimage.maximum_filter, ndimage.minimum_filter)
    wanted = {change(image, size=2, mode="nearest").tobytes() for change in filters}
    assert {augmented(image, seed, morphology=1.0).tobytes() for seed in SEEDS} == wanted
    found = [augmented(image, seed, morphology=0.3).tobytes() for seed in range(200)]
    assert 0.2 < np.mean([result in wanted for result in found]) < 0.4


def test_gamma_keeps_paper_and_ink() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 48, 1)
    exponents = []
    for seed in SEEDS:
        levels = augmented(ramp, seed, gamma=0.3)[:, 0].astype(int)
        assert levels[0] == 0
        assert levels[255] == 255
        assert (np.diff(levels) >= 0).all()
        exponents.append(math.log(levels[128] / 255) / math.log(128 / 255))
    assert math.exp(-0.3) - 0.02 <= min(exponents) < 0.9
    assert 1.1 < max(exponents) <= math.exp(0.3) + 0.02


@pytest.mark.parametrize("width", [1, 9, 50])
def test_at_least_one_frame_is_left(width: int) -> None:
    params: dict[str, Any] = {"margin": 0, "pooling": ["2x1", "2x1", "2x1", "1x1"]}
    codec = LineImageCodec(augment={"stretch": 3.0, "slant": 0.0}, **params)
    image = np.random.default_rng(3).integers(0, 256, (48, width), dtype=np.uint8)
    item = codec.encode(Example("e", {"image": image}))
    widths = {codec.frames(codec.augment(item, np.random.default_rng(n))) for n in SEEDS}
    assert min(widths) >= 1
    assert len(widths) > 5


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
