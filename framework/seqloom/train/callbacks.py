"""What every run adds to Lightning: its logger, its checkpoints, its random state."""

from __future__ import annotations

import io
import json
import logging
import math
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor

from seqloom.files import atomic_file, cannot_write, finite, write_text
from seqloom.train.folder import read_metrics
from seqloom.train.ranks import from_first, gathered, is_first, rank

log = logging.getLogger("seqloom")


class JsonLines(Logger):
    """Writes, on the first rank, one line of JSON for each step at which something was logged."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @property
    def name(self) -> str:
        """Lightning asks for it."""
        return "metrics"

    @property
    def version(self) -> str:
        """Lightning asks for it."""
        return ""

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kw: Any) -> None:
        """Do nothing: the run's config.yaml has them."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a line."""
        if not is_first():
            return
        row = {"step": step, **{name: float(value) for name, value in metrics.items()}}
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(finite(row)) + "\n")
        except OSError as fault:
            raise cannot_write(self.path, fault) from fault

    def forget_after(self, step: int) -> None:
        """Drop the lines of steps that a resumed run will train again."""
        if not is_first():
            return
        kept = [row for row in read_metrics(self.path) if row["step"] < step]
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))


class EpochLines(pl.Callback):
    """Says after each epoch, on the first rank, how far the run is, and how well the model does."""

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
        self.start = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self.start = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log one line."""
        if not is_first():
            return
        values = trainer.callback_metrics
        names = ("train/loss", "val/loss", self.monitor)
        shown = ", ".join(f"{name} {float(values[name]):.4f}" for name in names if name in values)
        epoch, seconds = trainer.current_epoch + 1, time.perf_counter() - self.start
        log.info("Epoch %d of %s: %s (%.0f s)", epoch, trainer.max_epochs, shown, seconds)


class BestCheckpoint(ModelCheckpoint):
    """Keeps the best checkpoint, of equal ones that with the smaller loss on validation.

    A run goes on also where its folder was moved to.
    """

    best_loss = math.inf

    def check_monitor_top_k(self, trainer: pl.Trainer, current: Tensor | None = None) -> bool:
        """Return whether this epoch's model is to be kept: what the first rank thinks."""
        loss = float(trainer.callback_metrics.get("val/loss", math.inf))
        # Another kind of device may round otherwise, and ranks that disagree would wait for ever.
        loss, score = from_first((loss, None if current is None else float(current)))
        current = None if current is None else current.new_tensor(score)
        equal = current is not None and bool(current == self.best_model_score)
        better = loss < self.best_loss if equal else super().check_monitor_top_k(trainer, current)
        if better:
            self.best_loss = loss
        return better

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""
        return {**super().state_dict(), "best_loss": self.best_loss}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state, with the paths that were stored turned into those of here."""
        self.best_loss = state_dict.get("best_loss", math.inf)
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
    """Keeps the checkpoint of the last epoch, be it the best or not: a run goes on from there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.should_stop = False

    def state_dict(self) -> dict[str, Any]:
        """Return whether the run was told to stop early; Lightning itself forgets that."""
        return {"should_stop": self.should_stop}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state."""
        self.should_stop = state_dict["should_stop"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once if the run had been told to before it was broken off."""
        trainer.should_stop = trainer.should_stop or self.should_stop

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the checkpoint; the best one's callback has had its turn, as it stands before."""
        self.should_stop = trainer.should_stop
        trainer.save_checkpoint(self.path)


class WholeFiles(TorchCheckpointIO):
    """Writes each checkpoint whole or not at all, without a detour over another folder."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            RunError: it cannot be written.
        """
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        with atomic_file(Path(path)) as draft:
            draft.write_bytes(buffer.getbuffer())


class RandomState(pl.Callback):
    """Keeps torch's random state in checkpoints, so that a resumed run goes on with its bits.

    That of every rank: Lightning asks all of them for what a checkpoint holds, and the first writes
    it. A rank that has none stored, as there were fewer then, keeps its generators as they are.
    """

    def __init__(self) -> None:
        self.restored: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the states of the generators of each rank: its CPU's and its own GPU's."""
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        return {"ranks": gathered({"cpu": torch.get_rng_state(), "cuda": cuda})}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the state; Lightning itself still draws numbers before the first batch."""
        # Older checkpoints hold the state of one process, with a list of all its GPUs.
        ranks = state_dict.get("ranks", [state_dict])
        self.restored = ranks[rank()] if rank() < len(ranks) else None

    def on_train_batch_start(self, *args: Any) -> None:
        """Take the state up at the first batch."""
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


class TrainingTime(pl.Callback):
    """Measures what went into a model, also where its run was broken off and resumed.

    The seconds are those of the clock, from the start of the fit to the end of its last epoch, with
    validation and checkpoints; what was lost since the last checkpoint does not count.

    Attributes:
        seconds: up to the end of the last epoch.
        passes: over the training data, whole and in part.
        batches: of one rank's pass.
    """

    def __init__(self, batches: int = 1) -> None:
        self.seconds = 0.0
        self.passes = 0.0
        self.batches = batches
        self._since = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return the seconds and the passes, which do not depend on the number of ranks."""
        return {"seconds": self.seconds, "passes": self.passes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting from those of before."""
        self.seconds, self.passes = state_dict["seconds"], state_dict["passes"]

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._since = time.perf_counter()

    def on_train_batch_end(self, *args: Any) -> None:
        """Count a batch."""
        self.passes += 1 / self.batches

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Read the clock; the callbacks that write checkpoints have their turn later."""
        now = time.perf_counter()
        self.seconds += now - self._since
        self._since = now
