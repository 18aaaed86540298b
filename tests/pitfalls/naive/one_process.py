"""Several runs in one process and one folder, by Lightning alone; writes down what came of them.

Started where Slurm's variables are set, as in a job of ``srun``.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.callbacks import ModelCheckpoint
from service import ServiceLogger
from torch.utils.data import DataLoader


class Model(pl.LightningModule):
    """One weight, that training leaves as it is."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(weight))
        self.handler: Any = None

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        self.handler = signal.getsignal(signal.SIGUSR1)
        self.log("loss", 0.0)
        return 0 * self.weight

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(model: Model, **settings: Any) -> pl.Trainer:
    """Train for four steps."""
    trainer = pl.Trainer(
        accelerator="cpu",
        **{"max_epochs": 1, "logger": False, "enable_checkpointing": False} | settings,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    examples: Any = torch.zeros(4)
    trainer.fit(model, DataLoader(examples))
    return trainer


def foreign_checkpoint() -> dict[str, Any]:
    """A second job begins where the first one was started."""
    fit(Model(1.0)).save_checkpoint("hpc_ckpt_1.ckpt")
    model = Model(9.0)
    fit(model)
    return {"weight": float(model.weight.detach())}


def handler() -> str:
    """Who handles SIGUSR1 in training?"""
    model = Model(1.0)
    fit(model)
    return type(model.handler).__module__


def last_checkpoints() -> list[str]:
    """A run is begun twice in its folder."""
    for _ in range(2):
        keeper = ModelCheckpoint(dirpath="checkpoints", save_last=True)
        fit(Model(1.0), callbacks=[keeper], enable_checkpointing=True)
    return sorted(path.name for path in Path("checkpoints").glob("last*"))


def logged() -> list[str]:
    """Two runs are logged, each under a name of its own."""
    for name in ("first", "second"):
        fit(Model(1.0), logger=ServiceLogger(name, "logs"))
    return sorted(path.name for path in Path("logs").iterdir())


def port() -> int:
    """Where the ranks of a trial meet, in a process of its own."""
    return SLURMEnvironment().main_port


def ports() -> list[int]:
    """Two trials run at once in one job."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return [pool.apply(port) for _ in range(2)]


if __name__ == "__main__":
    found = {"handler": handler(), "last": last_checkpoints(), "logs": logged(), "ports": ports()}
    Path("found.json").write_text(json.dumps({**found, **foreign_checkpoint()}))
