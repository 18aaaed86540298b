"""Train, from a config to a model that can be shared."""

from __future__ import annotations

import gc
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from seqloom.config.compose import compose_run, quoted
from seqloom.config.run_config import RunConfig
from seqloom.plugins.registry import disabling_for_one_run
from seqloom.train.data import sampler
from seqloom.train.devices import processes
from seqloom.train.errors import quiet
from seqloom.train.folder import RunFolder
from seqloom.train.init import Beginning, begun, with_parts
from seqloom.train.isolation import isolated
from seqloom.train.launch import launch
from seqloom.train.lease import Lease, end_process
from seqloom.train.origins import told_of_changes
from seqloom.train.prepare import prepared, restored
from seqloom.train.record import recorded
from seqloom.train.trial import perform, seed_everything

log = logging.getLogger("seqloom")


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Attributes:
        run_dir: the run's folder.
        metrics: by split and name: ``result.metrics["test"]["f1"]``.
        monitor: the name of the metric that the best checkpoint was chosen by.
    """

    run_dir: Path
    metrics: dict[str, dict[str, float]]
    monitor: str

    @property
    def bundle(self) -> Path:
        """The folder of the best model."""
        return RunFolder(self.run_dir).bundle

    @property
    def report(self) -> Path:
        """The report."""
        return RunFolder(self.run_dir).report


def fit(*overrides: str, run_dir: str | Path) -> Result:
    """Train as ``seqloom train`` does, from Python.

    Args:
        overrides: as on the command line: ``"encoder=lstm", "encoder.hidden_size=64"``.
        run_dir: the folder that gets everything.

    Raises:
        SeqloomError: the config, the data or the folder cannot be used.
    """
    # An override like the others: loggers may refer to it.
    words = with_parts([*overrides, f"run_dir={quoted(run_dir)}"])
    with disabling_for_one_run():
        return run(compose_run(words, begun), overrides)


def run(config: RunConfig, overrides: Sequence[str] = ()) -> Result:
    """Train from a frozen config, evaluate the best checkpoint, and write the run's folder.

    A run on one device does so in this process; one on several has a process started for each.

    Raises:
        SeqloomError: the data or the folder cannot be used, or training failed.
    """
    quiet()
    folder = RunFolder(Path(config.run_dir).absolute())
    with Lease(folder.path, when_lost=lambda: end_process(folder.path)):
        if folder.has_ended_well(config):
            log.info("%s has ended already; there is nothing left to train.", folder.path)
            return _stored_result(folder)
        folder.tidy()
        with told_of_changes(folder, config):
            going_on = folder.claim(config)
        try:
            with isolated(), recorded(folder, config, overrides) as record:
                ranks = processes(config)
                if ranks:
                    _prepare(config, folder, going_on, ranks)
                    record.update(launch(folder, ranks, going_on=going_on))
                else:
                    record.update(_run_here(config, folder, going_on))
        finally:  # a trainer and its parts refer to one another; the next run needs the memory
            gc.collect()
    return _stored_result(folder)


def _run_here(config: RunConfig, folder: RunFolder, going_on: bool) -> dict[str, Any]:
    if config.threads:
        torch.set_num_threads(config.threads)
    seed_everything(config.seed)
    beginning = Beginning(config) if config.init and not going_on else None
    if going_on:
        data = restored(config, folder)
    else:
        data = prepared(config, folder, beginning.states if beginning else None)
    return perform(config, folder, data, going_on=going_on, beginning=beginning)


def _prepare(config: RunConfig, folder: RunFolder, going_on: bool, ranks: int) -> None:
    """Leave in the folder what the ranks need; they check that the data are the same."""
    if not going_on:
        seed_everything(config.seed)
        basis = Beginning(config).states if config.init else None
        data = prepared(config, folder, basis)
        # What cannot be dealt to so many is refused here, not by each of them.
        sampler(data.rows["train"], config.batch, training=True, world_size=ranks)


def _stored_result(folder: RunFolder) -> Result:
    record = folder.read_record()
    metrics = {
        split: {name: math.nan if value is None else value for name, value in values.items()}
        for split, values in record["metrics"].items()
    }
    return Result(folder.path, metrics, record["monitor"])
