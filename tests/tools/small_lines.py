"""Overrides of a small model that reads small lines of digits, for tests that train."""

from __future__ import annotations

SMALL_LINES = (
    "data=digit_lines",
    "data.min_length=2",
    "data.max_length=3",
    "data.height=16",
    "frontend=line_image",
    "frontend.height=16",
    "frontend.margin=2",
    "frontend.channels=[4,6]",
    "frontend.pooling=[2x2,2x1]",
)
