"""Loggers get the config, the scores and an end; services continue the entry of a resumed run."""

from __future__ import annotations

import csv
import json
import logging
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from wandb_records import records

from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError, RunError
from seqloom.files import write_json
from seqloom.train import instantiate
from seqloom.train.folder import SWEEP_PLAN, Result, RunFolder
from seqloom.train.loggers import NOISY, Loggers, _identity, _told

Fit = Callable[..., Result]
Program = Callable[..., "subprocess.CompletedProcess[str]"]


def test_loggers_get_the_config_and_all_final_scores(fit: Fit) -> None:
    result = fit("logger=[csv,tensorboard]", "trainer.max_epochs=1")
    for name in ("csv", "tensorboard"):
        logged = yaml.safe_load((result.run_dir / name / "hparams.yaml").read_text("utf-8"))
        assert logged["encoder"]["hidden_size"] == 8
        assert logged["seed"] == 1
    with (result.run_dir / "csv" / "metrics.csv").open(encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    for split, prefix in (("test", "test"), ("val", "best/val")):
        for name, value in result.metrics[split].items():
            assert float(last[f"{prefix}/{name}"]) == pytest.approx(value)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(result.run_dir / "tensorboard")).Reload()
    assert "test/f1" in events.Tags()["scalars"]
    best = result.metrics["val"]["f1"]
    assert events.Scalars("hp_metric")[-1].value == pytest.approx(best)  # what it compares runs by


def loggers(path: Path, *overrides: str) -> Loggers:
    path.mkdir(parents=True, exist_ok=True)
    config = compose_run([*overrides, "encoder.hidden_size=8", f"run_dir='{path}'"])
    return Loggers(replace(config, run_dir=str(path)), RunFolder(path))


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the second trial of a sweep, in the working directory."""
    monkeypatch.chdir(tmp_path)
    variables = ("WANDB_MODE", "MLFLOW_DISABLE_TELEMETRY", "WANDB_ERROR_REPORTING")
    for name in (*variables, "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    (tmp_path / "mine" / "1").mkdir(parents=True)
    write_json(tmp_path / "mine" / SWEEP_PLAN, {})
    return tmp_path / "mine" / "1"


def run(made: Loggers, *, fails: bool = False, pruned: bool = False) -> None:
    made.pruned = pruned
    with made.closed_at_the_end():
        made.start()
        for logger in made.all:
            logger.log_metrics({"val/f1": 0.5}, 1)
        if fails:
            raise RuntimeError("failed")
        made.log_scores({"val": {"f1": 0.5}, "test": {"f1": 0.25, "loss": 2.0}}, 2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mlflow_keeps_one_entry_for_each_run(trial: Path) -> None:
    pytest.importorskip("mlflow", reason="needs mlflow-skinny")
    from mlflow.tracking import MlflowClient

    run(loggers(trial, "logger=mlflow"))
    ids = json.loads((trial / "loggers.json").read_text("utf-8"))["mlflow"]
    run(loggers(trial, "logger=mlflow", "resume=auto"), pruned=True)  # a parameter has changed
    with pytest.raises(RuntimeError):
        run(loggers(trial.parent / "2", "logger=mlflow"), fails=True)
    client = MlflowClient(f"sqlite:///{trial.parent.parent / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("seqloom")
    assert experiment is not None
    found = {one.info.run_id: one for one in client.search_runs([experiment.experiment_id])}
    assert len(found) == 2
    first = found.pop(ids["run_id"])
    (second,) = found.values()
    assert (first.info.status, second.info.status) == ("KILLED", "FAILED")
    assert first.data.tags["sweep"] == "mine"
    assert (first.info.run_name, second.info.run_name) == ("mine/1", "mine/2")
    assert first.data.params["encoder/hidden_size"] == "8"
    assert first.data.metrics == {
        "val/f1": 0.5, "best/val/f1": 0.5, "test/f1": 0.25, "test/loss": 2.0
    }  # fmt: skip


class Service:
    """A logger whose entries a resumed run continues."""

    def __init__(self) -> None:
        self.got: list[tuple[int | None, dict[str, float]]] = []

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.got.append((step, metrics))


def test_a_service_gets_each_step_once(trial: Path) -> None:
    resumed = loggers(trial)
    mine, other = Service(), Service()
    resumed.built, resumed.known = {"mine": mine, "other": other}, {"mine": {"id": "7"}}
    resumed.leave_out([{"step": 3, "train/loss": 1.0}, {"step": 3, "val/f1": 0.5}], 3)
    for step in (3, 4):
        for logger in resumed.all:
            logger.log_metrics({"train/loss": 1.0}, step)
            logger.log_metrics({"val/f1": 0.5}, step)
    resumed.all[0].log_metrics({"val/f1": 0.6}, 3)  # not what was logged before the end
    assert mine.got == [
        (4, {"train/loss": 1.0}), (4, {"val/f1": 0.5}), (3, {"val/f1": 0.6})
    ]  # fmt: skip
    assert len(other.got) == 4  # makes a new entry


class Told(Service):
    """A service that is told how a run ended."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[object] = []

    def log_hyperparams(self, params: dict[str, Any]) -> None:
        self.said.append(params.get("state", "the config"))

    def finalize(self, status: str) -> None:
        self.said.append(status)

    def save(self) -> None: ...


