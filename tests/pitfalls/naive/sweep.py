"""A sweep of runs on several ranks, by Hydra and Lightning alone.

``python sweep.py -m devices=2,1``
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
import pytorch_lightning as pl
import torch
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf
from torch.utils.data import DataLoader, Sampler


@dataclass
class Config:
    """Settings of a run; ``rate`` is drawn, as a random search would do it."""

    devices: int = 2
    seed: int = 0
    fault: str = ""
    faulty: int = 0
    rate: Any = "${draw:}"


class Batches(Sampler[list[int]]):
    """Batches of two of eight examples, in an order that is the same everywhere."""

    def __iter__(self) -> Iterator[list[int]]:
        return iter([[0, 1], [2, 3], [4, 5], [6, 7]])

    def __len__(self) -> int:
        return 4


class Model(pl.LightningModule):
    """One weight, and on rank 1 of one job a fault if one is asked for."""

    def __init__(self, config: Config, job: int) -> None:
        super().__init__()
        self.config, self.job = config, job
        self.layer = torch.nn.Linear(1, 1)
        self.trained: list[float] = []
        self.validated: list[float] = []

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor | None:
        self.trained += batch.flatten().tolist()
        if (self.job, self.global_rank) == (self.config.faulty, 1) and self.config.fault:
            Path("fault").touch()
            if self.config.fault == "exit":
                os._exit(3)
            return None  # there is nothing to train on in this batch
        loss: torch.Tensor = self.layer(batch).mean()
        return loss

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        self.validated += batch.flatten().tolist()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.config.rate / 100)


def train(config: Config) -> None:
    """Train one job; each process writes down what it was told and what it saw."""
    job = HydraConfig.get().job.num
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=config.devices,
        strategy="ddp" if config.devices > 1 else "auto",
        max_epochs=1,
        logger=False,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        # Lightning would make the batch sampler anew, with arguments that it does not take. In
        # validation its own sampler deals the examples out.
        use_distributed_sampler=False,
    )
    model = Model(config, job)
    examples: Any = torch.arange(8.0).reshape(8, 1)
    odd: Any = torch.arange(5.0).reshape(5, 1)
    validation = DataLoader(odd, sampler=sampler(odd, trainer))
    trainer.fit(model, DataLoader(examples, batch_sampler=Batches()), validation)
    seen = {
        "job": job,
        "rank": trainer.global_rank,
        "rate": config.rate,
        "sweep": HydraConfig.get().sweep.dir,
        "trained": model.trained,
        "validated": model.validated,
        "leaked": sorted({"LOCAL_RANK", "MASTER_PORT"} & set(os.environ)),
    }
    Path(f"{job}-{os.getpid()}.json").write_text(json.dumps(seen))


def sampler(examples: Any, trainer: pl.Trainer) -> Any:
    """Return torch's sampler for so many ranks, or None on one."""
    if trainer.world_size == 1:
        return None
    return torch.utils.data.DistributedSampler(
        examples, trainer.world_size, trainer.global_rank, shuffle=False
    )


if __name__ == "__main__":
    OmegaConf.register_new_resolver("draw", random.random, use_cache=True)
    ConfigStore.instance().store("sweep", Config)
    hydra.main(version_base="1.3", config_name="sweep", config_path=None)(train)()
