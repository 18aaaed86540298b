"""The length of a run, from the section ``budget``."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

from seqloom.config.compose import compose_run
from seqloom.config.run_config import BudgetConfig, RunConfig
from seqloom.errors import ConfigError
from seqloom.train.folder import Result
from seqloom.train.limits import choose_epochs, describe, set_epochs, set_patience

BUDGET = BudgetConfig(epochs=5, min_steps=100, max_epochs=20)


def _trainer(tmp_path: Path, **params: Any) -> pl.Trainer:
    return pl.Trainer(logger=False, default_root_dir=tmp_path, accelerator="cpu", **params)


@pytest.mark.parametrize(
    ("steps", "epochs", "told"),
    [
        (50, 5, "Training for 5 epochs of 50 steps."),
        (20, 5, "Training for 5 epochs of 20 steps."),
        (19, 6, "Training for 6 epochs of 19 steps to reach budget.min_steps=100."),
        (5, 20, "Training for 20 epochs of 5 steps to reach budget.min_steps=100."),
        (
            1,
            20,
            "Training for 20 epochs of 1 step: budget.max_epochs=20 comes before "
            "budget.min_steps=100.",
        ),
    ],
)
def test_a_small_epoch_gives_more_epochs(steps: int, epochs: int, told: str) -> None:
    assert choose_epochs(BUDGET, steps) == epochs
    assert describe(BUDGET, steps, epochs) == told


def test_the_maximum_does_not_shorten_a_run() -> None:
    assert choose_epochs(BudgetConfig(epochs=30, min_steps=0, max_epochs=20), 10) == 30


def test_accumulated_batches_make_one_step(tmp_path: Path) -> None:
    trainer = _trainer(tmp_path, accumulate_grad_batches=4)
    set_epochs(trainer, BUDGET, 38)
    assert trainer.max_epochs == 10


def test_epochs_and_steps_of_the_trainer_come_first(tmp_path: Path) -> None:
    by_epochs, by_steps = _trainer(tmp_path, max_epochs=2), _trainer(tmp_path, max_steps=25)
    set_epochs(by_epochs, BUDGET, 10)
    set_epochs(by_steps, BUDGET, 10)
    assert (by_epochs.max_epochs, by_steps.max_epochs) == (2, 3)


@pytest.mark.parametrize(("epochs", "patience"), [(1, 5), (10, 5), (40, 14)])
def test_patience_grows_with_the_number_of_epochs(
    tmp_path: Path, epochs: int, patience: int
) -> None:
    callbacks = [EarlyStopping("val/f1", patience=None), EarlyStopping("val/loss", patience=2)]  # type: ignore[arg-type]
    trainer = _trainer(tmp_path, max_epochs=epochs, callbacks=[*callbacks])
    set_patience(trainer)
    assert [one.patience for one in callbacks] == [patience, 2]


def test_a_run_trains_by_its_budget_and_says_so(
    fit: Callable[..., Result], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seqloom")
    result = fit("trainer.max_epochs=null", "budget.epochs=1", "budget.min_steps=6")
    record = json.loads((result.run_dir / "run.json").read_text(encoding="utf-8"))
    assert (record["epochs"], record["steps"]) == (2, 8)
    assert "Training for 2 epochs of 4 steps" in caplog.text
    assert "Epoch 2 of 2" in caplog.text


def test_older_configs_have_no_budget() -> None:
    plain = compose_run(["run_dir=x"]).to_plain()
    del plain["budget"]
    assert RunConfig.from_plain(plain).budget == BudgetConfig()


@pytest.mark.parametrize("override", ["budget.epochs=0", "budget.min_steps=-1"])
def test_a_budget_out_of_range_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=r"budget\.\w+=-?\d: expected [01] or more"):
        compose_run([override])
