"""Positions can be distinguished at any length and in any precision."""

from __future__ import annotations

import math

import pytest
import torch

from seqloom_transformer.positions import sinusoids


@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_they_are_sines_and_cosines(size: int) -> None:
    found = sinusoids(50, size, torch.zeros((), dtype=torch.float64))
    waves = math.ceil(size / 2)
    for position in (0, 1, 49):
        angles = [position / 10_000 ** (wave / waves) for wave in range(waves)]
        expected = [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
        torch.testing.assert_close(found[position], torch.tensor(expected[:size]).double())


def test_no_two_positions_are_alike() -> None:
    found = sinusoids(2_000, 16, torch.zeros(()))
    gaps = torch.cdist(found, found) + torch.eye(2_000)
    assert gaps.min() > 0.05


def test_neighbours_are_told_apart_in_bfloat16() -> None:
    found = sinusoids(1_001, 16, torch.zeros((), dtype=torch.bfloat16))
    assert found.dtype is torch.bfloat16
    assert (found[1:] != found[:-1]).any(1).all()
