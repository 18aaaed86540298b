"""Set up a run's process and restore it: seeds, threads, Lightning's notices and errors."""

from __future__ import annotations

import errno
import gc
import logging
import os
import random
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException

from seqloom.errors import Cause, ConfigError, RunError
from seqloom.files import cannot_write
from seqloom.model.mismatch import mismatch
from seqloom.safe_path import protect_children
from seqloom.train.preemption import Preempted

log = logging.getLogger("seqloom")

RANK_SEEDS = 1_000_003
"""Distance between the seeds of two ranks, so that they draw different dropout."""

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
"""Error numbers of an operating system when a file cannot be written."""

COLLECTIONS = (10_000, 10, 1000)
"""Thresholds of `few_collections`; the first is more than a block of encoded examples has."""


@contextmanager
def restored_process() -> Iterator[None]:
    """Restore the environment, warnings' filters, torch's threads and its switches at the end.

    The next run in this process then starts from the same state.
    """
    environment = dict(os.environ)
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn
    benchmark, exact = cudnn.benchmark, cudnn.deterministic
    dtype, precision = torch.get_default_dtype(), torch.get_float32_matmul_precision()
    protect_children()  # ranks and data workers
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        os.environ.update(environment)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        cudnn.benchmark, cudnn.deterministic = benchmark, exact
        torch.set_default_dtype(dtype)
        torch.set_float32_matmul_precision(precision)
        gc.collect()  # a trainer and its callbacks refer to one another; free their memory now


@contextmanager
def few_collections() -> Iterator[None]:
    """Collect cyclic garbage more rarely in a block that makes many objects and keeps some of them.

    By Python's own thresholds, all that was imported or kept is gone through again and again while
    large data is read and encoded, for nothing: examples have no cycles.
    """
    before = gc.get_threshold()
    gc.set_threshold(*map(max, before, COLLECTIONS))
    try:
        yield
    finally:
        gc.set_threshold(*before)


def set_threads(threads: int | None) -> None:
    """Set the number of CPU threads that torch uses; None keeps its own choice."""
    if threads:
        torch.set_num_threads(threads)


def set_seed(seed: int, rank: int = 0) -> None:
    """Seed every global random generator that a component may draw from.

    Args:
        seed: Seed of the run.
        rank: Number of the process; each has its own random numbers.

    Raises:
        ConfigError: The seed is negative, or too large for torch.
    """
    if not 0 <= seed < 2**63:
        raise ConfigError(
            f"seed={seed}: expected a whole number in [0, 2**63).", cause=Cause.wrong_value
        )
    own = (seed + rank * RANK_SEEDS) % 2**63
    random.seed(own)
    np.random.seed(own % 2**32)
    torch.manual_seed(own)


def quiet_lightning() -> None:
    """Silence Lightning's messages about itself and about Slurm, including its advertisements."""
    warnings.filterwarnings("ignore", message="The `srun` command is available")
    for name in ("pytorch_lightning", "lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def explained_errors(folder: Path) -> Iterator[None]:
    """Turn errors of a training loop that a user can fix into errors of seqloom.

    Args:
        folder: Folder of the run.

    Raises:
        ConfigError: Lightning refuses a setting.
        RunError: Nothing more can be written, or memory is short.
        KeyboardInterrupt: As it was raised; Lightning would turn it into an exit.
    """
    try:
        with warnings.catch_warnings():
            for notice in NOTICES:
                warnings.filterwarnings("ignore", message=notice)
            yield
    except Preempted:
        raise
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from None
        raise
    except MisconfigurationException as error:
        raise ConfigError(f"Lightning refuses this training: {error}") from error
    except RuntimeError as error:
        explained = _explained(error, folder)
        if explained is None:
            raise
        raise explained from error
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        path = Path(error.filename) if isinstance(error.filename, str) else folder
        raise cannot_write(path, error) from error


def _explained(error: RuntimeError, folder: Path) -> ConfigError | RunError | None:
    if isinstance(error, torch.OutOfMemoryError):
        return RunError(
            f"The GPU is out of memory: {error} Lower batch.max_examples, or limit the padded size "
            "of a batch by batch.max_cost."
        )
    if str(error).startswith("Early stopping conditioned on metric"):
        return ConfigError(f"callbacks: {error}")
    if str(error).startswith("Error(s) in loading state_dict"):
        return RunError(
            f"{folder} cannot be resumed: its checkpoint does not match the model that the "
            f"installed plugins build. To see what it was made with: seqloom inspect {folder}. "
            f"({mismatch(error)})"
        )
    if "allocate memory" in str(error):
        return RunError("Out of memory: " + str(error).strip().partition("\n")[0])
    return None
