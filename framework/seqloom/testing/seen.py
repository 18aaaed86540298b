"""A log of the examples that a run trained on, to compare an interrupted run with a whole one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from seqloom.interfaces import SequenceBatch
from seqloom.train.ranks.distributed import rank

PATTERN = "seen-*.jsonl"
"""The names of the logs in their folder, one for each rank."""


class SeenExamples(pl.Callback):
    """Appends the ids of each batch to ``seen-RANK.jsonl``; a resumed run drops what was lost.

    Args:
        folder: Folder of the logs.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.batches = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the number of batches; it is the same on every rank."""
        return {"batches": self.batches}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore it."""
        self.batches = state_dict["batches"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the batches up to the checkpoint."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = self._path.read_text("utf-8").splitlines() if self._path.exists() else []
        kept = lines[: self.batches]
        self._path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: SequenceBatch,
        batch_idx: int,
    ) -> None:
        """Append a batch; the callback that writes checkpoints comes later in the list."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(list(batch.ids)) + "\n")
        self.batches += 1

    @property
    def _path(self) -> Path:
        return self.folder / PATTERN.replace("*", str(rank()))