class MLFlowLogger(Told):
    """Named like the logger of Lightning, by which it is known."""

    run_id = "r7"
    experiment: Any = None


class WandbLogger(Told):
    """Named like the other logger whose entries continue."""

    version = "w7"


@pytest.mark.parametrize(("pruned", "ended"), [(False, "success"), (True, "KILLED")])
def test_a_pruned_run_is_told_from_one_that_ended(trial: Path, pruned: bool, ended: str) -> None:
    ours = loggers(trial)
    mlflow, wandb = MLFlowLogger(), WandbLogger()
    ours.built, ours.known = {"mlflow": mlflow, "wandb": wandb}, {}
    run(ours, pruned=pruned)
    assert mlflow.said == ["the config", ended]
    assert wandb.said == ["the config", *(["pruned"] if pruned else []), "success"]
    ids = json.loads((trial / "loggers.json").read_text("utf-8"))
    assert ids == {"mlflow": {"run_id": "r7"}, "wandb": {"id": "w7"}}


def test_an_entry_of_weights_and_biases_continues_under_its_id(trial: Path) -> None:
    section = {"_target_": "pytorch_lightning.loggers.WandbLogger"}
    known = _identity(section, {"id": "w7"}, RunFolder(trial))
    assert known == {"id": "w7", "name": "mine/1", "resume": "allow", "group": "mine"}
    first, other = (_identity(section, {}, RunFolder(trial))["id"] for _ in range(2))
    assert first != other
    assert _identity({**section, "id": "own"}, known, RunFolder(trial)).get("id") is None


def test_the_ids_are_kept_before_anything_takes_time(trial: Path) -> None:
    class Slow(MLFlowLogger):
        def log_hyperparams(self, params: dict[str, Any]) -> None:
            raise KeyboardInterrupt  # killed

    ours = loggers(trial)
    ours.built = {"mlflow": Slow()}
    with pytest.raises(KeyboardInterrupt):
        ours.start()
    assert json.loads((trial / "loggers.json").read_text("utf-8")) == {"mlflow": {"run_id": "r7"}}


@pytest.mark.parametrize("params", [{}, {"seed": "1"}])
def test_an_entry_gets_the_config_once(trial: Path, params: dict[str, str]) -> None:
    write_json(trial / "loggers.json", {"mlflow": {"run_id": "r7"}})
    ours, mlflow = loggers(trial), MLFlowLogger()
    entry = SimpleNamespace(data=SimpleNamespace(params=params))
    mlflow.experiment = SimpleNamespace(get_run=lambda run_id: entry)
    ours.built = {"mlflow": mlflow}
    ours.start()
    assert mlflow.said == ([] if params else ["the config"])


