"""Instantiate the objects that a config names by import path: optimizer, trainer, callbacks etc.

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
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from torch.optim import Optimizer

from seqloom.config.run_config import Section
from seqloom.errors import ConfigError
from seqloom.interfaces import Head
from seqloom.train.checkpoints import AtomicCheckpointIO, BestCheckpoint

log = logging.getLogger("seqloom")


def build(section: Mapping[str, Any], key: str, **late: Any) -> Any:
    """Return the object that a section with ``_target_`` describes.

    Args:
        section: Import path and arguments.
        key: Key of the section, for messages.
        late: Additional arguments, known only at run time.

    Raises:
        ConfigError: The target does not exist or refuses its parameters.
    """
    if "_target_" not in section:
        raise ConfigError(f"{key} has no _target_, the import path of a class or function.")
    try:
        return instantiate(dict(section), **late, _convert_="all")
    except (InstantiationException, TypeError, ValueError) as error:
        cause = error.__cause__ or error
        raise ConfigError(f"{key} cannot be built: {cause}") from error


def build_optimizer(section: Section) -> Callable[[Any], Optimizer]:
    """Return a function from parameters to the optimizer."""
    optimizer: Callable[[Any], Optimizer] = build({**section, "_partial_": True}, "optimizer")
    return optimizer


def build_scheduler(section: Section | None) -> Callable[..., Any] | None:
    """Return a function from an optimizer to the scheduler, or None."""
    if not section:
        return None
    scheduler: Callable[..., Any] = build({**section, "_partial_": True}, "scheduler")
    return scheduler


def build_callbacks(
    sections: Mapping[str, Section] | None, head: Head, has_val: bool
) -> list[pl.Callback]:
    """Return the callbacks; ``monitor: null`` becomes the head's own metric."""
    built = []
    for name, section in (sections or {}).items():
        late = {}
        if "monitor" in section:
            if not has_val:
                log.info("No validation split: callbacks.%s is not used.", name)
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


def build_loggers(sections: Mapping[str, Section] | None) -> list[Any]:
    """Return the loggers."""
    return [build(section, f"logger.{name}") for name, section in (sections or {}).items()]


def close_loggers(loggers: Sequence[Any]) -> None:
    """Close the loggers; otherwise, the next run in this process would be logged as this one.

    Lightning finalizes its loggers, but does not end the run of their service.
    """
    for logger in loggers:
        experiment = getattr(logger, "_experiment", None)
        for name in ("finish", "end", "close"):
            ending = getattr(experiment, name, None)
            if callable(ending):
                ending()
                break


def build_trainer(
    section: Section,
    run_dir: Path,
    callbacks: list[pl.Callback],
    loggers: list[Any],
    environment: ClusterEnvironment,
) -> pl.Trainer:
    """Return the trainer of this process.

    Args:
        section: Section ``trainer`` of the config.
        run_dir: Folder of the run.
        callbacks: Callbacks, in their order.
        loggers: Loggers.
        environment: Lightning's description of the other processes.

    Raises:
        ConfigError: The trainer refuses its parameters.
    """
    trainer: pl.Trainer = build(
        {
            "num_sanity_val_steps": 0,
            "enable_model_summary": False,
            "enable_progress_bar": sys.stdout.isatty(),
            **section,
        },
        "trainer",
        callbacks=callbacks,
        logger=loggers,
        # Lightning would otherwise look for checkpoints in the current directory, and take any
        # Slurm job for its own.
        default_root_dir=str(run_dir),
        plugins=[environment, AtomicCheckpointIO()],
        use_distributed_sampler=False,
    )
    return trainer
