"""The average of the weights: what is averaged, evaluated, kept and resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

import seqloom
from seqloom.errors import ConfigError
from seqloom.files import sha256
from seqloom.train.averaging import AverageWeights
from seqloom.train.folder import Result, read_metrics

Fit = Callable[..., Result]


def test_the_first_steps_count_evenly_and_integers_are_copied() -> None:
    model = nn.BatchNorm1d(1)
    callback = AverageWeights(decay=0.75)
    average = AveragedModel(model, use_buffers=True, **callback._kwargs)
    values = [3.0, 5.0, 1.0, 7.0, 2.0, 9.0]
    for number, value in enumerate(values):
        model.weight.data.fill_(value)
        model.running_mean.fill_(value)  # type: ignore[union-attr, operator]
        model.num_batches_tracked.fill_(number)  # type: ignore[union-attr, operator]
        average.update_parameters(model)
    expected = sum(values[:4]) / 4
    for value in values[4:]:
        expected = 0.75 * expected + 0.25 * value
    assert float(average.module.weight.detach()) == pytest.approx(expected)
    assert float(average.module.running_mean) == pytest.approx(expected)
    assert int(average.module.num_batches_tracked) == 5


def test_what_is_validated_is_what_is_kept(fit: Fit) -> None:
    result = fit("callbacks=average", "callbacks.average.decay=0.5")
    validated = [
        row["val/loss"]
        for row in read_metrics(result.run_dir / "metrics.jsonl")
        if "val/loss" in row
    ]
    assert result.metrics["val"]["loss"] in [pytest.approx(loss, rel=1e-5) for loss in validated]


def test_the_kept_weights_are_the_average_of_the_steps(fit: Fit, parts: Callable[..., str]) -> None:
    seen: list[torch.Tensor] = []

    class Weights(pl.Callback):
        def on_train_batch_end(
            self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: object
        ) -> None:
            seen.append(pl_module.model.heads["ner"].project.weight.detach().clone())  # type: ignore[union-attr, index]

    result = fit(
        "callbacks=average",
        "callbacks.average.decay=0.99",
        f"+callbacks.weights._target_={parts(Weights)}",
        "trainer.max_epochs=1",
    )
    kept = seqloom.load(result.bundle).head.project.weight
    torch.testing.assert_close(kept, torch.stack(seen).mean(0))


def test_a_resumed_run_continues_the_average(fit: Fit, tmp_path: Path) -> None:
    settings = ("callbacks=average", "scheduler=constant")
    whole = fit(*settings, "trainer.max_epochs=2", run_dir=tmp_path / "whole")
    fit(*settings, "trainer.max_epochs=1", run_dir=tmp_path / "cut")
    resumed = fit(*settings, "trainer.max_epochs=2", "resume=auto", run_dir=tmp_path / "cut")
    assert sha256(whole.bundle / "model.safetensors") == sha256(
        resumed.bundle / "model.safetensors"
    )


def test_a_decay_out_of_range_is_refused(fit: Fit) -> None:
    with pytest.raises(ConfigError, match=r"callbacks\.average cannot be built: .*decay=1\.5"):
        fit("callbacks=average", "callbacks.average.decay=1.5")
