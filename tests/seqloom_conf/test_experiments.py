"""The recipes learn: one epoch of each on its real data."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqloom

pytestmark = [pytest.mark.realdata, pytest.mark.slow]


@pytest.mark.parametrize(
    ("experiment", "metric", "at_least"),
    [("snips_intent", "accuracy", 0.93), ("snips_slots", "f1", 0.6), ("bc5cdr", "f1", 0.55)],
)
def test_one_epoch(
    experiment: str, metric: str, at_least: float, real_data: Path, tmp_path: Path
) -> None:
    result = seqloom.fit(
        f"experiment={experiment}",
        "trainer.max_epochs=1",
        run_dir=tmp_path / "run",
    )
    assert result.metrics["test"][metric] >= at_least
