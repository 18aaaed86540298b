"""End a trial early that does worse than the others of its sweep did at the same epoch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from seqloom.errors import ConfigError
from seqloom.sweep.optuna.pruners import build_pruner, is_hopeless
from seqloom.sweep.optuna.reports import Reports
from seqloom.train.ranks import from_first, is_first

log = logging.getLogger("seqloom")

ENDED = ("done", "pruned")


class Pruning(pl.Callback):
    """Asks a pruner after each epoch's validation whether the trial is worth going on.

    What the others reported is read from their folders, beside the trial's own: no server, no
    database, and it does not matter on which host they ran. The first rank asks, all obey.

    Args:
        pruner: its name.
        pruner_params: its arguments; steps are epochs, counted from 1.
        metric: what trials are compared by, ``val/loss`` say; None: the head's monitored metric.
        direction: ``maximize`` or ``minimize``, of a metric that is given.

    Attributes:
        pruned: whether the trial was ended.
    """

    def __init__(
        self,
        pruner: str,
        pruner_params: Mapping[str, Any] | None = None,
        metric: str | None = None,
        direction: str = "maximize",
    ) -> None:
        self.pruner, self.params = pruner, dict(pruner_params or {})
        build_pruner(self.pruner, self.params)  # a mistake shows before the first epoch
        self.metric, self.direction = metric, direction
        self.reports: Reports | None = None
        self.pruned = False

    def state_dict(self) -> dict[str, Any]:
        """Return whether the trial was ended: a process may be killed before it says so."""
        return {"pruned": self.pruned}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state."""
        self.pruned = state_dict["pruned"]

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ask, unless training has ended anyway."""
        if trainer.sanity_checking or _is_last_epoch(trainer):
            return
        if from_first(is_first() and self._is_hopeless(trainer, pl_module)):
            self.pruned = trainer.should_stop = True
            log.info("Pruned after epoch %d: other trials did better.", trainer.current_epoch + 1)

    def _is_hopeless(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> bool:
        folder = Path(trainer.default_root_dir)
        if not folder.name.isdecimal():
            return False  # no trial of a sweep
        metric, sign = self._compared_by(pl_module)
        if metric not in trainer.callback_metrics:
            return False  # no trial has it: the search says so as soon as one has ended
        self.reports = self.reports or Reports(folder.parent, metric)
        others = self.reports.read()
        curves = {
            number: {epoch: sign * value for epoch, value in other.curve.items()}
            for number, other in others.items()
            if other.curve
        }
        number, epoch = int(folder.name), trainer.current_epoch + 1
        # The trial's own newest line is written after this.
        newest = sign * float(trainer.callback_metrics[metric])
        earlier = {past: value for past, value in curves.get(number, {}).items() if past < epoch}
        curves[number] = {**earlier, epoch: newest}
        ended = {one: other.state for one, other in others.items() if other.state in ENDED}
        return is_hopeless(build_pruner(self.pruner, self._params(trainer)), curves, ended, number)

    def _compared_by(self, pl_module: pl.LightningModule) -> tuple[str, int]:
        """Return a metric, and what makes it one of which more is better."""
        if self.metric:
            return self.metric, 1 if self.direction == "maximize" else -1
        pipeline: Any = pl_module.pipeline
        return f"val/{pipeline.head.monitor}", 1 if pipeline.head.higher_is_better else -1

    def _params(self, trainer: pl.Trainer) -> dict[str, Any]:
        if self.pruner != "hyperband" or "max_resource" in self.params:
            return self.params
        # Left to itself it would wait for the first trial to end, to know how long they are.
        if (trainer.max_epochs or -1) < 1:
            raise ConfigError(
                "hydra.sweeper.pruner=hyperband must know how long trials may be: set "
                "trainer.max_epochs, or hydra.sweeper.pruner_params={max_resource: EPOCHS}."
            )
        return {**self.params, "max_resource": trainer.max_epochs}


def _is_last_epoch(trainer: pl.Trainer) -> bool:
    """Return whether what is left to train is nothing: the trial may as well end well."""
    return trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
