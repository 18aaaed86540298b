"""Write checkpoints in a thread while training continues."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from seqloom.errors import RunError
from seqloom.train.checkpoints.files import read_checkpoint, write_checkpoint
from seqloom.train.loops import migrate_0_1

log = logging.getLogger("seqloom")


class CheckpointWriter(TorchCheckpointIO):
    """Copies the state that is to be stored, and writes the copy by a thread, one after another.

    An error of the thread is raised by the next `check`, `wait` or `save_checkpoint`.

    Attributes:
        change: Function that changes a state that is loaded, in place.
    """

    change: Callable[[dict[str, Any]], None] | None = None

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._written: Future[None] | None = None

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Copy a checkpoint, and let the thread write it; wait first for the one before.

        Raises:
            RunError: The one before could not be written.
        """
        self.wait()
        # Without its parents: the folder of a run that was removed must not come back.
        Path(path).parent.mkdir(exist_ok=True)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._written = self._thread.submit(write_checkpoint, Path(path), copied_state(checkpoint))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Return the content of a checkpoint whose bytes are unchanged, on the CPU."""
        self.wait()
        state = read_checkpoint(Path(path))
        migrate_0_1(state)
        if self.change:
            self.change(state)
        return state

    def check(self) -> None:
        """Raise the error of the thread, if there was one; do not wait.

        Raises:
            RunError: The last checkpoint could not be written.
        """
        if self._written is not None and self._written.done():
            self.wait()

    def wait(self) -> None:
        """Wait until the last checkpoint is on the disk.

        Raises:
            RunError: It could not be written.
        """
        written, self._written = self._written, None
        if written is not None:
            written.result()

    def join(self) -> None:
        """Wait until nothing is being written; it raises nothing, and any thread may call it."""
        written = self._written
        if written is not None:
            futures.wait([written])

    @contextmanager
    def finished(self) -> Iterator[None]:
        """Wait at the end of a block until all is written, and end the thread.

        Raises:
            RunError: The last checkpoint could not be written, and the block has no other error.
        """
        try:
            yield
        except BaseException:
            self._finish_quietly()
            raise
        finally:
            if self._thread is not None:
                self._thread.shutdown()
                self._thread = None
        self.wait()

    def _finish_quietly(self) -> None:
        try:
            self.wait()
        except RunError as error:
            log.warning("%s", error)


def writer_of(trainer: pl.Trainer) -> CheckpointWriter | None:
    """Return the writer of a trainer; None if it has Lightning's own."""
    files = trainer.strategy.checkpoint_io
    return files if isinstance(files, CheckpointWriter) else None


def copied_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a state on the CPU, which does not change when the training goes on.

    Tensors that are the same remain the same, such as tied weights.
    """
    known: dict[Any, Tensor] = {}

    def copy(tensor: Tensor) -> Tensor:
        if type(tensor) not in {Tensor, torch.nn.Parameter}:
            return tensor.detach().clone()
        place = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        if place not in known or not tensor.numel():
            known[place] = tensor.detach().to("cpu", copy=True)
        return known[place]

    found: dict[str, Any] = apply_to_collection(state, Tensor, copy)
    return found
