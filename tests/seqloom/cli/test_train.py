"""``seqloom train``: errors in sentences, sweeps that go on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqloom.cli.main import run
from seqloom.cli.train import print_result
from seqloom.errors import ConfigError, DataError, PluginError, RunError
from seqloom.plugins.registry import DISABLE_VARIABLE


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["seqloom"])
    return tmp_path


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["encoder=bilstn"], "There is no encoder=bilstn. Did you mean 'bilstm'?"),
        (["encoder.mrege=sum"], "encoder has no key 'mrege'. Did you mean 'merge'?"),
        (["encoder.hidden_size=x"], "encoder.hidden_size: 'x' is not a whole number."),
        (["encoder=null"], "A group of the config, such as encoder, takes the name of one"),
        (["disable_plugins=["], "'disable_plugins=[' cannot be read; write disable_plugins=[NAME"),
        (["-m", "--cfg", "job"], "--cfg, --info and similar flags describe one run: leave out"),
        (["what is this"], "'what is this' cannot be read; write GROUP=NAME or KEY=VALUE."),
    ],
    ids=str,
)
def test_what_cannot_be_composed(here: Path, overrides: list[str], sentence: str) -> None:
    with pytest.raises((ConfigError, PluginError)) as found:
        run(["train", *overrides])
    assert str(found.value).startswith(sentence)
    assert "HYDRA_FULL_ERROR" not in os.environ
    assert not list(here.iterdir())


def test_what_is_composed_but_wrong(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError) as found:
        run(["train", "frontend=characters", f"run_dir={here}/run"])
    assert str(found.value) == (
        "head=ner needs one step for each token; frontend=characters provides steps (one step "
        "for each character). Choose frontend=words."
    )
    assert capsys.readouterr() == ("", "")


def test_a_run_needs_a_folder(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"^run_dir is empty\. Set it: run_dir=PATH$"):
        run(["train", "run_dir=''"])
    (here / "file").touch()
    with pytest.raises(RunError, match=r"Cannot write .*file"):
        run(["train", f"run_dir={here}/file/run"])


def test_an_unknown_plugin_to_disable_is_a_warning(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DISABLE_VARIABLE, "nerr")
    assert run(["train", "--cfg", "job"]) == 0
    assert "Warning: " in (said := capsys.readouterr().err)
    assert "nerr" in said


def test_a_pruned_run_has_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_result(SimpleNamespace(bundle=tmp_path / "bundle"))
    assert capsys.readouterr().out == (
        "Pruned: other trials of this sweep score better. There is no model.\n"
    )


def test_a_log_that_cannot_be_written_is_told(here: Path) -> None:
    log = here / "run" / "train.log"
    log.mkdir(parents=True)
    with pytest.raises(RunError, match=r"train\.log is a folder; expected a regular file"):
        run(["train", f"run_dir={here}/run"])
    log.rmdir()
    os.mkfifo(log)
    with pytest.raises(RunError, match=r"train\.log is a pipe; expected a regular file"):
        run(["train", f"run_dir={here}/run", "hydra.job.name=mine"])  # which names no file


@pytest.mark.parametrize(
    "word", ["sweep=merges", "hydra/sweeper=optuna", "hydra.sweeper.attempts=2"]
)
def test_a_sweep_without_its_option_is_refused(here: Path, word: str) -> None:
    with pytest.raises(ConfigError, match=r"which need -m: seqloom train -m (sweep|hydra)"):
        run(["train", word, f"run_dir={here}/run"])


def test_a_sweep_needs_a_worker(here: Path) -> None:
    joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=0"]
    with pytest.raises(ConfigError, match=r"hydra.launcher.n_jobs=0: expected 1 or more, or -1"):
        run(["train", "-m", *joblib, "seed=1,2", f"run_dir={here}/sweep"])
    assert not (here / "sweep" / "0").exists()


def test_a_value_of_a_sweep_that_cannot_be_read_is_named(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"^'seed=\[1' cannot be read: a bracket is not closed"):
        run(["train", "-m", 'hydra.sweeper.params={seed: "[1"}', f"run_dir={here}/sweep"])


def test_the_config_is_printed_and_nothing_is_run(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "encoder=lstm", "--cfg", "job"]) == 0
    out = capsys.readouterr().out
    assert "name: lstm" in out
    assert "_target_: torch.optim.Adam" in out
    assert not list(here.iterdir())


ENDS = """
from hydra.experimental.callback import Callback


