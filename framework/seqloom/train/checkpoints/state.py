"""What a run must store besides Lightning's own state, so that it is resumed exactly.

Lightning stores a callback's state under the name of its class, so these names are part of the
format of a run's folder.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from seqloom.train.metrics_log import JsonLines
from seqloom.train.ranks.distributed import gathered, rank

EPOCH_KEY = "seqloom_epoch"
"""The key of a checkpoint with what is known of the current epoch."""


class RandomState(pl.Callback):
    """Keeps the random states in checkpoints, so that a resumed run draws the same numbers.

    The state of every rank is stored: Lightning collects callback states on all ranks, and the
    first writes them. A rank without a stored state, because there were fewer ranks, keeps its
    generators unchanged. Data workers need none: `SequenceDataset` seeds them for each batch.
    """

    def __init__(self) -> None:
        self.restored: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the states of each rank's generators: of torch, on its GPU, NumPy and Python."""
        return {"ranks": gathered(random_state())}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the state; Lightning itself still draws numbers before the first batch."""
        # Older checkpoints hold the state of one process, with a list of all its GPUs.
        ranks = state_dict.get("ranks", [state_dict])
        self.restored = ranks[rank()] if rank() < len(ranks) else None

    def on_resume(self, trainer: pl.Trainer) -> None:
        """Restore the state before the first batch is read."""
        if self.restored is not None:
            set_random_state(self.restored)
            self.restored = None


def random_state() -> dict[str, Any]:
    """Return the states of this process's global generators, as tensors and plain data."""
    cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    legacy: Any = np.random.get_state(legacy=True)
    _, words, place, has_gauss, gauss = legacy
    version, numbers, normal = random.getstate()
    return {
        "cpu": torch.get_rng_state(),
        "cuda": cuda,
        "numpy": [torch.from_numpy(words.astype(np.int64)), place, has_gauss, gauss],
        "python": [version, torch.tensor(numbers, dtype=torch.int64), normal],
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """Restore the states that `random_state` returned; older ones are of torch alone."""
    torch.set_rng_state(state["cpu"].cpu())
    cuda = state["cuda"]
    if torch.cuda.is_available() and cuda is not None:
        if isinstance(cuda, Tensor):
            torch.cuda.set_rng_state(cuda.cpu())
        else:
            torch.cuda.set_rng_state_all([one.cpu() for one in cuda])
    if "numpy" in state:
        words, place, has_gauss, gauss = state["numpy"]
        np.random.set_state(("MT19937", words.numpy().astype(np.uint32), place, has_gauss, gauss))
        version, numbers, normal = state["python"]
        random.setstate((version, tuple(numbers.tolist()), normal))


class EpochState(pl.Callback):
    """Keeps what is known of the current epoch: sums of losses, metrics, lines that were logged.

    Args:
        metrics_logger: Logger that writes the metrics by step.
    """

    def __init__(self, metrics_logger: JsonLines) -> None:
        self.metrics_logger = metrics_logger
        self._metrics: dict[str, Tensor] = {}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the state."""
        known: Any = pl_module
        connector: Any = trainer._logger_connector
        checkpoint[EPOCH_KEY] = {
            "losses": gathered(known.losses_so_far()),
            "metrics": {
                name: value.detach() for name, value in connector._callback_metrics.items()
            },
            "lines": self.metrics_logger.size(),  # bytes; the key is part of the format
            "lines_sha256": self.metrics_logger.digest(),
        }

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Restore the sums, and remember the metrics: Lightning forgets them before it starts."""
        state = checkpoint.get(EPOCH_KEY)
        if state is None:  # of an older version
            return
        known: Any = pl_module
        losses = state["losses"]
        if len(losses) == trainer.world_size:
            known.restore_losses(losses[rank()])
        elif rank() == 0:
            sums = [sum(column) for column in zip(*losses, strict=True)]
            known.restore_losses((float(sums[0]), int(sums[1])))
        self._metrics = state["metrics"]

    def on_resume(self, trainer: pl.Trainer) -> None:
        """Restore the metrics, which a schedule or a line on the epoch may use."""
        connector: Any = trainer._logger_connector
        device = trainer.strategy.root_device
        connector._callback_metrics.update(
            {name: value.to(device) for name, value in self._metrics.items()}
        )
        self._metrics = {}
