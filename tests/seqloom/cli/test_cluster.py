"""The script of a Slurm job."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from seqloom.cli.main import run
from seqloom.errors import ConfigError


def test_a_script_starts_a_task_for_each_device(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a job.sh"
    words = ["encoder=lstm", "title='a b'"]
    more = ["--nodes", "2", "--devices", "4", "--cpus", "3", "--time", "2:00:00", "--grace", "300"]
    assert run(["cluster", "script", *more, "--sbatch=--gres=gpu:4", "-o", str(path), *words]) == 0
    assert f"submit: sbatch '{path}'" in capsys.readouterr().out
    text = path.read_text()
    options = [line.removeprefix("#SBATCH ") for line in text.splitlines() if "#SBATCH" in line]
    assert {"--nodes=2", "--ntasks-per-node=4", "--gres=gpu:4"} <= set(options)
    assert "\nsrun --cpus-per-task=3 " in text  # since 22.05 srun does not inherit it
    assert {"--time=2:00:00", "--signal=USR1@300", "--requeue"} <= set(options)
    assert "--job-name=lstm-ner" in options
    (line,) = [line for line in text.splitlines() if line.startswith("srun ")]
    expected = ["train", *words, "trainer.num_nodes=2", "trainer.devices=4"]
    assert shlex.split(line)[-len(expected) :] == expected
    subprocess.run(["bash", "-n", path], check=True)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["encoder=lstmm"], "Did you mean 'lstm'"),
        (["trainer.devices=2"], "trainer.devices is set by --devices"),
        (["sweep=optuna"], "describes several runs"),
        (["--sbatch=gres"], "expected an option"),
        (["--time=1:00"], "--time=1:00 is 60 s, but the run ends 120 s before the time"),
        (["--time=2", "--grace=120"], "so it would end as soon as it starts"),
        (["--time=2h"], "--time=2h: expected minutes, MM:SS, HH:MM:SS or D-HH:MM:SS"),
    ],
)
def test_a_mistake_shows_when_the_script_is_written(words: list[str], error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        run(["cluster", "script", *words])


def test_a_script_is_printed_unless_a_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cluster", "script", "encoder=lstm"]) == 0
    assert capsys.readouterr().out.startswith("#!/bin/")


@pytest.mark.parametrize("number", ["0", "-1", "two", "\u00b2"])
def test_numbers_are_whole_and_positive(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["cluster", "script", "--nodes", number],
        ["sweep", "resume", "--attempts", number],
    ):
        with pytest.raises(SystemExit):
            run(words)
        assert f"{number!r} is not a positive integer" in capsys.readouterr().err


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'script'"):
        run(["cluster", "scrip"])
    assert run(["cluster"]) == 0
    assert "script" in capsys.readouterr().out
