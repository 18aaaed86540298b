"""What Hydra calls when a sweep ends: its index is written and its leaderboard printed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from seqloom.sweep.front import has_several_objectives
from seqloom.sweep.index import write_index
from seqloom.sweep.leaderboard import best_trial
from seqloom.sweep.ledger import read_trials
from seqloom.sweep.show import show
from seqloom.train.folder import RunFolder

last_sweep: Path | None = None
"""The folder of the sweep that ended last in this process: Hydra hands nothing back of it."""


class SweepCallback(Callback):
    """Prints the leaderboard and writes ``index.json`` when a sweep ends."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Sum up what the trials left in their folders."""
        global last_sweep  # noqa: PLW0603 - Hydra makes the callback itself and drops it
        last_sweep = Path(config.hydra.sweep.dir)
        sum_up(last_sweep)


def sum_up(folder: Path) -> None:
    """Write a sweep's index and print its leaderboard, where its best model is, and where it is."""
    write_index(folder)
    sys.stdout.write("\n")
    show(folder)
    top = None if has_several_objectives(folder) else best_trial(read_trials(folder))
    if top:
        sys.stdout.write(f"\nbest   {RunFolder(top.folder).bundle}")
    sys.stdout.write(f"\nsweep  {folder}\n")
