"""A run from its config to its folder; the same seed gives the same bits."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import yaml

import seqloom
from seqloom.errors import ConfigError, RunError
from seqloom.files import sha256
from seqloom.interfaces import Head
from seqloom.train.folder import Result
from seqloom.train.limits import total_steps, used_batches

Fit = Callable[..., Result]


def _weights(result: Result) -> str:
    return sha256(result.bundle / "model.safetensors")


def _steps(result: Result) -> list[dict[str, Any]]:
    lines = (result.run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_plain(key) and _plain(one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    return value is None or type(value) in (str, int, float, bool, torch.Tensor)


def test_a_run_leaves_everything_in_its_folder_and_nothing_outside(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    environment = dict(os.environ)
    result = fit(run_dir="run")
    assert os.environ == environment
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "tmp"]
    assert not [path for path in temporary.rglob("*") if "matplotlib" not in str(path)]
    assert sorted(path.name for path in result.run_dir.iterdir()) == [
        "bundle",
        "checkpoints",
        "codecs.json",
        "config.yaml",
        "contents.npz",
        "metrics.json",
        "metrics.jsonl",
        "report.html",
        "run.json",
    ]
    stored = json.loads((result.run_dir / "metrics.json").read_text(encoding="utf-8"))
    assert stored == result.metrics
    assert set(stored) == {"val", "test"}
    assert result.report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    config = yaml.safe_load((result.run_dir / "config.yaml").read_text(encoding="utf-8"))
    assert (config["run_dir"], config["encoder"]["hidden_size"]) == ("run", 8)
    assert json.loads((result.run_dir / "codecs.json").read_text())["states"]["heads"]["ner"][
        "tags"
    ]


def test_the_record_tells_how_the_run_went(fit: Fit) -> None:
    result = fit()
    record = json.loads((result.run_dir / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "done"
    assert (record["epochs"], record["attempts"], record["device"]) == (3, 1, "cpu")
    assert (record["steps"], record["ranks"], record["seed"]) == (12, 1, 1)
    assert record["metrics"] == result.metrics
    assert record["config"] == yaml.safe_load((result.run_dir / "config.yaml").read_text("utf-8"))
    (attempt,) = record["history"]
    assert (attempt["state"], attempt["seconds"]) == ("done", record["seconds"])
    assert 0 < record["training_seconds"] < record["seconds"]
    assert record["cost_per_second"] > 0
    assert record["overrides"][-1] == "trainer.max_epochs=3"
    assert (record["monitor"], record["higher_is_better"]) == (result.monitor, True)
    assert record["parameters"] == sum(
        p.numel() for p in seqloom.load(result.bundle).model.parameters()
    )
    assert 0.5 < record["batch_fill"] <= 1


def test_metrics_by_step_hold_training_loss_and_the_watched_metric(fit: Fit) -> None:
    rows = _steps(fit("++trainer.accumulate_grad_batches=1"))
    losses = [row["train/loss"] for row in rows if "train/loss" in row]
    monitored = [row["val/f1"] for row in rows if "val/f1" in row]
    assert len(monitored) == 3
    assert len(losses) >= 2
    assert losses[-1] < losses[0]
    steps = [row["step"] for row in rows]
    assert steps == sorted(steps)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(
    fit: Fit, tmp_path: Path
) -> None:
    one = fit("frontend.dropout=0.3", run_dir=tmp_path / "one")
    two = fit("frontend.dropout=0.3", run_dir=tmp_path / "two")
    workers = fit("frontend.dropout=0.3", "batch.workers=2", run_dir=tmp_path / "workers")
    other = fit("frontend.dropout=0.3", "seed=2", run_dir=tmp_path / "other")
    assert _weights(one) == _weights(two) == _weights(workers)
    assert one.metrics == two.metrics == workers.metrics
    assert _weights(one) != _weights(other)


def test_the_seed_and_the_generators_before_the_run_do_not_mix(fit: Fit, tmp_path: Path) -> None:
    one = fit("trainer.max_epochs=1", run_dir=tmp_path / "one")
    torch.rand(7)
    torch.manual_seed(99)
    two = fit("trainer.max_epochs=1", run_dir=tmp_path / "two")
    assert _weights(one) == _weights(two)


def test_checkpoints_hold_plain_types_and_load_without_executing_anything(fit: Fit) -> None:
    result = fit()
    for name in ("best.ckpt", "last.ckpt"):
        path = result.run_dir / "checkpoints" / name
        assert _plain_deep(torch.load(path, weights_only=True)), name
    names = ["best.ckpt", "best_copy.ckpt", "last.ckpt", "previous.ckpt"]
    assert [name for name in names if (path.parent / name).exists()] == names


def _plain_deep(value: Any) -> bool:
    if isinstance(value, dict):  # an OrderedDict of tensors is what torch itself stores
        return all(_plain(key) and _plain_deep(one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return all(map(_plain_deep, value))
    return _plain(value)


def test_the_best_checkpoint_is_the_one_that_is_bundled(
    fit: Fit, parts: Callable[..., str]
) -> None:
    class Spoil(pl.Callback):
        """Destroys the weights in the last epoch."""

        def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            if trainer.current_epoch == 2:
                with torch.no_grad():
                    for parameter in module.parameters():
                        parameter.zero_()

    result = fit(f"+callbacks.spoil._target_={parts(Spoil)}", "optimizer.lr=1e-30")
    stored = torch.load(result.run_dir / "checkpoints" / "best.ckpt", weights_only=True)
    last = torch.load(result.run_dir / "checkpoints" / "last.ckpt", weights_only=True)
    assert (stored["epoch"], last["epoch"]) == (0, 2)
    bundled = seqloom.load(result.bundle).model.state_dict()
    for name, value in bundled.items():
        assert torch.equal(value, stored["state_dict"][f"model.{name}"])
    monitored = [row["val/f1"] for row in _steps(result) if "val/f1" in row]
    assert monitored[0] > monitored[2]
    assert result.metrics["val"]["f1"] == pytest.approx(monitored[0])


def test_final_metrics_are_those_of_the_bundle(fit: Fit) -> None:
    result = fit("head=classification", "trainer.max_epochs=2")
    pipeline = seqloom.load(result.bundle)
    assert pipeline.info["metrics"] == result.metrics
    assert set(pipeline("Apple opened a shop.")) >= {"label", "confidence"}


@pytest.mark.parametrize(
    "overrides",
    [
        ["trainer.precision=bf16-mixed"],
        ["trainer.gradient_clip_val=0.01"],
        ["~scheduler"],
        ["scheduler=constant"],
        ["optimizer=sgd"],
        ["optimizer=adamw"],
        ["++trainer.val_check_interval=0.5"],
        ["++trainer.check_val_every_n_epoch=2"],
        ["++trainer.check_val_every_n_epoch=9"],
        ["++trainer.max_steps=6"],
        ["debug=default"],
        ["++trainer.fast_dev_run=true"],
        ["callbacks=none"],
        [
            "scheduler=constant",
            "~scheduler.total_iters",
            "scheduler._target_=torch.optim.lr_scheduler.ReduceLROnPlateau",
            "scheduler.factor=0.5",
        ],
        [
            "scheduler._target_=torch.optim.lr_scheduler.OneCycleLR",
            "~scheduler.warmup_steps",
            "~scheduler.final",
            "+scheduler.max_lr=0.01",
        ],
    ],
    ids=lambda overrides: "-".join(overrides)[:40],
)
def test_settings_of_training_run(fit: Fit, overrides: list[str]) -> None:
    result = fit("trainer.max_epochs=2", *overrides)
    assert set(result.metrics) == {"val", "test"}
    assert all(torch.isfinite(p).all() for p in seqloom.load(result.bundle).model.parameters())


@pytest.mark.parametrize(("clip", "moved"), [("1e-9", False), ("null", True)])
def test_gradients_are_clipped(
    fit: Fit, parts: Callable[..., str], clip: str, *, moved: bool
) -> None:
    norms: list[float] = []

    class Norm(pl.Callback):
        def on_before_optimizer_step(self, *args: Any) -> None:
            # Lightning clips after this hook, so what the step did is looked at afterwards.
            self.before = [p.detach().clone() for p in args[1].parameters()]

        def on_train_batch_end(self, *args: Any) -> None:
            now = args[1].parameters()
            gaps = [
                float((p - old).detach().norm()) for p, old in zip(now, self.before, strict=True)
            ]
            norms.append(max(gaps))

    fit(
        "optimizer=sgd",
        "optimizer.momentum=0",
        "trainer.max_epochs=1",
        f"trainer.gradient_clip_val={clip}",
        f"+callbacks.norm._target_={parts(Norm)}",
    )
    assert (max(norms) > 1e-6) == moved


@pytest.mark.parametrize(("head", "mode"), [("ner", "max"), ("classification", "max")])
def test_a_plateau_is_one_of_the_watched_metric(
    fit: Fit, parts: Callable[..., str], head: str, mode: str
) -> None:
    seen: list[Any] = []

    class Look(pl.Callback):
        def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            seen.extend(trainer.lr_scheduler_configs)

    fit(
        f"head={head}",
        "scheduler=constant",
        "~scheduler.total_iters",
        "scheduler._target_=torch.optim.lr_scheduler.ReduceLROnPlateau",
        "scheduler.factor=0.5",
        "trainer.max_epochs=1",
        f"+callbacks.look._target_={parts(Look)}",
    )
    assert seen[0].scheduler.mode == mode
    assert seen[0].monitor.startswith("val/")


@pytest.mark.parametrize("logger", ["csv", "tensorboard"])
def test_loggers_write_into_the_runs_folder(fit: Fit, tmp_path: Path, logger: str) -> None:
    result = fit(f"logger={logger}", "trainer.max_epochs=1", run_dir=tmp_path / "a 'run' of mine")
    written = [path for path in (result.run_dir / logger).rglob("*") if path.is_file()]
    assert any(path.stat().st_size for path in written)
    assert [path.name for path in tmp_path.iterdir()] == ["a 'run' of mine"]


def test_early_stopping_stops(fit: Fit) -> None:
    result = fit(
        "optimizer.lr=1e-30", "callbacks.early_stopping.patience=1", "trainer.max_epochs=9"
    )
    record = json.loads((result.run_dir / "run.json").read_text(encoding="utf-8"))
    assert record["epochs"] == 2


def test_steps_and_batches_are_counted_as_the_trainer_takes_them(tmp_path: Path) -> None:
    def trainer(**params: Any) -> pl.Trainer:
        return pl.Trainer(logger=False, default_root_dir=tmp_path, accelerator="cpu", **params)

    assert total_steps(trainer(max_epochs=3), 5) == 15
    assert total_steps(trainer(max_epochs=3, accumulate_grad_batches=2), 5) == 9
    assert used_batches(trainer(limit_train_batches=2), 5) == 2
    assert used_batches(trainer(limit_train_batches=9), 5) == 5
    assert used_batches(trainer(limit_train_batches=0.4), 5) == 2
    assert used_batches(trainer(), 5) == 5
    assert total_steps(trainer(max_epochs=3, max_steps=4), 5) == 4
    assert total_steps(trainer(max_epochs=-1, max_steps=4), 5) == 4
    with pytest.raises(RunError, match=r"has no end: set trainer\.max_epochs"):
        total_steps(trainer(max_epochs=-1), 5)


def test_the_rate_falls_over_the_run(fit: Fit, parts: Callable[..., str]) -> None:
    rates: list[float] = []

    class Rate(pl.Callback):
        def on_train_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    fit("optimizer.lr=1.0", f"+callbacks.rate._target_={parts(Rate)}", "trainer.max_epochs=2")
    assert rates[0] == 1.0  # fewer than ten steps have no warm-up of several
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("+optimizer.wild=1", r"optimizer does not accept its parameters: .*'wild'"),
        ("optimizer.lr=-1", r"optimizer does not accept its parameters: Invalid learning rate: -1"),
        ("+scheduler.wild=1", r"scheduler does not accept its parameters: .*'wild'"),
        ("optimizer._target_=torch.optim.Nope", r"optimizer cannot be built: .*Nope"),
        ("~optimizer._target_", r"optimizer has no _target_"),
        ("++trainer.wild=1", r"trainer cannot be built: .*'wild'"),
        ("trainer.devices=-1", r"trainer cannot be built: `devices`.* should be an int > 0"),
        ("trainer.num_nodes=2", r"num_nodes=2 needs a process for each device: start"),
        (
            "callbacks.early_stopping.monitor=val/zzz",
            r"callbacks\.early_stopping\.monitor=val/zzz: .*There are: .*val/f1, .*val/loss",
        ),
        (
            "monitor=val/f1_macr",
            r"monitor=val/f1_macr: .*Did you mean 'val/f1_macro'\? There are: ",
        ),
        ("seed=-1", r"seed=-1: expected 0 or more"),
        ("sweep=merges", r"sweep=merges describes several runs, which need -m: seqloom train -m"),
        ("encoder.hidden_size=-1", r"-1"),
    ],
)
def test_a_wrong_setting_is_refused_in_a_sentence(fit: Fit, override: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        fit(override)


@pytest.mark.parametrize(
    ("run_dir", "sentence"),
    [
        (None, "run_dir=None: expected the path of a folder."),
        (5, "run_dir=5: expected the path of a folder."),
        ("", "run_dir is empty. Set it: run_dir=PATH"),
    ],
)
def test_the_folder_must_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_dir: Any, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$"):
        seqloom.fit(run_dir=run_dir)
    assert not list(tmp_path.iterdir())


def test_a_run_without_an_epoch_says_so(fit: Fit) -> None:
    with pytest.raises(RunError, match=r"No epoch was completed.*trainer\.max_epochs"):
        fit("trainer.max_epochs=0")


def test_a_failure_is_recorded(fit: Fit, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        fit("optimizer.lr=-1")
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "failed"
    assert record["error"].startswith("ConfigError: optimizer does not accept its parameters: ")


def test_calibration_comes_once_after_training_on_the_validation_split(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def calibrate(head: Head, passes: Any) -> dict[str, float]:
        seen.append([name for _, _, batch in passes for name in batch.ids])
        return {"temperature": 2.5}

    monkeypatch.setattr(Head, "calibrate", calibrate)
    result = fit()
    ((*ids,),) = seen
    assert len(ids) == 20
    assert all(name.startswith("apples-val") for name in ids)
    record = json.loads((result.run_dir / "run.json").read_text(encoding="utf-8"))
    assert record["calibration"] == {"temperature": 2.5}
