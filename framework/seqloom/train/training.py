"""Train a pipeline by Lightning, from the start or from the last checkpoint of its run."""

from __future__ import annotations

import logging
import math
import os
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import EarlyStopping

from seqloom.config.interval import parse_interval
from seqloom.config.run_config import RunConfig
from seqloom.data.redealing import RedealtSampler
from seqloom.errors import RunError, plural
from seqloom.model.pipeline import Pipeline
from seqloom.train import instantiate, interrupt
from seqloom.train.callbacks import EpochLines, TrainingTime
from seqloom.train.checkpoints.callbacks import ComponentRecord, LastCheckpoint
from seqloom.train.checkpoints.continuation import training_data
from seqloom.train.checkpoints.files import read_best
from seqloom.train.checkpoints.progress import Progress, read_progress
from seqloom.train.checkpoints.state import EpochState, RandomState
from seqloom.train.checkpoints.writer import CheckpointWriter
from seqloom.train.data import RunData, SequenceData
from seqloom.train.folder import RunFolder, read_metrics
from seqloom.train.limits import (
    callbacks_of,
    of_epochs,
    set_epochs,
    set_patience,
    stop_message,
    total_steps,
    used_batches,
)
from seqloom.train.loggers import Loggers
from seqloom.train.metrics_log import JsonLines
from seqloom.train.module import SequenceModule
from seqloom.train.monitor import chosen_monitor, recorded_modes
from seqloom.train.notes import by_epoch, run_notes
from seqloom.train.pretrained import freeze_modules
from seqloom.train.process import explained_errors, set_seed
from seqloom.train.ranks.agreement import Agreement, ignore_signals
from seqloom.train.ranks.distributed import is_first, rank, world_size
from seqloom.train.ranks.hang import HangEnd, Heartbeat
from seqloom.train.ranks.scaling import ScalingEfficiency
from seqloom.train.record import Summary
from seqloom.train.remote_copy import CopyFolder
from seqloom.train.watch import OWNER_VARIABLE

log = logging.getLogger("seqloom")


