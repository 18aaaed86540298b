"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def real_data() -> Path:
    """Return the folder of the real data sets; tests that ask for it are marked ``realdata``."""
    folder = os.environ.get("SEQLOOM_DATA")
    if not folder:
        pytest.skip("SEQLOOM_DATA is not set, so the real data sets are not at hand")
    return Path(folder)
