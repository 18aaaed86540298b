"""``seqloom sweep`` and its subcommands, from the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom.cli.main import run
from seqloom.cli.sweep import SUBCOMMANDS
from seqloom.errors import SeqloomError

HEAVY = """
import json, sys
heavy = {"torch", "numpy", "pytorch_lightning", "hydra", "omegaconf", "yaml", "matplotlib"}
print("\\n" + json.dumps(sorted(heavy & set(sys.modules))))
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two encoders by two seeds."""
    values = {"rnn": (0.5, 0.625), "lstm": (0.75, 1.0)}
    number = 0
    for encoder, scores in values.items():
        for seed, score in enumerate(scores):
            folder = tmp_path / "sweep" / str(number)
            folder.mkdir(parents=True)
            record = {
                "state": "done",
                "overrides": [f"encoder={encoder}", f"seed={seed}"],
                "seed": seed,
                "monitor": "f1",
                "metrics": {"val": {"f1": score}},
            }
            (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
            number += 1
    return tmp_path / "sweep"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert run(["sweep", *map(str, arguments)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]], ids=str)
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, *arguments)
    for name, (text, _) in SUBCOMMANDS.items():
        assert f"  {name:<8} {text}\n" in out


@pytest.mark.parametrize("name", sorted(SUBCOMMANDS))
def test_help_of_a_subcommand(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(["sweep", name, "--help"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: seqloom sweep {name}")


def test_an_unknown_subcommand() -> None:
    with pytest.raises(SeqloomError, match=r"no command 'sweep shwo'\. Did you mean 'show'\?"):
        run(["sweep", "shwo"])


def test_subcommands_are_completed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for line, words in (("sweep ", [*SUBCOMMANDS]), ("sweep sh", ["show"]), ("sweep show r", [])):
        monkeypatch.setenv("COMP_LINE", f"seqloom {line}")
        assert run(["-sc", "query=bash"]) == 0
        assert capsys.readouterr().out.split() == words


def test_show_prints_the_verdict_and_the_table_to_standard_output(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sweep", "show", str(sweep)]) == 0
    out, err = capsys.readouterr()
    verdict, blank, *table = out.splitlines()
    assert "lstm leads rnn" in verdict
    assert not blank
    assert [line.split()[0] for line in table] == ["encoder", "lstm", "rnn"]
    assert err == "4 done of 4.\n"


def test_the_options_of_show(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--format", "json", "--sort", "encoder", "--top", "1", "--group-by", "encoder")
    (board,) = json.loads(printed(capsys, "show", sweep, *options, "--metric", "f1"))
    assert [row["values"] for row in board["rows"]] == [{"encoder": "lstm"}]
    assert board["rows"][0]["val"]["mean"] == 0.875


def test_show_writes_a_page(
    sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.html"
    assert printed(capsys, "show", sweep, "--html", path) == f"page {path}\n"
    assert "Leaderboard by f1" in path.read_text(encoding="utf-8")


def test_list_index_and_diff(
    sweep: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sweep.parent)
    assert printed(capsys, "list", sweep.parent).startswith("There are no sweeps below ")
    assert printed(capsys, "index", "sweep") == f"index {Path('sweep', 'index.json')}\n"
    assert "4 done of 4  encoder=lstm: f1 0.8750" in printed(capsys, "list", ".")
    with pytest.raises(SeqloomError, match="runs is not a folder"):
        run(["sweep", "list"])
    Path("failed").mkdir()
    Path("failed", "run.json").write_text('{"state": "failed"}', encoding="utf-8")
    assert printed(capsys, "diff", "failed", "failed") == "There are no differences.\n"
    assert "val f1  0.5000  0.6250  +0.1250" in printed(capsys, "diff", "sweep/0", "sweep/1")
    with pytest.raises(SeqloomError, match="does not hold a sweep"):
        run(["sweep", "index", "."])


def test_showing_imports_nothing_heavy(
    sweep: Path, python: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    (sweep / "3" / "run.json").unlink()  # one seed is left, so that nothing needs scipy's numpy
    (sweep / "1" / "run.json").unlink()
    commands = [["sweep"], ["sweep", "show", str(sweep)], ["sweep", "list", str(sweep)]]
    done = python(f"from seqloom.cli.main import run\nfor c in {commands!r}: run(c)" + HEAVY)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