def test_the_tracebacks_of_a_service_are_not_printed(
    trial: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loggers(trial, "logger=csv")
    noisy = logging.getLogger(NOISY)
    try:
        raise OSError("database is locked")
    except OSError as error:
        noisy.exception("SQLAlchemy database error.\n%s", error)
    noisy.warning("a sentence")
    assert [one.message for one in caplog.records if one.name == NOISY] == ["a sentence"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_an_error_of_mlflow_s_database_is_a_sentence(
    trial: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mlflow", reason="needs mlflow-skinny")
    ours = loggers(trial, "logger=mlflow")
    ours.start()
    with closing(sqlite3.connect(trial.parent.parent / "mlflow.db")) as database:
        database.execute("DROP TABLE metrics")
    with pytest.raises(RunError, match=r"^logger\.mlflow failed: .*no such table: metrics"):
        ours.all[0].log_metrics({"val/f1": 0.5}, 1)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mlflow_has_each_step_once_after_a_resumption(trial: Path) -> None:
    pytest.importorskip("mlflow", reason="needs mlflow-skinny")
    from mlflow.tracking import MlflowClient

    for attempt, steps in enumerate([(3, 4), (4, 5)]):
        ours = loggers(trial, "logger=mlflow")
        ours.start()
        if attempt:
            ours.leave_out([{"step": 4, "train/loss": 1.0}], 4)
        for step in steps:
            ours.all[0].log_metrics({"train/loss": 1.0}, step)
    entry = json.loads((trial / "loggers.json").read_text("utf-8"))["mlflow"]["run_id"]
    client = MlflowClient(f"sqlite:///{trial.parent.parent / 'mlflow.db'}")
    assert [one.step for one in client.get_metric_history(entry, "train/loss")] == [3, 4, 5]


def test_other_ranks_than_the_first_build_no_loggers(trial: Path) -> None:
    config = compose_run(["logger=csv", f"run_dir='{trial}'"])
    assert Loggers(replace(config, run_dir=str(trial)), RunFolder(trial), first=False).all == []


def test_mlflow_writes_beside_the_run_or_sweep(
    trial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def uri(path: Path) -> object:
        section = {"_target_": "pytorch_lightning.loggers.MLFlowLogger", "tracking_uri": None}
        return _identity(section, {}, RunFolder(path))["tracking_uri"]

    alone = trial.parent.parent / "runs" / "one"
    assert uri(trial) == f"sqlite:///{trial.parent.parent.resolve() / 'mlflow.db'}"
    assert uri(alone) == f"sqlite:///{alone.parent.resolve() / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert uri(alone) == "http://127.0.0.1:5000"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("name", ["csv", "tensorboard", "mlflow", "wandb"])
def test_only_the_first_of_two_ranks_logs(
    name: str, small: tuple[str, ...], program: Program, tmp_path: Path
) -> None:
    if name in {"mlflow", "wandb"}:
        pytest.importorskip(name)
    folder = tmp_path / "runs" / "two"
    words = ("train", *small, "trainer.devices=2", "trainer.max_epochs=1", f"logger={name}")
    done = program(*words, f"run_dir={folder}", cwd=str(tmp_path))
    assert done.returncode == 0, done.stderr
    made = {
        "csv": "runs/two/csv/metrics.csv",
        "tensorboard": "runs/two/tensorboard/events.*.0",  # of a process; .1 has its parameters
        "mlflow": "runs/mlflow.db",
        "wandb": "runs/two/wandb/offline-run-*/*.wandb",
    }
    assert len([*tmp_path.glob(made[name])]) == 1
    if name == "csv":
        with (folder / "csv" / "metrics.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len([row for row in rows if row.get("test/f1")]) == 1
    if name == "mlflow":
        from mlflow.tracking import MlflowClient

        client = MlflowClient(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("seqloom")
        assert experiment is not None
        (entry,) = client.search_runs([experiment.experiment_id])
        assert entry.info.status == "FINISHED"
        assert "test/f1" in entry.data.metrics
    assert {one.name for one in tmp_path.iterdir()} == {"runs"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_weights_and_biases_keep_one_entry_for_each_run(trial: Path) -> None:
    pytest.importorskip("wandb", reason="needs wandb")
    failed = trial.parent / "2"
    with pytest.raises(RuntimeError):
        run(loggers(failed, "logger=wandb"), fails=True)
    ids = json.loads((failed / "loggers.json").read_text("utf-8"))["wandb"]
    assert loggers(failed, "logger=wandb").built["wandb"].version == ids["id"]
    codes = [one.exit.exit_code for one in records(failed) if one.HasField("exit")]
    assert codes == [1]
    run(loggers(trial, "logger=wandb"))
    kept = records(trial)
    assert [one.exit.exit_code for one in kept if one.HasField("exit")] == [0]
    (entry,) = {(one.run.run_id, one.run.run_group) for one in kept if one.HasField("run")}
    assert entry[1] == "mine"
    assert entry[0] != ids["id"]
    logged = {
        item.nested_key[0] if item.nested_key else item.key: json.loads(item.value_json)
        for one in kept
        if one.HasField("history")
        for item in one.history.item
    }
    assert logged["test/f1"] == 0.25
    assert logged["best/val/f1"] == 0.5
    configs = [one for one in kept if one.HasField("config") or one.HasField("run")]
    assert any("hidden_size" in str(one) for one in configs)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"csv": 3}', '{"csv": {"id": 5}}', '{"csv": ["x"]}']
)
def test_damaged_ids_start_a_new_entry(
    trial: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (trial / "loggers.json").write_text(content, encoding="utf-8")
    made = loggers(trial, "logger=csv")
    run(made)
    assert not any(made.known.values())
    damaged = not content.startswith("{")
    assert ("loggers.json cannot be read: loggers start new entries" in caplog.text) is damaged


def test_what_a_service_refuses_is_a_sentence(fit: Fit, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "tensorboard").touch()
    with pytest.raises(
        RunError, match=r"^logger\.tensorboard failed: .*File exists.*\. Check what it writes to"
    ):
        fit("logger=tensorboard", "trainer.max_epochs=1")


def test_what_cannot_be_built_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("not a database\n[SQL: SELECT name\n  FROM t]")

    monkeypatch.setattr(instantiate, "instantiate", fail)
    with pytest.raises(
        ConfigError, match=r"^logger\.x cannot be built: not a database \[SQL: .* t\]$"
    ):
        instantiate.build({"_target_": "x.y"}, "logger.x")


def test_a_server_that_is_gone_is_told_in_a_sentence() -> None:
    def fail() -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    with pytest.raises(RunError, match=r"^logger\.x failed: .*Connection refused\. Check"):
        _told(fail, "x")()
