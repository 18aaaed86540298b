"""Instantiate the objects that a config names by import path: optimizer, trainer, callbacks etc.

The only place where seqloom follows an import path from a config; Hydra itself follows those of
sweepers and launchers. A run's config is its user's own
program; bundles, which come from others, never reach this.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from pytorch_lightning.callbacks import EarlyStopping, ProgressBar
from pytorch_lightning.strategies import DDPStrategy
from torch.optim import Optimizer

from seqloom.config.run_config import Section
from seqloom.errors import ConfigError, shortened
from seqloom.interfaces import Head
from seqloom.interfaces.head import Mode
from seqloom.train.checkpoints.callbacks import BestCheckpoint
from seqloom.train.checkpoints.writer import CheckpointWriter
from seqloom.train.loops import install_loops
from seqloom.train.monitor import SPLIT, Monitor, mode_of, warn_of_mode
from seqloom.train.overhead import Bar, NoProfiler, skip_idle_hooks
from seqloom.train.sharding import NAME, ShardedStrategy

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
        said = shortened(" ".join(str(cause).split()), 500)
        raise ConfigError(f"{key} cannot be built: {said}") from error


def build_optimizer(section: Section) -> Callable[[Any], Optimizer]:
    """Return a function from parameters to the optimizer.

    ``fused`` is left out for optimizers without this parameter: a config that replaces the
    ``_target_`` of an option inherits the rest of it.
    """
    if "fused" in section and not _takes(section, "fused", unknown=True):
        log.info("optimizer.fused is not used: %s does not support it.", section["_target_"])
        section = {name: value for name, value in section.items() if name != "fused"}
    optimizer: Callable[[Any], Optimizer] = build({**section, "_partial_": True}, "optimizer")
    return optimizer


def build_scheduler(section: Section | None) -> Callable[..., Any] | None:
    """Return a function from an optimizer to the scheduler, or None."""
    if not section:
        return None
    own = {name: value for name, value in section.items() if name != "monitor"}
    scheduler: Callable[..., Any] = build({**own, "_partial_": True}, "scheduler")
    return scheduler


def schedule_monitor(section: Section | None, head: Head, monitor: Monitor) -> tuple[str, Mode]:
    """Return the metric, with its split, and the mode of a schedule that waits for a plateau.

    ``scheduler.monitor`` and ``scheduler.mode`` replace those of the run.

    Raises:
        ConfigError: The head does not have the metric.
    """
    found = with_monitor({"monitor": None, **(section or {})}, "scheduler", head, monitor)
    return found["monitor"], found.get("mode") or monitor.mode


def build_callbacks(
    sections: Mapping[str, Section] | None, head: Head, monitor: Monitor, has_validation: bool
) -> list[pl.Callback]:
    """Return the callbacks; where ``monitor`` or ``mode`` is null, the run's own is used.

    A callback that names a metric gets the direction of this metric.

    Raises:
        ConfigError: A callback monitors a metric that the head does not have.
    """
    built = []
    for name, section in (sections or {}).items():
        if "monitor" in section and not has_validation:
            log.info("No validation split: callbacks.%s is not used.", name)
            continue
        key = f"callbacks.{name}"
        callback = build(with_monitor(section, key, head, monitor), key)
        if isinstance(callback, EarlyStopping) and "strict" not in section:
            callback.strict = False  # the metric exists, but perhaps no validation has run yet
        built.append(callback)
    return built


def with_monitor(section: Section, key: str, head: Head, monitor: Monitor) -> Section:
    """Return the section of a callback or schedule with its metric and the metric's direction.

    Args:
        section: Section; without the key ``monitor`` it is returned unchanged.
        key: Key of the section, for messages.
        head: Head of the model.
        monitor: The run's own metric, for ``monitor: null``.

    Raises:
        ConfigError: The head does not have the metric.
    """
    if "monitor" not in section:
        return section
    named, mode = section["monitor"], section.get("mode")
    rest = {name: value for name, value in section.items() if name not in {"monitor", "mode"}}
    if named is None:
        named, found = monitor.key, monitor.mode
    elif mode is None or named.startswith(SPLIT):
        found = mode_of(head, named, key)
        found = monitor.mode if named == monitor.key else found
    else:  # a metric that another callback logs
        found = mode
    warn_of_mode(f"{key}.mode", named, mode, found)
    extra = {"mode": mode or found} if _takes(section, "mode") else {}
    return {**rest, "monitor": named, **extra}


def _takes(section: Section, name: str, *, unknown: bool = False) -> bool:
    """Return whether the target of a section has a parameter; ``unknown`` if nobody can say."""
    try:
        parameters = inspect.signature(get_object(section["_target_"])).parameters
    except Exception:  # `build` explains what is wrong with it
        return unknown
    kinds = {parameter.kind for parameter in parameters.values()}
    return name in parameters or inspect.Parameter.VAR_KEYWORD in kinds


def best_checkpoint(folder: Path, monitor: Monitor, has_validation: bool) -> BestCheckpoint:
    """Return the callback that keeps the best checkpoint by the run's metric."""
    return BestCheckpoint(
        dirpath=folder,
        filename="best",
        monitor=monitor.key if has_validation else None,
        mode=monitor.mode,
        # Where validation runs inside an epoch, its scores are those of the weights at that step.
        save_on_train_epoch_end=not has_validation,
        enable_version_counter=False,
    )


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
        callbacks: Callbacks, in their order; Lightning calls those that are a `Checkpoint` last.
        loggers: Loggers.
        environment: Lightning's description of the other processes.

    Raises:
        ConfigError: The trainer refuses its parameters.
    """
    bar = section.get("enable_progress_bar", sys.stdout.isatty())
    others = any(isinstance(one, ProgressBar) for one in callbacks)
    sharded = section.get("strategy") == NAME
    trainer: pl.Trainer = build(
        {
            "num_sanity_val_steps": 0,
            "enable_model_summary": False,
            "enable_progress_bar": bar,
            "profiler": NoProfiler(),
            **section,
            **({"inference_mode": False} if sharded else {}),
        },
        "trainer",
        **({"strategy": ShardedStrategy()} if sharded else {}),
        callbacks=[*callbacks, *([Bar()] if bar and not others else [])],
        logger=loggers,
        # Lightning would otherwise look for checkpoints in the current directory, and take any
        # Slurm job for its own.
        default_root_dir=str(run_dir),
        plugins=[environment, CheckpointWriter()],
        use_distributed_sampler=False,
    )
    if isinstance(trainer.strategy, DDPStrategy):  # no copies from gradients to buckets and back
        trainer.strategy._ddp_kwargs.setdefault("gradient_as_bucket_view", True)
    install_loops(trainer)
    skip_idle_hooks(callbacks)
    return trainer
