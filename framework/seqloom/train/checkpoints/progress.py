"""How far a run has got: what the checkpoint that it is resumed from says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

from seqloom.model.description import MALFORMED
from seqloom.train.checkpoints.callbacks import COMPONENTS_KEY, component_changes
from seqloom.train.checkpoints.files import WrongCheckpointError, read_checkpoint
from seqloom.train.checkpoints.state import EPOCH_KEY
from seqloom.train.loops import migrate_0_1


@dataclass(frozen=True)
class Progress:
    """A checkpoint to resume from; by default a run that starts.

    Attributes:
        path: Checkpoint.
        epochs: Number of complete epochs before it.
        batches: Number of batches used after them, on each rank.
        steps: Number of optimizer steps before it.
        data: State of the sampler of the training data; None: not recorded.
        metrics_size: Size of ``metrics.jsonl`` when it was written; None: not recorded.
        metrics_sha256: SHA-256 of that many bytes of the file; None: not recorded.
        changes: Sentences on components that differ from those of the checkpoint.
    """

    path: Path | None = None
    epochs: int = 0
    batches: int = 0
    steps: int = 0
    data: Mapping[str, int] | None = None
    metrics_size: int | None = None
    metrics_sha256: str | None = None
    changes: tuple[str, ...] = ()

    @property
    def dealt_to(self) -> tuple[int, int] | None:
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


def progress_of(path: Path, state: Any) -> Progress:
    """Return the progress that the content of a checkpoint holds.

    Raises:
        WrongCheckpointError: It is not the content of a checkpoint of a run.
    """
    try:
        _require_parts(state)
        return _progress_of(path, state)
    except MALFORMED as error:  # torch.save writes any object
        raise WrongCheckpointError(path, "it is not a checkpoint of a run of seqloom") from error


def _progress_of(path: Path, state: dict[str, Any]) -> Progress:
    migrate_0_1(state)
    loops = state["loops"]["fit_loop"]
    epochs = loops["epoch_progress"]["current"]
    inside = epochs["processed"] != epochs["started"]
    return Progress(
        path,
        epochs=index(epochs["processed"]),
        batches=index(loops["epoch_loop.batch_progress"]["current"]["ready"]) if inside else 0,
        steps=index(state["global_step"]),
        data=_numbers(state.get("SequenceData")),
        metrics_size=state.get(EPOCH_KEY, {}).get("lines"),
        metrics_sha256=state.get(EPOCH_KEY, {}).get("lines_sha256"),
        changes=tuple(component_changes(state.get(COMPONENTS_KEY, {}))),
    )


def _require_parts(state: Any) -> None:
    """Require what Lightning restores a training from.

    Raises:
        LookupError, TypeError: There is none of it, or something else in its place.
    """
    kinds = {
        "state_dict": dict,
        "callbacks": dict,
        "loops": dict,
        "optimizer_states": list,
        "lr_schedulers": list,
    }
    if not isinstance(state, dict) or not all(
        isinstance(state[name], kind) for name, kind in kinds.items()
    ):
        raise TypeError


def _numbers(data: Any) -> dict[str, int] | None:
    """Return the state of a sampler, which the earliest versions did not store."""
    if data is None:
        return None
    index(data["world_size"])
    return {str(name): index(value) for name, value in data.items()}
