"""What a trial reported is read while it may be writing."""

from __future__ import annotations

import math
from pathlib import Path

from seqloom.sweep.optuna.curves import by_epoch


def test_epochs_are_counted_from_one_and_other_lines_are_left_out(tmp_path: Path) -> None:
    lines = [
        '{"step": 3, "epoch": 0.0, "train/loss": 2.0}',
        '{"step": 3, "epoch": 0.0, "val/f1": 0.25}',
        '{"step": 7, "epoch": 1.0, "val/f1": null}',
        '{"step": 11, "epoch": 2.0, "val/f1": 0.',
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = by_epoch(tmp_path, "val/f1")
    assert list(found) == [1, 2]
    assert found[1] == 0.25
    assert math.isnan(found[2])
    assert by_epoch(tmp_path / "nowhere", "val/f1") == {}
