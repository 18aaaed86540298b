"""The recipes for handwriting train on their real data: some steps of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import seqloom

STEPS = ("trainer.max_steps=3", "trainer=cpu", "trainer.log_every_n_steps=1")
EXPERIMENTS = {
    "peraire_small": ("cer", {"train": 2069, "val": 204, "test": 262}),
    "pendigits": ("accuracy", {"train": 5996, "val": 1498, "test": 3498}),
    "pendigits_strings": ("cer", {"train": 3999, "val": 333, "test": 774}),
}


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_three_steps_on_all_of_the_data(
    experiment: str, real_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seqloom")
    monitor, sizes = EXPERIMENTS[experiment]
    result = seqloom.fit(f"experiment={experiment}", *STEPS, run_dir=tmp_path / "run")
    listing = ", ".join(f"{split} {size}" for split, size in sizes.items())
    assert f"Examples: {listing}" in caplog.text
    assert not (result.run_dir / "skipped.jsonl").exists()
    assert result.monitor == monitor
    assert set(result.metrics) == {"val", "test"}
    assert all(found[monitor] >= 0 for found in result.metrics.values())
    record = json.loads((result.run_dir / "run.json").read_text(encoding="utf-8"))
    assert record["steps"] == 3
