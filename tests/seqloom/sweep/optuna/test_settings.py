"""Settings that make no sense are refused before the first trial."""

from __future__ import annotations

from typing import Any

import pytest

from seqloom.errors import ConfigError
from seqloom.sweep.optuna.settings import Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_trials": 0}, "n_trials=0: expected 1 or more"),
        ({"seed": -1}, "seed=-1: expected 0 or more"),
        ({"objectives": {"val/f1": "maximise"}}, "'maximise'. Did you mean 'maximize'"),
        (
            {"objectives": {"a": "minimize", "b": "minimize"}, "pruner": "median"},
            "pruned by one metric, but there are 2 objectives",
        ),
    ],
)
def test_they_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings(**settings).check()


def test_the_watched_metric_is_maximised() -> None:
    assert Settings().directions == ["maximize"]
    two = Settings(objectives={"val/f1": "maximize", "parameters": "minimize"})
    assert two.directions == ["maximize", "minimize"]
    two.check()
