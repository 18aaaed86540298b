"""What seqloom knows of the machine and of its packages."""

from __future__ import annotations

import os

import pytest

from seqloom.cores import available_cores
from seqloom.versions import _version, versions


def test_without_an_affinity_all_cores_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert available_cores() == [*range(os.cpu_count() or 1)]


def test_a_distribution_that_is_not_there_has_no_version() -> None:
    assert _version("a-distribution-that-is-not-there") == "not installed"
    assert "not installed" not in versions().values()
