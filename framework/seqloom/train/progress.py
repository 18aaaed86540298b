"""How far a run has got: what the checkpoint that it is resumed from says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqloom.train.checkpoint_files import read_checkpoint
from seqloom.train.checkpoints import COMPONENTS_KEY, component_changes
from seqloom.train.loops import update
from seqloom.train.state import EPOCH_KEY


@dataclass(frozen=True)
class Progress:
    """A checkpoint to resume from; by default a run that starts.

    Attributes:
        path: Checkpoint.
        epochs: Number of complete epochs before it.
        batches: Number of batches used after them, on each rank.
        steps: Number of optimizer steps before it.
        data: State of the sampler of the training data; None: not recorded.
        lines: Size of the file of metrics when it was written; None: not recorded.
        changes: Sentences on components that differ from those of the checkpoint.
    """

    path: Path | None = None
    epochs: int = 0
    batches: int = 0
    steps: int = 0
    data: Mapping[str, int] | None = None
    lines: int | None = None
    changes: tuple[str, ...] = ()

    @property
    def started(self) -> tuple[int, int] | None:
        """The number of ranks at the start, and what they accumulated; None: not recorded."""
        return (self.data["world_size"], self.data.get("accumulate", 1)) if self.data else None

    def __str__(self) -> str:
        """Return where the run is resumed, in words."""
        if self.batches:
            return f"in epoch {self.epochs + 1}, after step {self.steps}"
        return f"after epoch {self.epochs}, step {self.steps}"


def read_progress(path: Path) -> Progress:
    """Return the progress that a checkpoint holds.

    Raises:
        RunError: The checkpoint cannot be read.
    """
    return progress_of(path, read_checkpoint(path))


def progress_of(path: Path, state: dict[str, Any]) -> Progress:
    """Return the progress that the content of a checkpoint holds."""
    update(state)
    loops = state["loops"]["fit_loop"]
    epochs = loops["epoch_progress"]["current"]
    inside = epochs["processed"] != epochs["started"]
    return Progress(
        path,
        epochs=epochs["processed"],
        batches=loops["epoch_loop.batch_progress"]["current"]["ready"] if inside else 0,
        steps=state["global_step"],
        data=state.get("SequenceData"),
        lines=state.get(EPOCH_KEY, {}).get("lines"),
        changes=tuple(component_changes(state.get(COMPONENTS_KEY, {}))),
    )
