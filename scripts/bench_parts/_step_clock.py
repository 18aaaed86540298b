"""A callback that tells how long the steps of each rank took, and its questions about a signal."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytorch_lightning as pl

from seqloom.train.ranks.agreement import Agreement


class StepClock(pl.Callback):
    """Writes the start of each step, and the seconds of each question whether to leave.

    Args:
        out: Folder that gets a file of each rank, ``RANK.json``: both lists.
    """

    def __init__(self, out: str) -> None:
        self.out = Path(out)
        self.starts: list[float] = []
        asked: list[float] = []
        self.asked = asked
        ask = Agreement.on_step_end

        def timed(agreement: Agreement, trainer: pl.Trainer) -> None:
            start = time.perf_counter()
            ask(agreement, trainer)
            asked.append(time.perf_counter() - start)

        Agreement.on_step_end = timed  # type: ignore[method-assign]

    def on_train_batch_start(self, *args: object) -> None:
        """Note the start of a step."""
        self.starts.append(time.perf_counter())

    def on_train_end(self, trainer: pl.Trainer, *args: object) -> None:
        """Write what was noted."""
        found = json.dumps([self.starts, self.asked])
        (self.out / f"{trainer.global_rank}.json").write_text(found, encoding="utf-8")
