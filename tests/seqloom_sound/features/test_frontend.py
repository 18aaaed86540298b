"""Slopes and stacks of frames, row by row."""

from __future__ import annotations

import torch

from seqloom_sound.features.frontend import shifted, slopes


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    values = torch.full((2, 5, 1), torch.nan)
    values[0, :, 0] = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0])
    values[1, :2, 0] = torch.tensor([3.0, 5.0])
    return values, torch.tensor([5, 2])


def test_shifted_repeats_the_ends_of_each_row() -> None:
    values, lengths = rows()
    later = shifted(values, lengths, -1)[..., 0]
    assert later[0].tolist() == [1, 1, 2, 4, 8]
    assert later[1, :2].tolist() == [3, 3]
    sooner = shifted(values, lengths, 2)[..., 0]
    assert sooner[0].tolist() == [4, 8, 16, 16, 16]
    assert sooner[1, :2].tolist() == [5, 5]


def test_slopes_of_a_line_are_its_slope() -> None:
    line = 3 * torch.arange(9.0).reshape(1, 9, 1)
    assert slopes(line, torch.tensor([9]))[0, 2:-2, 0].tolist() == [3.0] * 5


def test_slopes_do_not_see_the_padding() -> None:
    values, lengths = rows()
    assert torch.allclose(
        slopes(values, lengths)[1, :2], slopes(values[1:, :2], lengths[1:])[0], equal_nan=False
    )
