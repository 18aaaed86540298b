"""The training of a pipeline as one writes it for Lightning: no callbacks, no logging."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from seqloom.config.run_config import RunConfig
from seqloom.interfaces import SequenceBatch
from seqloom.model.build import build_pipeline
from seqloom.train.data import RunData, SequenceData
from seqloom.train.instantiate import build_optimizer
from seqloom.train.optimizer import make_optimizer


class Bare(pl.LightningModule):
    """Trains a pipeline with the optimizer of a run.

    Args:
        cfg: Config of the run.
        data: Its data.
    """

    def __init__(self, cfg: RunConfig, data: RunData) -> None:
        super().__init__()
        self.cfg = cfg
        self.pipeline = build_pipeline(cfg.components, data.codecs)
        self.model = self.pipeline.model

    def training_step(self, batch: SequenceBatch, batch_idx: int) -> Tensor:
        """Return the mean loss."""
        _, outputs = self.pipeline.outputs(batch)
        targets = batch.targets[self.pipeline.head_name]
        return self.pipeline.head.loss(outputs, targets).mean()

    def configure_optimizers(self) -> Any:
        """Return the optimizer."""
        return make_optimizer(build_optimizer(self.cfg.optimizer), list(self.parameters()))


def train(cfg: RunConfig, data: RunData, steps: int, turns: pl.Callback) -> None:
    """Train for some steps, with the clipping of a run and one callback that measures."""
    trainer = pl.Trainer(
        max_steps=steps,
        max_epochs=-1,
        logger=False,
        callbacks=[turns],
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        accelerator="cpu",
        gradient_clip_val=cfg.trainer["gradient_clip_val"],
        use_distributed_sampler=False,
        limit_val_batches=0,
    )
    trainer.fit(Bare(cfg, data), datamodule=SequenceData(data, cfg.batch, seed=0))
