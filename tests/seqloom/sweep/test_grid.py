"""The grid: keys that do not apply are left out, equal points run once, wrong words end it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from seqloom.cli.main import run
from seqloom.errors import ConfigError, RunError, SeqloomError
from seqloom.sweep.folder import read_plan
from seqloom.sweep.trials import read_trials


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: tuple[str, ...]) -> Path:
    """Return a folder for a sweep; commands are given in the folder above it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["seqloom"])
    return tmp_path / "sweep"


def points(sweep: Path, small: tuple[str, ...]) -> list[list[str]]:
    return [
        [word for word in trial.overrides if word not in small] for trial in read_plan(sweep).trials
    ]


def test_a_key_is_left_out_where_it_does_not_apply(
    sweep: Path, small: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    words = ["encoder=rnn,bilstm", "encoder.merge=sum,concat"]
    assert run(["train", "-m", *small, *words, f"run_dir={sweep}"]) == 0
    assert points(sweep, small) == [
        ["encoder=rnn"],
        ["encoder=bilstm", "encoder.merge=sum"],
        ["encoder=bilstm", "encoder.merge=concat"],
    ]
    assert [trial.state for trial in read_trials(sweep)] == ["done"] * 3
    told = [json.loads((sweep / str(n) / "run.json").read_text())["config"] for n in range(3)]
    assert [config["encoder"].get("merge") for config in told] == [None, "sum", "concat"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["encoder=rnn,bilstm", "encoder.merge=sum"], [["rnn"], ["bilstm", "sum"]]),
        (["seed=1,2", "encoder=rnn", "encoder.num_layers=1,2"], [["1", "rnn", "1"]]),
        (["encoder=glob(*lstm)"], [["bilstm"], ["lstm"]]),
        (["encoder.hidden_size=range(2,8,3)"], [["2"], ["5"]]),
        (["+trainer.deterministic=true,false"], [["True"], ["False"]]),
        (
            ["scheduler=constant,warmup_linear", "scheduler.warmup_steps=7"],
            [["constant"], ["warmup_linear", "7"]],
        ),
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_what_is_planned(
    sweep: Path,
    small: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    expected: list[list[str]],
) -> None:
    monkeypatch.setattr("seqloom.sweep.grid.Grid.launch", lambda self, todo: None)
    with pytest.raises(RunError, match="did not succeed"):  # since no trial is launched
        run(["train", "-m", *small, *words, f"run_dir={sweep}"])
    found = [[word.partition("=")[2] for word in point] for point in points(sweep, small)]
    assert found[: len(expected)] == expected


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["encoder=rnn,lstm", "encoder.merge=sum,concat"],
            "encoder.merge does not apply to any point of this sweep (encoder=rnn, encoder=lstm). "
            "These have it: encoder=bigru, encoder=bilstm, encoder=birnn.",
        ),
        (["encoder=rnn,bilstm", "encoder.mrege=sum"], "encoder has no key 'mrege'. Did you mean"),
        (
            ["encoder=rnn,bilstm", "encoder.merge=sum,concat", "encoder.mrege=1,2"],
            "encoder has no key 'mrege'",  # not the one that some points lack
        ),
        (["encoder=rnn,bilstn"], "There is no encoder=bilstn. Did you mean 'bilstm'?"),
        (["encoder.hidden_size=4,x"], "encoder.hidden_size: 'x' is not a whole number."),
        (["seed=1,x"], "seed: 'x' is not a whole number."),
        (
            ["optimizer.lr=interval(0.1,0.2)"],
            "optimizer.lr=interval(0.1,0.2): a grid needs a list",
        ),
    ],
    ids=str,
)
def test_a_wrong_word_ends_the_sweep_before_it_begins(
    sweep: Path, small: tuple[str, ...], words: list[str], sentence: str
) -> None:
    with pytest.raises(SeqloomError) as found:
        run(["train", "-m", *small, *words, f"run_dir={sweep}"])
    assert str(found.value).startswith(sentence)
    assert not (sweep / "0").exists()
    assert not (sweep / "sweep.json").exists()


def test_a_folder_holds_one_sweep(sweep: Path, small: tuple[str, ...]) -> None:
    words = ["train", "-m", *small, "seed=1,2", f"run_dir={sweep}"]
    assert run(words) == 0
    with pytest.raises(
        RunError, match=r"already holds a sweep\. Choose another run_dir, or continue"
    ):
        run(words)
    with pytest.raises(RunError, match=r"holds another sweep: seqloom train -m .*seed=1,2"):
        run([*words[:-2], "seed=1,3", words[-1], "resume=auto"])


def test_a_folder_with_runs_is_no_place_for_a_sweep(sweep: Path, small: tuple[str, ...]) -> None:
    (sweep / "0").mkdir(parents=True)
    with pytest.raises(RunError, match="already holds runs"):
        run(["train", "-m", *small, "seed=1,2", f"run_dir={sweep}"])


def test_an_empty_sweep_of_intervals_needs_no_folder(sweep: Path, small: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="hydra/sweeper=optuna"):
        run(["train", "-m", *small, "optimizer.lr=interval(0.1,1)", f"run_dir={sweep}"])


@pytest.mark.parametrize("kind", ["hydra/sweeper=grid", "hydra/sweeper=optuna"])
@pytest.mark.parametrize(
    "word",
    ["seed=range(3,1)", "seed=range(1,3,0)", "optimizer.lr=range(0.1,1,0)", "encoder=glob(x*)"],
)
def test_a_key_that_is_swept_over_no_value(
    sweep: Path, small: tuple[str, ...], word: str, kind: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^{re.escape(word)} stands for no value at all\. "):
        run(["train", "-m", kind, *small, "optimizer.lr=0.1,0.2", word, f"run_dir={sweep}"])
    assert not sweep.exists()


def test_what_applies_to_the_whole_sweep_is_not_swept(sweep: Path, small: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"^run_dir=a,b: this applies to the whole sweep"):
        run(["train", "-m", *small, "seed=1,2", "run_dir=a,b"])
    with pytest.raises(ConfigError, match=r"^resume=auto,never: this applies to the whole sweep"):
        run(["train", "-m", *small, "seed=1,2", f"run_dir={sweep}", "resume=auto,never"])


@pytest.mark.parametrize("word", ["run_dir=", "run_dir=''"])
def test_an_empty_folder_is_refused_before_anything_is_written(
    sweep: Path, small: tuple[str, ...], word: str
) -> None:
    for words in (["seed=1"], ["-m", "seed=1,2"]):
        with pytest.raises(ConfigError, match=r"^run_dir is empty\. Set it: run_dir=PATH$"):
            run(["train", *words, *small, word])
    assert not list(sweep.parent.iterdir())
