"""Lightning callbacks and the logger that every run has."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger

from seqloom.files import cannot_write, finite, write_text


class JsonLines(Logger):
    """Writes one line of JSON for each step at which something was logged."""

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
        row = {"step": step, **{name: float(value) for name, value in metrics.items()}}
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(finite(row)) + "\n")
        except OSError as fault:
            raise cannot_write(self.path, fault) from fault

    def rows(self) -> list[dict[str, Any]]:
        """Return what was written so far."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def forget_after(self, step: int) -> None:
        """Drop the lines of steps that a resumed run will train again."""
        kept = [row for row in self.rows() if row["step"] < step]
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))


class RandomState(pl.Callback):
    """Keeps torch's random state in checkpoints, so that a resumed run goes on with its bits."""

    def __init__(self) -> None:
        self.restored: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the CPU's generator and of each GPU's."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {"cpu": torch.get_rng_state(), "cuda": cuda}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the state; Lightning itself still draws numbers before the first batch."""
        self.restored = state_dict

    def on_train_batch_start(self, *args: Any) -> None:
        """Take the state up at the first batch."""
        if self.restored is None:
            return
        torch.set_rng_state(self.restored["cpu"].cpu())
        if torch.cuda.is_available() and self.restored["cuda"]:
            torch.cuda.set_rng_state_all([state.cpu() for state in self.restored["cuda"]])
        self.restored = None
