"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples each time: a change is judged by what it changes, not by luck. To look for more,
# pytest --hypothesis-profile=default
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


@pytest.fixture
def real_data() -> Path:
    """Return the folder of the real data sets; tests that ask for it are marked ``realdata``."""
    folder = os.environ.get("SEQLOOM_DATA")
    if not folder:
        pytest.skip("SEQLOOM_DATA is not set, so the real data sets are not at hand")
    return Path(folder)
