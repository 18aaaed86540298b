"""The monitored metric decides, in its own direction, wherever one is named."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from seqloom.errors import ConfigError
from seqloom.interfaces import Head
from seqloom.train.folder import Result
from seqloom.train.instantiate import build_callbacks, schedule_monitor, with_monitor
from seqloom.train.monitor import Monitor, chosen_monitor

Fit = Callable[..., Result]
STOPPER = {"_target_": "pytorch_lightning.callbacks.EarlyStopping"}


class Metrics:
    """What a head says of its metrics."""

    modes: Mapping[str, str] = {"cer": "min", "f1": "max"}

    def mode(self, name: str) -> str:
        return "min" if name == "loss" else self.modes[name]


class HeadOfTest:
    """As much of a head as has to do with its metrics."""

    monitor = "f1"
    mode = "max"

    def metrics(self) -> Metrics:
        return Metrics()


@pytest.fixture
def head() -> Any:
    return HeadOfTest()


@pytest.mark.parametrize(
    ("name", "mode", "expected"),
    [
        (None, None, Monitor("f1", "max")),
        ("val/cer", None, Monitor("cer", "min")),
        ("cer", None, Monitor("cer", "min")),
        ("val/loss", None, Monitor("loss", "min")),
        ("val/f1", "min", Monitor("f1", "min")),
    ],
)
def test_the_direction_is_that_of_the_metric(
    head: Any, name: str | None, mode: Any, expected: Monitor
) -> None:
    assert chosen_monitor(head, name, mode) == expected


@pytest.mark.parametrize("name", ["val/f2", "test/f1", "train/loss", "f2"])
def test_a_metric_that_cannot_be_monitored(head: Any, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"monitor={name}: .*There are: val/cer, val/f1, val/lo"):
        chosen_monitor(head, name)


@pytest.mark.parametrize(
    ("section", "monitor", "mode"),
    [
        ({"monitor": None}, "val/f1", "max"),
        ({"monitor": "val/f1", "mode": None}, "val/f1", "max"),
        ({"monitor": "val/cer"}, "val/cer", "min"),
        ({"monitor": "train/loss"}, "train/loss", "min"),
        ({"monitor": "val/cer", "mode": "max"}, "val/cer", "max"),
        ({"monitor": "mine/score", "mode": "max"}, "mine/score", "max"),
    ],
)
def test_callbacks_take_the_direction_of_the_metric_that_they_name(
    head: Head, section: dict[str, Any], monitor: str, mode: str
) -> None:
    keeper = {"_target_": "pytorch_lightning.callbacks.ModelCheckpoint", **section}
    found = build_callbacks(
        {"stop": {**STOPPER, **section}, "keep": keeper},
        head,
        Monitor("f1", "max"),
        has_validation=True,
    )
    for callback in found:
        assert isinstance(callback, EarlyStopping | ModelCheckpoint)
        assert (callback.monitor, callback.mode) == (monitor, mode)


def test_callbacks_without_a_metric_take_that_of_the_run(head: Head) -> None:
    (found,) = build_callbacks(
        {"stop": {**STOPPER, "monitor": None, "mode": None}}, head, Monitor("cer", "min"), True
    )
    assert isinstance(found, EarlyStopping)
    assert (found.monitor, found.mode) == ("val/cer", "min")


class Watcher(pl.Callback):
    """A callback of a user that has a metric but no direction."""

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor


def test_a_callback_without_a_direction_gets_none(head: Head, parts: Callable[..., str]) -> None:
    section = {"_target_": parts(Watcher), "monitor": None}
    (found,) = build_callbacks({"mine": section}, head, Monitor("f1", "max"), has_validation=True)
    assert isinstance(found, Watcher)
    assert found.monitor == "val/f1"


def test_a_mode_against_that_of_the_metric_causes_a_warning(
    head: Head, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "seqloom")
    monitor = chosen_monitor(head, None)
    with_monitor(
        {**STOPPER, "monitor": None, "mode": monitor.mode}, "callbacks.stop", head, monitor
    )
    with_monitor(
        {**STOPPER, "monitor": "mine/score", "mode": "min"}, "callbacks.stop", head, monitor
    )
    assert not caplog.text
    chosen_monitor(head, "f1", "min")
    assert "mode=min: of val/f1, higher values are better, so the worst is taken" in caplog.text
    caplog.clear()
    with_monitor({**STOPPER, "monitor": "val/cer", "mode": "max"}, "callbacks.stop", head, monitor)
    assert "callbacks.stop.mode=max: of val/cer, lower values are better" in caplog.text


@pytest.mark.parametrize("mode", [None, "max"])
def test_a_callback_that_names_an_unknown_metric(head: Head, mode: str | None) -> None:
    section = {**STOPPER, "monitor": "val/f2", "mode": mode}
    with pytest.raises(ConfigError, match=r"callbacks\.stop\.monitor=val/f2: .*'val/f1'\? There"):
        build_callbacks({"stop": section}, head, Monitor("f1", "max"), has_validation=True)


def test_a_plateau_takes_the_direction_of_its_metric(head: Head) -> None:
    target = "torch.optim.lr_scheduler.ReduceLROnPlateau"
    own = Monitor("f1", "max")
    assert schedule_monitor({"_target_": target}, head, own) == ("val/f1", "max")
    assert schedule_monitor({"_target_": target, "monitor": "val/cer"}, head, own) == (
        "val/cer",
        "min",
    )
    given = {"_target_": target, "monitor": "val/cer", "mode": "max"}
    assert schedule_monitor(given, head, own) == ("val/cer", "max")


def test_the_chosen_metric_selects_the_model_and_stands_in_the_record(
    fit: Fit, parts: Callable[..., str]
) -> None:
    seen: list[Any] = []

    class Look(pl.Callback):
        def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            seen.extend([trainer.lr_scheduler_configs[0], *trainer.callbacks])  # type: ignore[attr-defined]

    result = fit(
        "monitor=val/ill_formed",
        "scheduler=plateau",
        "trainer.max_epochs=2",
        f"+callbacks.look._target_={parts(Look)}",
    )
    record = json.loads((result.run_dir / "run.json").read_text(encoding="utf-8"))
    assert (record["monitor"], record["higher_is_better"]) == ("ill_formed", False)
    assert result.monitor == "ill_formed"
    monitored = [one for one in seen[1:] if isinstance(one, EarlyStopping | ModelCheckpoint)]
    assert {(one.monitor, one.mode) for one in monitored} == {("val/ill_formed", "min")}
    assert (seen[0].monitor, seen[0].scheduler.mode) == ("val/ill_formed", "min")
    assert "best val/ill_formed" in Path(result.report).read_text(encoding="utf-8")
