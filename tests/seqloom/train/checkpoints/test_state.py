"""What a checkpoint has of an epoch that was not complete."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from seqloom.train.checkpoints.state import EPOCH_KEY, EpochState


@pytest.mark.parametrize(
    ("losses", "expected"),
    [([[6.0, 4]], (6.0, 4)), ([[6.0, 4], [1.5, 3]], (7.5, 7))],
    ids=["same ranks", "fewer ranks"],
)
def test_sums_of_losses_are_restored(losses: list[Any], expected: tuple[float, int]) -> None:
    restored: list[tuple[float, int]] = []
    module: Any = SimpleNamespace(restore_losses=lambda one: restored.append(tuple(one)))
    trainer: Any = SimpleNamespace(world_size=1)
    lines: Any = None
    stored = {EPOCH_KEY: {"losses": losses, "metrics": {"val/f1": torch.ones(())}}}
    state = EpochState(lines)
    state.on_load_checkpoint(trainer, module, stored)
    assert restored == [expected]
    assert state._metrics == {"val/f1": torch.ones(())}


def test_a_checkpoint_of_an_older_version_has_none() -> None:
    nothing: Any = None
    state = EpochState(nothing)
    state.on_load_checkpoint(nothing, nothing, {"epoch": 3})
    assert state._metrics == {}
