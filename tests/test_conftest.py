"""Tests that share something expensive run on one core, and leave the environment as it was."""

from __future__ import annotations

import os

import pytest


def test_a_file_is_a_group(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("needs pytest -n with --dist loadgroup")
    # By this suffix xdist recognizes a group; a pytest that it does not know would drop it.
    assert request.node.nodeid.endswith("@tests/test_conftest.py")


@pytest.mark.parametrize("time", ["first", "second"])
def test_the_environment_is_as_before_the_last_test(time: str) -> None:
    assert "CHANGED_BY_A_TEST" not in os.environ
    os.environ["CHANGED_BY_A_TEST"] = time
