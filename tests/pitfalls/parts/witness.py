"""Callbacks that see what a rank of a run does, and that make one fail."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

SIGNALS = (signal.SIGUSR1, signal.SIGUSR2)


class Witness(pl.Callback):
    """Writes ``seen-RANK.json`` into the run's folder: what this rank saw in the last epoch."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note what the rank was told."""
        self.seen = {
            "rate": trainer.optimizers[0].defaults["lr"] if trainer.optimizers else None,
            "parameters": sum(one.numel() for one in pl_module.parameters()),
            "port": os.environ.get("MASTER_PORT"),
            "handlers": [str(signal.getsignal(number)) for number in SIGNALS],
        }
        self._forget()  # a run that is resumed inside an epoch does not start it

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forget the epoch before."""
        self.seen["rate"] = trainer.optimizers[0].defaults["lr"]
        self._forget()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the examples of a batch, and whether its step gave a loss."""
        self.seen["trained"].append(batch.ids)
        self.seen["losses"].append(bool(outputs) and "loss" in outputs)

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, *rest: Any
    ) -> None:
        """Note the examples of a batch that counts."""
        if batch.weight:
            self.seen["validated"] += batch.ids

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write it down."""
        path = Path(trainer.default_root_dir) / f"seen-{trainer.global_rank}.json"
        path.write_text(json.dumps(self.seen))

    def _forget(self) -> None:
        self.seen |= {"trained": [], "validated": [], "losses": []}


class Saboteur(pl.Callback):
    """Makes rank 1 fail in its second step, of a run with the seed 2."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: pl.Trainer, *rest: Any) -> None:
        """Fail."""
        if (trainer.global_step, trainer.global_rank, self.seed) == (1, 1, 2):
            raise RuntimeError("boom on purpose")
