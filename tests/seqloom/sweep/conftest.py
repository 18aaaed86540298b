"""Folders of sweeps, made of records that are written here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

AddTrial = Callable[..., Path]


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Return the folder of a sweep to come."""
    return tmp_path / "sweep"


@pytest.fixture
def add(sweep: Path) -> AddTrial:
    """Write the next trial of the sweep as training would; returns its folder."""

    def write(
        *overrides: str,
        val: float | None = None,
        test: float | None = None,
        seed: int = 1,
        state: str = "done",
        monitor: str = "f1",
        higher: bool = True,
        curve: Sequence[float] = (),
        folder: Path = sweep,
        **more: Any,
    ) -> Path:
        number = len([path for path in folder.glob("*") if path.name.isdecimal()])
        path = folder / str(number)
        path.mkdir(parents=True)
        record: dict[str, Any] = {
            "state": state,
            "overrides": [*overrides, f"seed={seed}", f"run_dir={folder}", "hydra.verbose=true"],
            "seed": seed,
        }
        if val is not None:
            metrics: dict[str, Mapping[str, float]] = {"val": {monitor: val, "loss": 1 - val}}
            metrics |= {} if test is None else {"test": {monitor: test}}
            record |= {"monitor": monitor, "higher_is_better": higher, "metrics": metrics}
            record |= {"parameters": 1000, "training_seconds": 2.0, "cost_per_second": 5000}
        (path / "run.json").write_text(json.dumps({**record, **more}), encoding="utf-8")
        rows = [
            json.dumps({"step": 10 * i, "epoch": i, f"val/{monitor}": y})
            for i, y in enumerate(curve)
        ]
        (path / "metrics.jsonl").write_text("\n".join(rows), encoding="utf-8")
        return path

    return write