class Training:
    """Trains a pipeline and leaves it with the weights of its best checkpoint.

    Args:
        cfg: Config of the run.
        folder: Folder of the run; it says whether the run is resumed.
        data: Prepared data.
        pipeline: Pipeline to train.
        environment: Lightning's description of the other processes.
    """

    def __init__(
        self,
        cfg: RunConfig,
        folder: RunFolder,
        data: RunData,
        pipeline: Pipeline,
        environment: ClusterEnvironment,
    ) -> None:
        self.cfg, self.folder, self.data, self.pipeline = cfg, folder, data, pipeline
        self.environment = environment
        self.hang_end = self._hang_end()
        self.has_validation = bool(data.splits["val"])
        if not self.has_validation:
            log.info("There is no validation split: the last epoch is kept, not the best.")
        self.monitor = chosen_monitor(pipeline.head, cfg.monitor, cfg.mode)
        self.best = instantiate.best_checkpoint(
            folder.checkpoints, self.monitor, self.has_validation
        )
        self.lines = EpochLines(self.monitor.key)
        self.time = TrainingTime()
        self.scaling = ScalingEfficiency()
        self.metrics_logger = JsonLines(folder.metrics_log)
        self.loggers = Loggers(cfg, folder, first=environment.global_rank() == 0)
        self.trainer = instantiate.build_trainer(
            cfg.trainer,
            folder.path,
            self._callbacks(),
            [self.metrics_logger, *self.loggers.all],
            environment,
        )
        ignore_signals(self.trainer)

    @property
    def pruned(self) -> bool:
        """Whether a callback ended the training because other trials of its sweep score better."""
        return any(getattr(one, "pruned", False) for one in callbacks_of(self.trainer))

    def run(self) -> Summary:
        """Train; return the facts of the training for the run's record."""
        module, data = self.fit()
        self.metrics_logger.warn_if_changed()
        self._log_end()
        self._load_best(module)
        self.pipeline.to(self.trainer.strategy.root_device)  # Lightning has left it on the CPU
        return self._summary(data)

    def fit(self) -> tuple[SequenceModule, SequenceData]:
        """Train until a limit or a callback ends it; return what was trained, and on what data."""
        self.trainer.strategy.setup_environment()  # from here on, rank() is this process's own
        before = self._progress()
        for change in before.changes if is_first() else ():
            log.warning("The components have changed since the run started: %s", change)
        forgotten = self.metrics_logger.forget_after(
            before.steps, before.metrics_size, before.metrics_sha256
        )
        if before.path is not None:
            self.loggers.leave_out(forgotten, before.steps)
        # On other ranks than before, this also changes the trainer.
        data = training_data(self.cfg, self.data, before, self.trainer)
        self.time.batches = len(data.train_sampler)
        used = used_batches(self.trainer, self.time.batches)
        set_epochs(self.trainer, self.cfg.budget, used)
        set_patience(self.trainer)
        self._log_in_each_epoch(used)
        module = self._module(used)
        self.lines.of = of_epochs(self.trainer, used)
        if not isinstance(data.train_sampler, RedealtSampler):  # of which another line tells
            self._log_batches(used)
        # Lightning sets the sampler's epoch too late for workers, which read ahead.
        data.train_sampler.set_epoch(before.epochs)
        if rank():
            set_seed(self.cfg.seed, rank())
        writer = self.trainer.strategy.checkpoint_io
        assert isinstance(writer, CheckpointWriter)
        hang_end = self.hang_end or nullcontext()
        with hang_end, explained_errors(self.folder.path), writer.finished(), interrupt.deferred():
            self.loggers.start()
            # As for torch.load: no code is unpickled. The state of the optimizer is restored too.
            self.trainer.fit(module, datamodule=data, ckpt_path=before.path, weights_only=True)
        return module, data

    def _callbacks(self) -> list[pl.Callback]:
        every = self.cfg.save_every
        interval = None if every is None else parse_interval("save_every", every)
        head, last = self.pipeline.head, LastCheckpoint(self.folder.last, interval)
        url = self.folder.remote(self.cfg.copy_to)
        return [
            *instantiate.build_callbacks(
                self.cfg.callbacks, head, self.monitor, self.has_validation
            ),
            RandomState(),
            EpochState(self.metrics_logger),
            ComponentRecord(self.cfg),
            self.time,
            self.scaling,
            self.lines,
            Agreement(partial(last.save, wait=True)),
            *self._heartbeat(),
            # Lightning moves every `Checkpoint` behind the other callbacks, as these three are.
            self.best,
            last,
            *([CopyFolder(self.folder.path, url)] if url else []),
        ]

    def _hang_end(self) -> HangEnd | None:
        """Return what ends this process if it hangs; None: its launcher does, or nobody."""
        timeout, place = self.cfg.hang_timeout, self.environment
        if timeout is None:
            return None
        if isinstance(place, LightningEnvironment):
            return HangEnd(self.folder, None, 1, timeout)
        if OWNER_VARIABLE in os.environ:
            return None
        return HangEnd(self.folder, place.global_rank(), place.world_size(), timeout)

    def _heartbeat(self) -> list[pl.Callback]:
        """Return the callback that notices whether this process hangs."""
        timeout, place = self.cfg.hang_timeout, self.environment
        if timeout is None:
            return []
        if isinstance(place, LightningEnvironment):
            return [Heartbeat(self.folder.path, None, timeout, self.hang_end)]
        return [Heartbeat(self.folder.ranks, place.global_rank(), timeout, self.hang_end)]

    def _log_in_each_epoch(self, batches: int) -> None:
        """Have the metrics logged at least once in an epoch of few batches."""
        every = max(1, min(self.trainer.log_every_n_steps, batches))  # type: ignore[attr-defined]
        self.trainer.log_every_n_steps = every  # type: ignore[attr-defined]

    def _module(self, batches: int) -> SequenceModule:
        """Return the Lightning module, given the number of batches in an epoch."""
        module = SequenceModule(
            self.pipeline,
            instantiate.build_optimizer(self.cfg.optimizer),
            instantiate.build_scheduler(self.cfg.scheduler),
            total_steps(self.trainer, batches),
            freeze_modules(self.pipeline.model, self.cfg.freeze),
            monitor=self.monitor,
        )
        module.schedule_monitor = instantiate.schedule_monitor(
            self.cfg.scheduler, self.pipeline.head, self.monitor
        )
        module.has_validation = self.has_validation
        return module

    def _log_batches(self, batches: int) -> None:
        """Log the size of a batch on each of several ranks, and in a step."""
        if world_size() == 1:
            return
        batch, accumulate = self.cfg.batch, self.trainer.accumulate_grad_batches
        steps = math.ceil(batches / accumulate)
        log.info(
            "%d ranks: a batch of up to %d %s%s on each, %d in a step; %d %s an epoch.",
            world_size(),
            batch.max_examples,
            plural(batch.max_examples, "example"),
            f" and a cost of {batch.max_cost}" if batch.max_cost else "",
            batch.max_examples * world_size() * accumulate,
            steps,
            plural(steps, "step"),
        )

    def _progress(self) -> Progress:
        if not self.folder.resumable:
            return Progress()
        found = read_progress(self.folder.last)
        if is_first():
            log.info("Resuming %s.", found)
        return found

    def _tied(self, epoch: int) -> str:
        """Return why an epoch is the best if an earlier one had the same score."""
        scores = (
            by_epoch(read_metrics(self.folder.metrics_log), self.monitor.key) if is_first() else {}
        )
        tied = any(one < epoch and score == scores.get(epoch) for one, score in scores.items())
        return ", of equal ones that of the lowest loss" if tied else ""

    def _log_end(self) -> None:
        """Log what stopped the training early, if anything did, and how well it used its ranks."""
        epoch, score = self.best.best_epoch, self.best.best_model_score
        best = ""
        if epoch is not None and score is not None:
            best = (
                f" Best: epoch {epoch}, {self.monitor.key} {float(score):.4f}{self._tied(epoch)}."
            )
        message = stop_message(callbacks_of(self.trainer), best)
        for text in (message, self.scaling.message()):
            if text and is_first():
                log.info("%s", text)

    def notes(self) -> list[str]:
        """Return notes on the training for its user."""
        stoppers = [one for one in callbacks_of(self.trainer) if isinstance(one, EarlyStopping)]
        return run_notes(
            read_metrics(self.folder.metrics_log),
            self.monitor,
            patience=min((one.patience for one in stoppers), default=None),
            stopped=any(one.stopping_reason_message for one in stoppers),
        )

    def _load_best(self, module: SequenceModule) -> None:
        best = Path(self.best.best_model_path or self.folder.last)
        if not best.exists():
            raise RunError(
                "No epoch was completed, so there is no model. Raise trainer.max_epochs, "
                "trainer.max_time or trainer.limit_train_batches."
            )
        module.load_state_dict(read_best(best)["state_dict"])

    def _summary(self, data: SequenceData) -> Summary:
        seconds = self.time.seconds
        cost = int(self.data.splits["train"].costs.sum()) * self.time.passes
        return {
            "device": str(self.pipeline.device),
            "ranks": world_size(),
            "scaling_efficiency": self.scaling.efficiency,
            "parameters": sum(parameter.numel() for parameter in self.pipeline.model.parameters()),
            "epochs": self.trainer.fit_loop.epoch_progress.current.ready,
            "steps": self.trainer.global_step,
            "training_seconds": round(seconds, 3),
            "cost_per_second": round(cost / seconds) if seconds else None,
            "batch_fill": round(data.train_sampler.fill(), 4),
            "monitor": self.monitor.name,
            "higher_is_better": self.monitor.higher_is_better,
            "modes": recorded_modes(self.pipeline.head),
            "best_epoch": self.best.best_epoch,
            "metrics": {},
            "metrics_log_sha256": self.metrics_logger.digest(),
        }
