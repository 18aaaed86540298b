"""Paper of uneven brightness becomes white, and ink keeps its darkness."""

from collections.abc import Callable

import numpy as np
import pytest

from seqloom_handwriting.pages.flatten import flatten

Draw = Callable[..., np.ndarray]


def lit(page: np.ndarray) -> np.ndarray:
    """Return the page as if a lamp stood at its upper left."""
    height, width = page.shape
    light = np.linspace(1, 0.6, width)[None] * np.linspace(1, 0.7, height)[:, None]
    return np.round(page * light).astype(np.uint8)


def test_uneven_light_is_taken_away(draw_text: Draw) -> None:
    page = draw_text(900, 700, [(40, y, "some words stand here") for y in range(80, 660, 60)])
    page = np.maximum(page, 60)
    flat = flatten(lit(page)).astype(int)
    inner = np.s_[32:-32, 32:-32]
    assert np.abs(flat - page)[inner].mean() < 4  # the lamp's is 80
    assert (flat[page == 255] >= 240).mean() > 0.99
    assert np.abs(flat[page == 60] - 60).max() < 20


def test_strips_leave_no_seams() -> None:
    page = np.repeat(np.linspace(120, 250, 600, dtype=np.uint8)[:, None], 300, axis=1)
    flat = flatten(page).astype(int)
    assert np.abs(np.diff(flat, axis=0)).max() <= 3
    assert flat[64:-64].min() > 235


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (65, 64), (257, 5)])
def test_pages_of_any_size_are_read(shape: tuple[int, int]) -> None:
    flat = flatten(np.full(shape, 130, np.uint8))
    assert flat.shape == shape
    assert (flat == 255).all()


def test_black_pages_stay_black() -> None:
    assert (flatten(np.zeros((80, 80), np.uint8)) == 0).all()
