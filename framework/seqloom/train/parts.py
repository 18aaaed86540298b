"""Build what a run's config names by import path: optimiser, schedule, trainer, callbacks, loggers.

The only place where an import path from a config is followed. A run's config is its user's own
program; bundles, which come from others, never reach this.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch.optim import Optimizer

from seqloom.config.run_config import RunConfig
from seqloom.errors import ConfigError
from seqloom.interfaces import Head
from seqloom.train.callbacks import BestCheckpoint, WholeFiles

log = logging.getLogger("seqloom")


def build(section: Mapping[str, Any], key: str, **late: Any) -> Any:
    """Return what a section with ``_target_`` describes, given what is only known late.

    Raises:
        ConfigError: the target does not exist or refuses its parameters.
    """
    if "_target_" not in section:
        raise ConfigError(f"{key} has no _target_, the import path of what it should be.")
    try:
        return instantiate(dict(section), **late, _convert_="all")
    except (InstantiationException, TypeError, ValueError) as fault:
        cause = fault.__cause__ or fault
        raise ConfigError(f"{key} cannot be built: {cause}") from fault


def build_optimizer(config: RunConfig) -> Callable[[Any], Optimizer]:
    """Return a function from parameters to the optimiser."""
    optimizer: Callable[[Any], Optimizer] = build(
        {**config.optimizer, "_partial_": True}, "optimizer"
    )
    return optimizer


def build_scheduler(config: RunConfig) -> Callable[..., Any] | None:
    """Return a function from an optimiser to the schedule, or None."""
    if not config.scheduler:
        return None
    scheduler: Callable[..., Any] = build({**config.scheduler, "_partial_": True}, "scheduler")
    return scheduler


def build_callbacks(config: RunConfig, head: Head, has_val: bool) -> list[pl.Callback]:
    """Return the callbacks; ``monitor: null`` becomes the head's own metric."""
    built = []
    for name, section in (config.callbacks or {}).items():
        late = {}
        if "monitor" in section:
            if not has_val:
                log.info("No validation split: callbacks.%s is left out.", name)
                continue
            if section["monitor"] is None:
                late = {"monitor": f"val/{head.monitor}", "mode": head.mode}
        built.append(build(section, f"callbacks.{name}", **late))
    return built


def best_checkpoint(folder: Path, head: Head, has_val: bool) -> BestCheckpoint:
    """Return the callback that keeps the best checkpoint by the head's metric."""
    return BestCheckpoint(
        dirpath=folder,
        filename="best",
        monitor=f"val/{head.monitor}" if has_val else None,
        mode=head.mode,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def build_loggers(config: RunConfig) -> list[Any]:
    """Return the loggers that the config names."""
    return [build(section, f"logger.{name}") for name, section in (config.logger or {}).items()]


def close_loggers(loggers: Sequence[Any]) -> None:
    """End what loggers have open, or the next run in this process would be logged as this one.

    Lightning finalises its loggers, but does not end a run that their service goes on with.
    """
    for logger in loggers:
        experiment = getattr(logger, "_experiment", None)
        for name in ("finish", "end", "close"):
            ending = getattr(experiment, name, None)
            if callable(ending):
                ending()
                break


def build_trainer(
    config: RunConfig,
    run_dir: Path,
    callbacks: list[pl.Callback],
    loggers: list[Any],
    *,
    in_ranks: bool = False,
) -> pl.Trainer:
    """Return the trainer of this process; ``in_ranks``: one of several that were launched.

    Raises:
        ConfigError: it refuses its parameters.
    """
    environment = TorchElasticEnvironment() if in_ranks else LightningEnvironment()
    trainer: pl.Trainer = build(
        {
            "num_sanity_val_steps": 0,
            "enable_model_summary": False,
            "enable_progress_bar": sys.stdout.isatty(),
            **config.trainer,
        },
        "trainer",
        callbacks=callbacks,
        logger=loggers,
        # Lightning would otherwise look for checkpoints in the current directory, and take any
        # Slurm job for its own.
        default_root_dir=str(run_dir),
        plugins=[environment, WholeFiles()],
        use_distributed_sampler=False,
    )
    return trainer
