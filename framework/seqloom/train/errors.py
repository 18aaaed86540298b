"""What goes wrong inside Lightning, as errors in sentences; and its notices, silenced."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException

from seqloom.errors import ConfigError, RunError
from seqloom.files import cannot_write

NOTICES = (
    r".*does not have many workers",
    r".*LeafSpec.* is deprecated",
    r".*Checkpoint directory .* exists and is not empty",
    r".*GPU available but not used",
    r"Total length of `list` across ranks is zero",  # there is no validation split
    r".*ModelCheckpoint.* could not find the monitored key",  # an epoch without validation
)
"""Warnings that a user of seqloom cannot act on."""


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn faults of a training loop that are the user's into ours; ``folder`` is the run's.

    Raises:
        ConfigError: Lightning refuses a setting.
        RunError: nothing more can be written, or a GPU has too little memory.
        KeyboardInterrupt: as it was raised, which Lightning would make an exit.
    """
    try:
        with warnings.catch_warnings():
            for notice in NOTICES:
                warnings.filterwarnings("ignore", message=notice)
            yield
    except SystemExit as fault:
        if isinstance(fault.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from None
        raise
    except MisconfigurationException as fault:
        raise ConfigError(f"Lightning refuses this training: {fault}") from fault
    except torch.OutOfMemoryError as fault:
        raise RunError(
            f"The GPU has too little memory: {fault} Lower batch.max_examples, or cap a batch's "
            "padded size by batch.max_cost."
        ) from fault
    except RuntimeError as fault:
        if str(fault).startswith("Early stopping conditioned on metric"):
            raise ConfigError(f"callbacks: {fault}") from fault
        raise
    except OSError as fault:
        path = Path(fault.filename) if isinstance(fault.filename, str) else folder
        raise cannot_write(path, fault) from fault
