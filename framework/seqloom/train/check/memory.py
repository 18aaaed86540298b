"""The memory of a training step on the largest batch: estimated, and measured here."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqloom.config.run_config import RunConfig
from seqloom.data.dataset import SequenceDataset
from seqloom.data.sampler import Batch
from seqloom.interfaces import SequenceBatch
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.train.data import RunData, sampler
from seqloom.train.process import set_seed

STATES = 2
"""Tensors that Adam keeps for each weight; SGD keeps at most one."""


@dataclass(frozen=True)
class Memory:
    """What a training step on the largest batch needs.

    Attributes:
        parameters: Number of weights.
        examples: Number of examples of the batch.
        steps: Number of steps of its longest example.
        weights: Bytes of the weights, their gradients and the optimizer's states.
        activations: Bytes that are kept for the backward pass.
        measured: Bytes by which this process grew in the step on a CPU; None where the system does
            not tell.
        seconds: Time of a step on a batch of median size, here.
    """

    parameters: int
    examples: int
    steps: int
    weights: int
    activations: int
    measured: int | None
    seconds: float

    @property
    def estimate(self) -> int:
        """Return the bytes of weights and activations together."""
        return self.weights + self.activations

    def facts(self) -> dict[str, Any]:
        """Return all of it in plain types."""
        return {**asdict(self), "estimate": self.estimate}


def step_memory(cfg: RunConfig, data: RunData) -> Memory:
    """Take one training step on the largest batch on the CPU, and return what it needed.

    The weights do not change, and nothing is written.
    """
    set_seed(cfg.seed)
    pipeline = build_pipeline(cfg.components, data.codecs)
    pipeline.model.train()
    encoded = data.splits["train"]
    dataset = SequenceDataset(encoded, data.codecs.collate(), data.codecs, cfg.seed)
    batches = sampler(encoded, cfg.batch, training=True, seed=cfg.seed)
    ordered = sorted(map(Batch, batches), key=lambda one: len(one) * encoded.costs[one].max())
    smallest, middle, largest = ordered[0], ordered[len(ordered) // 2], ordered[-1]
    _step(pipeline, dataset.__getitems__(smallest))  # libraries take memory of their own
    batch = dataset.__getitems__(middle)
    start = time.perf_counter()
    _step(pipeline, batch)
    seconds = time.perf_counter() - start
    pipeline.model.zero_grad(set_to_none=True)
    batch = dataset.__getitems__(largest)
    before = reset_peak_memory()
    kept = _step(pipeline, batch)
    peak = peak_memory()
    parameters = list(pipeline.model.parameters())
    own = sum(one.numel() * one.element_size() for one in parameters)
    return Memory(
        parameters=sum(one.numel() for one in parameters),
        examples=len(batch),
        steps=int(encoded.steps[largest].max()),
        weights=own * (2 + STATES),
        activations=kept,
        measured=None if before is None or peak is None else peak - before,
        seconds=seconds,
    )


def _step(pipeline: Pipeline, batch: SequenceBatch) -> int:
    """Compute the gradients of a batch; return the bytes that were kept for that."""
    own = {one.untyped_storage().data_ptr() for one in pipeline.model.parameters()}
    with _counted() as kept:
        _, outputs = pipeline.outputs(batch)
        loss = pipeline.head.loss(outputs, batch.targets[pipeline.head_name]).mean()
    loss.backward()
    return sum(size for pointer, size in kept.items() if pointer not in own)


@contextmanager
def _counted() -> Iterator[dict[int, int]]:
    """Count the storages that autograd keeps in the block, each once."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield kept


def reset_peak_memory() -> int | None:
    """Let the system forget the highest memory of this process; return the current one."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what earlier steps have freed would be used again
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _status("VmRSS")
    return None


def peak_memory() -> int | None:
    """Return the bytes of the highest memory of this process since `reset_peak_memory`."""
    with suppress(OSError):
        return _status("VmHWM")
    return None


def _status(name: str) -> int | None:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    return None
