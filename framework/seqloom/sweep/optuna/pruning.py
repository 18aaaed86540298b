"""Stop a trial early if other trials of its sweep scored better at the same epoch."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from optuna.pruners import BasePruner
from optuna.trial import TrialState

from seqloom.errors import ConfigError
from seqloom.sweep.directions import AUTO
from seqloom.sweep.folder import SweepFolder
from seqloom.sweep.optuna.settings import build_pruner
from seqloom.sweep.optuna.study import study_in_memory
from seqloom.sweep.trials import read_trial
from seqloom.train.monitor import modes
from seqloom.train.ranks.distributed import from_first, is_first

log = logging.getLogger("seqloom")

ENDED = ("done", "pruned")

Curves = Mapping[int, Mapping[int, float]]
"""Values of trials by number of the trial and by epoch, counted from 1."""

Stamp = tuple[int, int, int]


class Pruning(pl.Callback):
    """Asks a pruner after each epoch's validation whether to continue the trial.

    The values of other trials are read from their folders, beside the trial's own. This needs no
    server and no database, and works across hosts. The first rank decides for all.

    Args:
        pruner: Name of the pruner.
        pruner_params: Its arguments; steps are epochs, counted from 1.
        metric: Metric to compare trials by, such as ``val/loss``; None: the monitored metric.
        direction: ``maximize`` or ``minimize``, for ``metric``; ``auto``: as the head says.

    Attributes:
        pruned: Whether the trial was pruned.
    """

    def __init__(
        self,
        pruner: str,
        pruner_params: Mapping[str, Any] | None = None,
        metric: str | None = None,
        direction: str = "maximize",
    ) -> None:
        self.pruner, self.params = pruner, dict(pruner_params or {})
        build_pruner(self.pruner, self.params)  # raises before the first epoch
        self.metric, self.direction = metric, direction
        self.reports: Reports | None = None
        self.pruned = False

    def state_dict(self) -> dict[str, Any]:
        """Return whether the trial was pruned: the process may be killed before it is recorded."""
        return {"pruned": self.pruned}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state."""
        self.pruned = state_dict["pruned"]

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ask the pruner, unless training has ended."""
        if trainer.sanity_checking or _is_last_epoch(trainer):
            return
        if from_first(is_first() and self._should_prune(trainer, pl_module)):
            self.pruned = trainer.should_stop = True
            log.info(
                "Pruned after epoch %d: other trials of this sweep score better.",
                trainer.current_epoch + 1,
            )

    def _should_prune(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> bool:
        folder = Path(trainer.default_root_dir)
        if not folder.name.isdecimal():
            return False  # not a trial of a sweep
        metric, sign = self._compared_by(pl_module)
        if metric not in trainer.callback_metrics:
            return False  # the search reports a missing objective when a trial has ended
        self.reports = self.reports or Reports(folder.parent, metric)
        others = self.reports.read()
        curves = {
            number: {epoch: sign * value for epoch, value in other.curve.items()}
            for number, other in others.items()
            if other.curve
        }
        number, epoch = int(folder.name), trainer.current_epoch + 1
        # The newest line of this trial is written after this.
        newest = sign * float(trainer.callback_metrics[metric])
        earlier = {past: value for past, value in curves.get(number, {}).items() if past < epoch}
        curves[number] = {**earlier, epoch: newest}
        ended = {one: other.state for one, other in others.items() if other.state in ENDED}
        return should_prune(build_pruner(self.pruner, self._params(trainer)), curves, ended, number)

    def _compared_by(self, pl_module: pl.LightningModule) -> tuple[str, int]:
        """Return a metric, and the sign that makes higher values better."""
        if self.metric and self.direction == AUTO:
            module: Any = pl_module
            return self.metric, -1 if modes(module.pipeline.head).get(self.metric) == "min" else 1
        if self.metric:
            return self.metric, 1 if self.direction == "maximize" else -1
        monitor: Any = pl_module.monitor
        return monitor.key, 1 if monitor.higher_is_better else -1

    def _params(self, trainer: pl.Trainer) -> dict[str, Any]:
        if self.pruner != "hyperband" or "max_resource" in self.params:
            return self.params
        # Without it, Hyperband waits for the first trial to end, to know the length of trials.
        if (trainer.max_epochs or -1) < 1:
            raise ConfigError(
                "hydra.sweeper.pruner=hyperband needs the maximum length of trials: set "
                "trainer.max_epochs or hydra.sweeper.pruner_params={max_resource: EPOCHS}."
            )
        return {**self.params, "max_resource": trainer.max_epochs}


def _is_last_epoch(trainer: pl.Trainer) -> bool:
    """Return whether no epoch is left, so that pruning would save nothing."""
    return trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs


@dataclass(frozen=True)
class Reported:
    """The state of a trial and its values so far.

    Attributes:
        state: State in its record; still ``running`` if its process was killed.
        curve: Metric by epoch, counted from 1.
    """

    state: str
    curve: dict[int, float]


class Reports:
    """Reads the values of a sweep's trials; those of ended trials only once.

    Args:
        folder: Folder of the sweep.
        metric: Name in ``metrics.jsonl``: ``val/f1``.
    """

    def __init__(self, folder: Path, metric: str) -> None:
        self.folder, self.metric = folder, metric
        self._ended: dict[int, tuple[Stamp, Reported]] = {}

    def read(self) -> dict[int, Reported]:
        """Return the values of each trial that has started, by its number."""
        read = {number: self._read_one(number) for number in SweepFolder(self.folder).numbers()}
        return {number: reported for number, reported in read.items() if reported}

    def _read_one(self, number: int) -> Reported | None:
        run = SweepFolder(self.folder).trial(number)
        stamp = _stamp(run.record)
        if stamp is None:
            return None
        known = self._ended.get(number)
        if known and known[0] == stamp:
            return known[1]
        trial = read_trial(run.path)
        state = str(trial.record.get("state"))
        reported = Reported(state, trial.curve(self.metric))
        if state != "running":  # another attempt changes the record first
            self._ended[number] = (stamp, reported)
        return reported


def _stamp(path: Path) -> Stamp | None:
    """Return a stamp that changes whenever a record is written; None if there is no record."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def should_prune(pruner: BasePruner, curves: Curves, ended: Mapping[int, str], number: int) -> bool:
    """Return whether a trial should be pruned after its last report.

    A pruner may keep a state (successive halving: which trial reached which rung). It is not
    stored: the reports of all trials are replayed, epoch by epoch, which restores it.

    Args:
        pruner: A new pruner.
        curves: Values of all trials by number and epoch, counted from 1; higher is better.
        ended: State of each trial that is ``done`` or ``pruned``.
        number: Number of the trial; its last value is the newest.
    """
    study = study_in_memory(["maximize"], pruner)
    trials = [study.ask() for _ in range(max(curves) + 1)]
    newest = max(curves[number])
    for epoch in sorted({epoch for values in curves.values() for epoch in values}):
        for one, values in curves.items():
            if epoch in values and (one, epoch) != (number, newest):
                trials[one].report(values[epoch], epoch)
                trials[one].should_prune()
    for one, state in ended.items():
        known = [value for value in curves.get(one, {}).values() if not math.isnan(value)]
        if one != number and state == "done" and known:
            study.tell(trials[one], max(known))
        elif one != number and state == "pruned":
            study.tell(trials[one], state=TrialState.PRUNED)
    trials[number].report(curves[number][newest], newest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, if all values are NaN
        return trials[number].should_prune()
