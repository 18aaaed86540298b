from __future__ import annotations

import pytest
import torch

from seqloom.errors import ConfigError
from seqloom.nn import Merge, merge_function, merged_size

F, B = torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 0.5]])


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("concat", [[1.0, -2.0, 3.0, 0.5]]),
        ("sum", [[4.0, -1.5]]),
        ("average", [[2.0, -0.75]]),
        (Merge.multiply, [[3.0, -1.0]]),
    ],
)
def test_merges(name: str, wanted: list[list[float]]) -> None:
    merged = merge_function(name)(F, B)
    assert merged.tolist() == wanted
    assert merged_size(name, 2) == merged.shape[1]


def test_every_option_has_a_function() -> None:
    assert all(callable(merge_function(name)) for name in Merge)


def test_unknown_merge() -> None:
    text = (
        r"There is no merge 'mean'. (Did you mean '\w+'\? )?There are: average, concat, "
        r"multiply, sum\."
    )
    with pytest.raises(ConfigError, match=text):
        merge_function("mean")
