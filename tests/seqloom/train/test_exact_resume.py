"""A run that is stopped at any moment goes on exactly there, and ends with the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from seqloom.data.redealing import RedealtSampler
from seqloom.data.sampler import BatchSampler
from seqloom.train.checkpoints.callbacks import LastCheckpoint
from seqloom.train.checkpoints.continuation import _accumulate
from seqloom.train.checkpoints.files import read_checkpoint
from seqloom.train.checkpoints.progress import read_progress
from seqloom.train.folder import Result
from seqloom.train.limits import callbacks_of

Fit = Callable[..., Result]

WILD = ("encoder.dropout=0.4", "frontend.dropout=0.4", "frontend.word_dropout=2.0")
"""Settings of which each draws random numbers."""


class Halt(pl.Callback):
    """Writes a checkpoint after a step, or in the validation after it, and ends the run there."""

    step: int | None = None
    in_validation = False

    def on_step_end(self, trainer: pl.Trainer) -> None:
        if trainer.global_step == self.step and not self.in_validation:
            self._halt(trainer)

    def on_validation_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        if trainer.global_step == self.step and self.in_validation:
            self._halt(trainer)

    def _halt(self, trainer: pl.Trainer) -> None:
        (last,) = [one for one in callbacks_of(trainer) if isinstance(one, LastCheckpoint)]
        last.save(trainer, wait=True)
        raise RuntimeError("halted")


@pytest.fixture
def halt(parts: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Set where a run halts, and return the override that lets it."""

    def _set(step: int | None, in_validation: bool = False) -> str:
        monkeypatch.setattr(Halt, "step", step)
        monkeypatch.setattr(Halt, "in_validation", in_validation)
        return f"+callbacks.halt._target_={parts(Halt)}"

    return _set


def same(one: Result, other: Result) -> None:
    for name in ("bundle/model.safetensors", "metrics.jsonl"):
        assert (one.run_dir / name).read_bytes() == (other.run_dir / name).read_bytes(), name
    assert one.metrics == other.metrics


PLAIN = (*WILD, "trainer.max_epochs=3", "trainer.log_every_n_steps=1")
SETTINGS = {
    "plain": PLAIN,
    "workers": (*PLAIN, "batch.workers=2"),
    "accumulated": (*PLAIN, "trainer.accumulate_grad_batches=3"),
    "averaged": (
        *PLAIN,
        "+callbacks.average._target_=seqloom.train.averaging.AverageWeights",
        "scheduler=plateau",
        "scheduler.patience=0",
        "++scheduler.threshold=10",
        "+trainer.val_check_interval=0.5",
    ),
    "constant": (*PLAIN, "scheduler=constant"),
    "rows": (*PLAIN, "optimizer=row_adam", "optimizer.min_rows=2"),
    "limited": (*PLAIN, "trainer.max_epochs=null", "trainer.max_steps=10"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    """Return a run that was not stopped; each of them runs once."""
    known: dict[str, Result] = {}

    def _run(name: str, fit: Fit) -> Result:
        if name not in known:
            known[name] = fit(*SETTINGS[name], run_dir=tmp_path_factory.mktemp(name) / "run")
        return known[name]

    return _run


@pytest.mark.parametrize(
    ("name", "step", "in_validation"),
    [
        ("plain", 6, False),
        pytest.param("plain", 8, False, marks=pytest.mark.slow),  # the last of an epoch
        ("plain", 8, True),
        pytest.param("plain", 12, False, marks=pytest.mark.slow),  # the last of all
        ("workers", 7, False),
        ("accumulated", 3, False),
        pytest.param("rows", 6, False, marks=pytest.mark.slow),
        pytest.param("averaged", 5, False, marks=pytest.mark.slow),
        pytest.param("averaged", 6, True, marks=pytest.mark.slow),
        pytest.param("averaged", 8, False, marks=pytest.mark.slow),
        pytest.param("limited", 9, False, marks=pytest.mark.slow),
        pytest.param("limited", 10, False, marks=pytest.mark.slow),
        pytest.param("limited", 10, True, marks=pytest.mark.slow),
    ],
)
def test_a_run_goes_on_from_any_step(
    fit: Fit,
    halt: Callable[..., str],
    whole: Callable[..., Result],
    *,
    name: str,
    step: int,
    in_validation: bool,
) -> None:
    expected = whole(name, fit)
    with pytest.raises(RuntimeError, match="halted"):
        fit(*SETTINGS[name], halt(step, in_validation))
    resumed = fit(*SETTINGS[name], halt(None), "resume=auto")
    same(expected, resumed)


def test_a_run_goes_on_where_a_limit_ended_it_inside_an_epoch(
    fit: Fit, whole: Callable[..., Result]
) -> None:
    expected = whole("constant", fit)  # a schedule of a given number of steps would differ
    settings = SETTINGS["constant"]
    short = fit(*settings, "trainer.max_steps=6")
    assert read_progress(short.run_dir / "checkpoints/last.ckpt").batches == 2
    longer = fit(*settings, "resume=auto")
    # Its best model may be another: the validation at the limit was one more.
    one, other = (
        read_checkpoint(run.run_dir / "checkpoints/last.ckpt")["state_dict"]
        for run in (expected, longer)
    )
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize(
    ("ranks", "said"),
    [
        (1, "started on 1 rank and is resumed on 1: each step keeps its examples, in 1 batch on"),
        (2, "started on 2 ranks and is resumed on 1: each step keeps its examples, in 2 batches"),
    ],
)
def test_that_bits_may_differ_on_another_number_of_ranks_is_told(
    caplog: pytest.LogCaptureFixture, ranks: int, said: str
) -> None:
    plan = BatchSampler(
        [3] * 8, max_examples=2, max_cost=None, shuffle=False, seed=0, world_size=ranks
    )
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    with caplog.at_level("INFO", "seqloom"):
        _accumulate(trainer, RedealtSampler(plan, 0, 1))
    assert said in caplog.text
    assert "the results may differ in their last bits." in caplog.text
    assert trainer.accumulate_grad_batches == ranks
