from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from seqloom.cli.train import run_trial
from seqloom.safe_path import PATH_VARIABLE, SAFE_VARIABLE, protect_children
from seqloom.testing import reader_process
from seqloom.train.process import restored_process
from seqloom.train.ranks import launch


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (SAFE_VARIABLE, PATH_VARIABLE):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)


def run_as(main: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", main)
    protect_children()


def module(name: str = "__main__", file: Path | None = None) -> types.ModuleType:
    found = types.ModuleType(name)
    if file:
        found.__file__ = str(file)
    return found


@pytest.mark.parametrize("words", [["-c", "import shadow"], ["-m", "shadow"]])
def test_children_do_not_import_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    (tmp_path / "shadow.py").write_text("open('executed', 'w').close()", encoding="utf-8")
    run_as(module(), monkeypatch)
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode != 0
    assert not (tmp_path / "executed").exists()


def test_children_of_a_script_import_what_is_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside.py").write_text("", encoding="utf-8")
    monkeypatch.setenv(PATH_VARIABLE, "/other")
    run_as(module(file=tmp_path / "script.py"), monkeypatch)
    assert os.environ[PATH_VARIABLE] == f"{tmp_path}{os.pathsep}/other"
    protect_children()
    assert os.environ[PATH_VARIABLE] == f"{tmp_path}{os.pathsep}/other"
    subprocess.run([sys.executable, "-c", "import beside"], cwd="/", check=True)


def test_an_installed_program_adds_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    run_as(module(file=Path(sys.executable).with_name("seqloom")), monkeypatch)
    assert PATH_VARIABLE not in os.environ


def test_ranks_and_workers_are_protected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with restored_process():
        assert os.environ[SAFE_VARIABLE] == "1"
    assert SAFE_VARIABLE not in os.environ
    assert launch.RANK_COMMAND[:2] == ("-P", "-m")


def test_the_process_that_reads_for_the_checks_is_protected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit('shadowed')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reader_process, "SERVER", "import pickle")
    monkeypatch.setattr(reader_process, "_running", [])
    assert reader_process._server().wait(600) == 0
    reader_process._stop()


def test_matplotlib_takes_no_settings_from_the_current_folder(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "matplotlibrc").write_bytes(b"text.usetex: True\n\xff")
    source = (
        "from seqloom.safe_path import protect_children; protect_children()\n"
        "import matplotlib, os; assert not matplotlib.rcParams['text.usetex']; print(os.getcwd())"
    )
    command = [sys.executable, "-P", "-c", source]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, str(tmp_path), "")


def test_a_rank_takes_none_either(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n", encoding="utf-8")
    source = (
        "import os, sys; sys.argv[1:] = ['run']; os.environ.pop('RANK', None)\n"
        "from contextlib import suppress; from seqloom.train.ranks.rank import main\n"
        "with suppress(KeyError): main()\n"  # it needs its number next
        "import matplotlib; assert not matplotlib.rcParams['text.usetex']"
    )
    command = [sys.executable, "-P", "-c", source]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_trial_in_a_worker_takes_none_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> None:
        raise KeyError

    monkeypatch.setattr("seqloom.cli.train.ignore_settings", told)
    with pytest.raises(KeyError):
        run_trial(None)  # type: ignore[arg-type]
