"""The checkpoints of a run: the last one to resume from, the best one to keep, and what they hold.

Lightning stores a callback's state under the name of its class, so these names are part of the
format of a run's folder.
"""

from __future__ import annotations

import io
import logging
import math
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint
from torch import Tensor

from seqloom.config.run_config import RunConfig
from seqloom.errors import RunError
from seqloom.files import atomic_file
from seqloom.model.compatibility import messages
from seqloom.model.provenance import compare, record
from seqloom.train.distributed import from_first, gathered, rank
from seqloom.train.folder import RunFolder

log = logging.getLogger("seqloom")

COMPONENTS_KEY = "seqloom"
"""The key of a checkpoint under which its components are recorded."""


class BestCheckpoint(ModelCheckpoint):
    """Keeps the best checkpoint; of two with equal metrics, that with the smaller validation loss.

    A run can be resumed where its folder was moved to.

    Attributes:
        best_loss: Validation loss of the best checkpoint.
        best_epoch: Its epoch, counted from 1; None as long as there is none.
    """

    best_loss = math.inf
    best_epoch: int | None = None

    def check_monitor_top_k(self, trainer: pl.Trainer, current: Tensor | None = None) -> bool:
        """Return whether to keep this epoch's model, as the first rank decides."""
        loss = float(trainer.callback_metrics.get("val/loss", math.inf))
        # Other kinds of devices may round differently, and ranks that disagree would wait forever.
        loss, score = from_first((loss, None if current is None else float(current)))
        current = None if current is None else current.new_tensor(score)
        equal = current is not None and bool(current == self.best_model_score)
        better = loss < self.best_loss if equal else super().check_monitor_top_k(trainer, current)
        if better:
            self.best_loss, self.best_epoch = loss, trainer.current_epoch + 1
        return better

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""
        return {
            **super().state_dict(),
            "best_loss": self.best_loss,
            "best_epoch": self.best_epoch,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state, with stored paths replaced by those of the current folder."""
        self.best_loss = state_dict.get("best_loss", math.inf)
        self.best_epoch = state_dict.get("best_epoch")
        moved = {
            **state_dict,
            "dirpath": self.dirpath,
            **{key: self._here(state_dict[key]) for key in state_dict if key.endswith("_path")},
            "best_k_models": {
                self._here(path): score for path, score in state_dict["best_k_models"].items()
            },
        }
        super().load_state_dict(moved)

    def _here(self, path: str) -> str:
        return str(Path(self.dirpath or "") / Path(path).name) if path else path


class LastCheckpoint(Checkpoint):
    """Writes a checkpoint after every epoch, from which a run is resumed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.should_stop = False

    def state_dict(self) -> dict[str, Any]:
        """Return whether the run was to stop early; Lightning itself does not store that."""
        return {"should_stop": self.should_stop}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state."""
        self.should_stop = state_dict["should_stop"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once if the run was to stop before it was interrupted."""
        trainer.should_stop = trainer.should_stop or self.should_stop

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the checkpoint; the best one's callback comes earlier in the list."""
        # With a higher limit, a run that reached its limit is to continue.
        self.should_stop = trainer.should_stop and not getattr(pl_module, "limit_reached", False)
        trainer.save_checkpoint(self.path)


class RandomState(pl.Callback):
    """Keeps torch's random state in checkpoints, so that a resumed run draws the same numbers.

    The state of every rank is stored: Lightning collects callback states on all ranks, and the
    first writes them. A rank without a stored state, because there were fewer ranks, keeps its
    generators unchanged.
    """

    def __init__(self) -> None:
        self.restored: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the states of each rank's generators, on the CPU and on its GPU."""
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        return {"ranks": gathered({"cpu": torch.get_rng_state(), "cuda": cuda})}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the state; Lightning itself still draws numbers before the first batch."""
        # Older checkpoints hold the state of one process, with a list of all its GPUs.
        ranks = state_dict.get("ranks", [state_dict])
        self.restored = ranks[rank()] if rank() < len(ranks) else None

    def on_train_batch_start(self, *args: Any) -> None:
        """Restore the state at the first batch."""
        if self.restored is None:
            return
        torch.set_rng_state(self.restored["cpu"].cpu())
        cuda = self.restored["cuda"]
        if torch.cuda.is_available() and cuda is not None:
            if isinstance(cuda, Tensor):
                torch.cuda.set_rng_state(cuda.cpu())
            else:
                torch.cuda.set_rng_state_all([state.cpu() for state in cuda])
        self.restored = None


class ComponentRecord(pl.Callback):
    """Records in each checkpoint the components with their plugins and versions."""

    def __init__(self, config: RunConfig) -> None:
        self.record = record(config.components)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the record, in plain types."""
        checkpoint[COMPONENTS_KEY] = self.record


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes each checkpoint completely or not at all, without a copy in another folder."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            RunError: It cannot be written.
        """
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        with atomic_file(Path(path)) as draft:
            draft.write_bytes(buffer.getbuffer())


@dataclass(frozen=True)
class Progress:
    """A checkpoint to resume from; by default a run that starts.

    Attributes:
        path: Checkpoint.
        epochs: Number of complete epochs before it.
        steps: Number of optimizer steps before it.
        changes: Sentences on components that differ from those of the checkpoint.
    """

    path: Path | None = None
    epochs: int = 0
    steps: int = 0
    changes: tuple[str, ...] = ()


def read_progress(path: Path, max_steps: int = -1) -> Progress:
    """Return the progress that a checkpoint holds.

    Args:
        path: Checkpoint.
        max_steps: Number of steps after which training ends; -1: no limit.

    Raises:
        RunError: The checkpoint cannot be read, or was written inside an epoch.
    """
    state = read_checkpoint(path)
    batches = state["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    stopped = state["callbacks"].get("LastCheckpoint", {}).get("should_stop")
    over = stopped or 0 < max_steps <= state["global_step"]  # only the evaluation is left to do
    if not batches["is_last_batch"] and not over:
        raise RunError(
            f"{path} was written inside an epoch, which a limit ended. A run can be "
            "resumed from complete epochs only. Use a new run_dir."
        )
    log.info("Resuming after epoch %d, step %d.", state["epoch"] + 1, state["global_step"])
    changes = tuple(component_changes(state.get(COMPONENTS_KEY, {})))
    return Progress(path, state["epoch"] + 1, state["global_step"], changes)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint; nothing in it is executed.

    Raises:
        RunError: It cannot be read.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        first = str(error).strip().partition("\n")[0]
        raise RunError(
            f"The checkpoint {path} cannot be read: {first}. Use a new run_dir."
        ) from error
    return state


@contextmanager
def explain_component_changes(folder: RunFolder, config: RunConfig) -> Iterator[None]:
    """Add to the error of a run that cannot be resumed how its components have changed.

    Raises:
        RunError: The error of the block, with that at its end.
    """
    try:
        yield
    except RunError as error:
        resume = config.resume == "auto"
        changes = component_changes(folder.read_record()) if resume else []
        if not changes:
            raise
        raise RunError(" ".join([str(error), *changes])) from error


def component_changes(recorded: Mapping[str, Any]) -> list[str]:
    """Return sentences on recorded ``components`` that differ from the installed ones."""
    return messages(compare(recorded.get("components", {})))
