"""What a run's components came from: in its checkpoints, and compared when it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl

from seqloom.config.run_config import RunConfig
from seqloom.errors import RunError
from seqloom.model.compatibility import messages
from seqloom.model.provenance import compare, record
from seqloom.train.folder import RunFolder

KEY = "seqloom"


class Origins(pl.Callback):
    """Writes into each checkpoint which plugins, of which versions, its components are of."""

    def __init__(self, config: RunConfig) -> None:
        self.record = record(config.components)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the record, in plain types."""
        checkpoint[KEY] = self.record


@contextmanager
def told_of_changes(folder: RunFolder, config: RunConfig) -> Iterator[None]:
    """Add to the error of a run that cannot go on what has changed since it began.

    Raises:
        RunError: with that at its end.
    """
    try:
        yield
    except RunError as fault:
        said = changes(folder.read_record()) if config.resume == "auto" else []
        if not said:
            raise
        raise RunError(" ".join([str(fault), *said])) from fault


def changes(recorded: Mapping[str, Any]) -> list[str]:
    """Return what there is to say of recorded ``components``; nothing of a run without a record."""
    return messages(compare(recorded.get("components", {})))
