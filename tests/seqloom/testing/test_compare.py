"""What counts as equal: tensors and plain data, with NaN."""

from __future__ import annotations

import pytest
import torch

from seqloom.testing import ConformanceError
from seqloom.testing.compare import require_equal, require_same


def test_nan_equals_nan_and_nothing_else() -> None:
    expected = torch.tensor([torch.nan, torch.inf, 1.0])
    require_equal(expected.clone(), expected, "metrics")
    with pytest.raises(ConformanceError, match="differ by nan"):
        require_equal(torch.tensor([0.0, torch.inf, 1.0]), expected, "metrics")
    with pytest.raises(ConformanceError, match="differ by inf"):
        require_equal(torch.tensor([torch.nan, 0.0, 1.0]), expected, "metrics")


def test_nan_equals_nan_in_plain_data() -> None:
    require_same([("x", float("nan"))], [("x", float("nan"))], "rows")
    with pytest.raises(ConformanceError, match=r"rows: 0: 1: nan against 0\.5"):
        require_same([("x", float("nan"))], [("x", 0.5)], "rows")
