"""Tests that share something expensive run on one core."""

from __future__ import annotations

import pytest


def test_a_file_is_a_group(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("needs pytest -n with --dist loadgroup")
    # By this suffix xdist recognizes a group; a pytest that it does not know would drop it.
    assert request.node.nodeid.endswith("@tests/test_conftest.py")
