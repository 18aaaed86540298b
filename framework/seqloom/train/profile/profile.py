"""Profile a config: some steps of its training and of inference, on the path of a real run."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from seqloom.config.run_config import RunConfig
from seqloom.model.grouping import BATCH_SIZE
from seqloom.model.pipeline import Pipeline
from seqloom.train.folder import RunFolder
from seqloom.train.prepare import encoded_data
from seqloom.train.pretrained import pretrained_states
from seqloom.train.process import quiet_lightning, restored_process, set_seed, set_threads
from seqloom.train.profile.inference import MOST, Predicted, inputs
from seqloom.train.profile.machine import multiplications, product_rate
from seqloom.train.profile.result import Profile, Steps, parts_of
from seqloom.train.profile.training import Profiled
from seqloom.train.run import initial_pipeline

BACKWARD = 2
"""Products of the backward pass for each one of the forward pass."""


def profile(cfg: RunConfig, steps: int = 40) -> Profile:
    """Return where the steps of a config's training and inference go.

    The training has the data, the batches and the callbacks of a run, but no validation, no
    checkpoints and no loggers, on one device. Nothing is kept of it.

    Args:
        cfg: Config of a run.
        steps: Number of batches of the training to measure; there are some before them.

    Raises:
        SeqloomError: The config or the data cannot be used, as in a run.
    """
    quiet_lightning()
    with restored_process(), TemporaryDirectory(prefix="seqloom-") as place:
        set_threads(cfg.threads)
        set_seed(cfg.seed)
        data = encoded_data(cfg, basis=pretrained_states(cfg.init) if cfg.init else None)
        folder = Path(place) / "run"
        pipeline = initial_pipeline(cfg, RunFolder(folder), data)
        profiled = Profiled(cfg, folder, data, pipeline, steps)
        profiled.run()
        device = profiled.trainer.strategy.root_device
        pipeline.to(device)  # Lightning has left it on the CPU
        predicted = Predicted(pipeline, inputs(cfg, data, min(steps, MOST) * BATCH_SIZE))
        predicted.run()
        precision = str(cfg.trainer.get("precision", "32"))
        return Profile(
            title=" · ".join(cfg.components[kind]["name"] for kind in ("encoder", "head", "data")),
            device=_name(device),
            threads=torch.get_num_threads(),
            parameters=sum(one.numel() for one in pipeline.model.parameters()),
            stages=[
                _steps("training", profiled, profiled.stopwatch.steps, _dtype(precision)),
                _steps("inference", predicted, predicted.hooks.seen.batches, _stored(pipeline)),
            ],
        )


def _steps(what: str, measured: Profiled | Predicted, batches: int, dtype: torch.dtype) -> Steps:
    pipeline, seen = measured.hooks.pipeline, measured.hooks.seen
    products = 1 + BACKWARD if what == "training" else 1
    return Steps(
        what=what,
        batches=batches,
        examples=seen.examples,
        steps=seen.steps,
        padded=seen.padded,
        parts=parts_of(measured.stopwatch.seconds(), seen, batches),
        flop=2 * products * multiplications(pipeline.model.encoder) * seen.steps,
        dtype=str(dtype).removeprefix("torch."),
        product_rate=product_rate(pipeline.device, dtype),
        peak=measured.peak,
    )


def _stored(pipeline: Pipeline) -> torch.dtype:
    return next(pipeline.model.parameters()).dtype


def _dtype(precision: str) -> torch.dtype:
    """Return the type in which a precision of Lightning multiplies matrices."""
    if "bf16" in precision:
        return torch.bfloat16
    return {"16": torch.float16, "64": torch.float64}.get(precision[:2], torch.float32)


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return device.type