class Ends(Callback):
    def on_multirun_end(self, config, **kwargs):
        print("a callback of the user's saw the end of", config.hydra.sweep.dir)
"""


def test_a_sweep_goes_on_after_a_trial_that_fails(
    here: Path,
    small: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (here / "user_ends.py").write_text(ENDS, encoding="utf-8")
    monkeypatch.syspath_prepend(here)
    callback = "+hydra.callbacks.ends._target_=user_ends.Ends"
    with pytest.raises(RunError) as failed:
        run(["train", "-m", *small, "head.field=tgas,tags", callback, f"run_dir={here}/sweep"])
    captured = capsys.readouterr()
    assert captured.out.count(f"a callback of the user's saw the end of {here}/sweep") == 1
    assert str(failed.value) == (
        f"1 of 2 trials did not succeed. To try them again: seqloom sweep resume {here}/sweep"
    )
    assert "Error: head=ner needs one tag for each token in the field 'tgas'" in captured.err
    assert not (here / "sweep" / "0" / "bundle").exists()
    assert (here / "sweep" / "1" / "bundle").is_dir()
    record = json.loads((here / "sweep" / "0" / "run.json").read_text())
    assert record["state"] == "failed"
    assert "head=ner needs one tag for each token in the field 'tgas'" in record["error"]
    index = json.loads((here / "sweep" / "index.json").read_text())
    assert [trial["state"] for trial in index["trials"]] == ["failed", "done"]
    assert captured.out.splitlines()[-1].endswith(f"{here}/sweep")


def test_a_missing_file_is_told_before_libraries_are_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("seqloom.cli.train.import_and_run", None)  # it imports them
    words = ["data=csv", "head=classification", f"run_dir={tmp_path / 'run'}"]
    with pytest.raises(DataError, match=r"^gone\.csv: no such file in "):
        run(["train", *words, "data.train=gone.csv"])
    (tmp_path / "a.csv").write_text("text,label\na,b\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"^val\.csv: no such file in .* There are: a\.csv, run"):
        run(["train", *words, "data.train=a.csv", "data.val=val.csv"])
    with pytest.raises(TypeError):  # the run may be finished, and need no data; so may its copy
        run(["train", *words, "data.train=gone.csv", f"copy_to={tmp_path.as_uri()}/copy"])
    (tmp_path / "run" / "bundle").mkdir()
    with pytest.raises(TypeError):
        run(["train", *words, "data.train=gone.csv"])


def test_what_is_printed_before_the_program_ends_is_not_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        run(["train", "--version"])
    assert "Hydra" in capsys.readouterr().out


BREAKS = """
import pytorch_lightning as pl

class Breaks(pl.Callback):
    def on_train_start(self, *rest):
        raise ZeroDivisionError("of nothing")
"""


def test_a_fault_in_a_trial_is_in_its_log_with_its_traceback(
    here: Path,
    small: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (here / "user_breaks.py").write_text(BREAKS, encoding="utf-8")
    monkeypatch.syspath_prepend(here)
    broken = "+callbacks.breaks._target_=user_breaks.Breaks"
    with pytest.raises(RunError, match="1 of 1 trial did not succeed"):
        run(["train", "-m", *small, "seed=1", broken, f"run_dir={here}/sweep"])
    log = here / "sweep" / "0" / "train.log"
    said = capsys.readouterr().err
    assert f"Error: ZeroDivisionError: of nothing (see {log})" in said
    assert "Traceback" not in said
    assert "in on_train_start" in log.read_text(encoding="utf-8")
