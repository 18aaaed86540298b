"""How many processes a run asks for: as Lightning understands its settings."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.strategies.launchers.multiprocessing import _MultiProcessingLauncher
from pytorch_lightning.strategies.single_device import SingleDeviceStrategy

from seqloom.config.run_config import RunConfig
from seqloom.errors import ConfigError
from seqloom.train.parts import build

ASKED = ("_target_", "accelerator", "devices", "strategy", "num_nodes", "precision")


def processes(config: RunConfig) -> int:
    """Return how many ranks a run needs; 0 if it runs on one device, in the process that asks.

    ``trainer.devices``, ``trainer.strategy`` and ``trainer.accelerator`` mean what they mean to
    Lightning: ``devices=2``, ``devices=-1``, ``devices=[0,2]``, ``strategy=ddp``.

    Raises:
        ConfigError: Lightning refuses them, or they ask for what cannot be launched.
    """
    settings = config.trainer
    if settings.get("num_nodes", 1) != 1:
        raise ConfigError(
            f"trainer.num_nodes={settings['num_nodes']}: a run spans the devices of one machine; "
            "set trainer.num_nodes=1."
        )
    strategy = _trainer({key: settings[key] for key in ASKED if key in settings}).strategy
    if isinstance(strategy, SingleDeviceStrategy):
        return 0
    if isinstance(strategy.launcher, _MultiProcessingLauncher):
        raise ConfigError(
            f"trainer.strategy={settings['strategy']} copies a process that has begun to train; "
            "ranks are started from the run's folder instead: trainer.strategy=ddp"
        )
    devices: Any = getattr(strategy, "parallel_devices", None) or [None]
    return len(devices)


def _trainer(settings: dict[str, Any]) -> pl.Trainer:
    trainer: pl.Trainer = build(
        {
            **settings,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
        "trainer",
        plugins=[LightningEnvironment()],
    )
    return trainer
