from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import ConfigError
from seqloom_handwriting.schemas.frontends import Pooling

STEPS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=4)


@given(STEPS, st.integers(0, 30), st.integers(0, 30))
def test_products_foretell_what_torch_pools_to(
    steps: list[tuple[int, int]], height: int, width: int
) -> None:
    pooling = Pooling.parse([f"{h}x{w}" for h, w in steps])
    height, width = height + pooling.height, width + pooling.width
    maps = torch.zeros(1, 1, height, width)
    for step in steps:
        maps = F.max_pool2d(maps, step)
    assert maps.shape[2:] == (height // pooling.height, width // pooling.width)


@pytest.mark.parametrize("text", ["2", "0x1", "2x", "2x2x2", "-1x1", "2 x 2", ""])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"frontend.pooling has .*expected height x width, such"):
        Pooling.parse(["2x2", text])
