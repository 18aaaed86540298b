"""What goes wrong inside Lightning, as errors in sentences; and its notices, silenced."""

from __future__ import annotations

import errno
import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.exceptions import SIGTERMException

from seqloom.errors import ConfigError, RunError
from seqloom.files import cannot_write

log = logging.getLogger("seqloom")

NOTICES = (
    r".*does not have many workers",
    r".*LeafSpec.* is deprecated",
    r".*Checkpoint directory .* exists and is not empty",
    r".*GPU available but not used",
    r"Total length of `list` across ranks is zero",  # there is no validation split
    r".*ModelCheckpoint.* could not find the monitored key",  # an epoch without validation
    r"Found \d+ module\(s\) in eval mode at the start of training",  # they are frozen
)
"""Warnings that a user of seqloom cannot act on."""


UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG}
"""What an operating system says when a file cannot be written."""


def quiet() -> None:
    """Silence what Lightning says of itself and of Slurm, its advertisements too, at each start."""
    for name in ("pytorch_lightning", "lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="The `srun` command is available")


def is_out_of_memory(fault: BaseException) -> bool:
    """Return whether an error of torch or Python says that memory is short."""
    return isinstance(fault, MemoryError) or "allocate memory" in str(fault)


def first_line(fault: BaseException) -> str:
    """Return the first line of an error's text."""
    return str(fault).strip().partition("\n")[0]


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
    except SIGTERMException:
        log.warning("Ended by SIGTERM; resume=auto goes on from the last whole epoch.")
        raise SystemExit(128 + signal.SIGTERM) from None
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
        if str(fault).startswith("Error(s) in loading state_dict"):
            raise RunError(
                f"{folder} cannot go on: its checkpoint does not fit the model that the installed "
                f"plugins build. See what it was made with: seqloom inspect {folder}. ({fault})"
            ) from fault
        if is_out_of_memory(fault):
            raise RunError(f"There is too little memory: {first_line(fault)}") from fault
        raise
    except OSError as fault:
        if fault.errno not in UNWRITABLE:
            raise
        path = Path(fault.filename) if isinstance(fault.filename, str) else folder
        raise cannot_write(path, fault) from fault
