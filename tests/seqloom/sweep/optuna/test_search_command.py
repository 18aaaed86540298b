"""``seqloom train -m hydra/sweeper=optuna``, whole."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom.sweep.optuna.search import pruning_override
from seqloom.sweep.optuna.settings import Settings
from seqloom.sweep.optuna.study import study_of

Program = Callable[..., "subprocess.CompletedProcess[str]"]
SEARCH = ("train", "-m", "hydra/sweeper=optuna")


def test_a_search_and_one_that_goes_on(
    program: Program, small: tuple[str, ...], tmp_path: Path
) -> None:
    words = (
        *SEARCH,
        "hydra.sweeper.n_trials=2",
        "hydra.sweeper.pruner=median",
        "hydra.sweeper.pruner_params={n_startup_trials: 1}",
        "hydra.sweeper.objectives={val/loss: minimize}",
        "hydra.sweeper.params={optimizer.lr: 'interval(1,2)'}",
        *small,
        "encoder=rnn,bilstm",
        "encoder.merge=sum,concat",
        "optimizer.lr=tag(log,interval(1e-3,1e-2))",
        f"run_dir={tmp_path}",
    )
    done = program(*words)
    assert done.returncode == 0, done.stderr
    assert "The best of 2 points: val/loss " in done.stderr
    study = study_of(tmp_path)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 2
    for number, trial in enumerate(study.trials):
        record = json.loads((tmp_path / str(number) / "run.json").read_text(encoding="utf-8"))
        assert record["metrics"]["val"]["loss"] == trial.value
        assert 1e-3 <= trial.params["optimizer.lr"] <= 1e-2
        assert f"encoder={trial.params['encoder']}" in record["overrides"]

    (tmp_path / "1" / "run.json").unlink()  # as if it had been killed there
    again = program(*words, "resume=auto")
    assert again.returncode == 0, again.stderr
    assert [trial.params for trial in study_of(tmp_path).trials] == [
        trial.params for trial in study.trials
    ]
    attempts = [
        json.loads((tmp_path / str(number) / "run.json").read_text(encoding="utf-8"))["attempts"]
        for number in range(2)
    ]
    assert attempts == [1, 1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hydra.sweeper.sampler=tep", "seed=1,2"], "Did you mean 'tpe'"),
        (["hydra.sweeper.n_trails=3", "encoder=rnn,gru"], "n_trails"),
        (["encoder=rnn,gru", "encoder.mrege=1,2"], "mrege"),
        (
            [
                "hydra.sweeper.pruner=median",
                "hydra.sweeper.objectives={training_seconds: minimize}",
                "encoder=rnn,gru",
            ],
            "the objective training_seconds is known only at the end",
        ),
    ],
)
def test_mistakes_end_it_before_the_first_trial(
    program: Program, tmp_path: Path, words: list[str], message: str
) -> None:
    done = program(*SEARCH, *words, f"run_dir={tmp_path / 'sweep'}")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr
    assert not (tmp_path / "sweep" / "sweep.json").exists()


def test_the_pruner_goes_into_a_trial_as_an_override() -> None:
    settings = Settings(pruner="percentile", pruner_params={"percentile": 25.0})
    assert pruning_override(settings) == (
        "++callbacks.pruning={_target_:seqloom.sweep.optuna.pruning.Pruning,"
        "pruner:percentile,pruner_params:{percentile:25.0}}"
    )


def test_the_objective_is_what_a_trial_is_pruned_by() -> None:
    settings = Settings(pruner="median", objectives={"val/loss": "minimize"})
    assert pruning_override(settings) == (
        "++callbacks.pruning={_target_:seqloom.sweep.optuna.pruning.Pruning,"
        "pruner:median,pruner_params:{},metric:val/loss,direction:minimize}"
    )
