"""Loading a bundle takes a small multiple of the memory that its weights take."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seqloom.model.bundle import load

from .conftest import Made, _make

MOST = 5
"""How many times the size of the weights' file memory may grow, at its peak."""


def peak() -> int:
    """Return the largest resident memory of this process since it was forgotten, in bytes."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


@pytest.fixture(scope="module")
def large() -> Made:
    return _make("encoder.hidden_size=512", "encoder.num_layers=2")


@pytest.mark.skipif(sys.platform != "linux", reason="needs the peak of resident memory: Linux")
def test_loading_takes_less_than_five_times_the_weights(
    large: Made, tagger: Made, tmp_path: Path
) -> None:
    load(tagger.save(tmp_path / "small"))  # imports what is needed
    bundle = large.save(tmp_path / "large")
    size = (bundle / "model.safetensors").stat().st_size
    assert size > 30_000_000
    forget_peak()
    before = peak()
    pipeline = load(bundle)
    grown = peak() - before
    assert size / 2 < grown < MOST * size
    assert pipeline.model is not None
