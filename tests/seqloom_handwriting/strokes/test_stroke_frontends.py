"""The frontends of strokes and vectors keep what frontends promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seqloom.interfaces import Frontend
from seqloom.testing import FRONTEND_CHECKS, FrontendCase, examples
from seqloom_handwriting.strokes.frontend import StrokeFrontend
from seqloom_handwriting.strokes.vectors import VectorFrontend

CASES: list[tuple[type[Frontend], str, dict[str, Any]]] = [
    (StrokeFrontend, "strokes", {}),
    (StrokeFrontend, "strokes", {"spacing": 0.0, "position": True}),
    (StrokeFrontend, "strokes", {"spacing": 0.3, "augment": {"rotate": 1.0}}),
    (VectorFrontend, "features", {}),
    (VectorFrontend, "features", {"scaling": "none", "size": 5}),
]


@pytest.mark.parametrize(("cls", "field", "params"), CASES)
@pytest.mark.parametrize("check", FRONTEND_CHECKS, ids=lambda check: check.__name__)
def test_they_keep_the_promises(
    check: Callable[[FrontendCase], None],
    cls: type[Frontend],
    field: str,
    params: dict[str, Any],
) -> None:
    check(FrontendCase(cls, examples({field: field}), params))
