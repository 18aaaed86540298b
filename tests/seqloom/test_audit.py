"""What commands open, contact and execute in a stranger's folder, and of a stranger's model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import audited
import pytest
from PIL import Image

SHADOWS = (
    "yaml",
    "random",
    "csv",
    "json",
    "torch",
    "numpy",
    "sitecustomize",
    "usercustomize",
    "mod",
)
TINY = (
    "encoder=lstm",
    "encoder.hidden_size=4",
    "frontend.size=4",
    "frontend.characters=false",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "budget.min_steps=0",
    "callbacks=none",
)
ROWS = "text,label\n" + "".join(f"{'good' if n % 2 else 'bad'} {n},{n % 2}\n" for n in range(12))
TAGGED = "Apple B-ORG\nopens O\n\nParis B-LOC\nis O\n\n"

ENTITY = (
    '<!DOCTYPE PcGts SYSTEM "http://127.0.0.1:9/x.dtd" [<!ENTITY x SYSTEM "file://{}/secret">]>'
)
PAGE = """<?xml version="1.0" encoding="UTF-8"?>
{kind}
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="{image}" imageWidth="440" imageHeight="200"><TextRegion id="r">
<Coords points="20,20 420,20 420,120 20,120"/><TextLine id="a">
<Coords points="20,40 420,40 420,85 20,85"/><Baseline points="20,80 420,80"/>
<TextEquiv><Unicode>Apple</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder from a stranger, full of what programs look for where they are started."""
    folder = tmp_path_factory.mktemp("strange")
    for name in SHADOWS:
        write(folder / f"{name}.py", f"open({str(folder / 'executed')!r}, 'w').close()")
    write(folder / "hydra_plugins/evil/__init__.py", "raise SystemExit('executed')")
    write(folder / "seqloom/__init__.py", "raise SystemExit('executed')")
    write(folder / "x-1.dist-info/entry_points.txt", "[seqloom.plugins]\nevil = mod\n")
    write(folder / "x-1.dist-info/METADATA", "Name: x\nVersion: 1\n")
    write(folder / ".git/HEAD", "ref: refs/heads/main\n")
    write(folder / ".git/refs/heads/main", "0" * 40)
    fsmonitor = f"sh -c 'touch {folder}/executed'"
    write(folder / ".git/config", f'[core]\n\tfsmonitor = "{fsmonitor}"\n')
    write(folder / "matplotlibrc", "text.usetex: True\n")
    for name in ("config.yaml", "train.yaml", ".env", "setup.cfg", "pyproject.toml", ".netrc"):
        write(folder / name, "")
    write(folder / "secret", TAGGED)
    write(folder / "mine.csv", ROWS)
    write(folder / "mine.conll", TAGGED)
    write(folder / "mine.txt", "Apple is here\n")
    outside, kind = folder / "mine/deep/secret.png", ENTITY.format(folder)
    write(folder / "scans/one.xml", PAGE.format(kind="", image="one.png"))
    write(folder / "scans/two.xml", PAGE.format(kind="", image=outside))
    write(folder / "scans/three.xml", PAGE.format(kind=kind, image=outside))
    (folder / "mine/deep").mkdir(parents=True)
    (folder / "lines").mkdir()
    for image in ("scans/one.png", "mine/deep/secret.png"):
        Image.new("L", (440, 200), 255).save(folder / image)
    return folder


def audit(
    folder: Path,
    commands: Sequence[tuple[Sequence[str], Sequence[str]]],
    own: Sequence[Path],
    starts: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """Return what each command did; with each one comes what it may open in the folder.

    Commands whose first word is in ``starts`` may start these programs, and Python.
    """
    home = own[0]
    home.mkdir(exist_ok=True)
    request = {
        "commands": [words for words, _ in commands],
        "allowed": [[str(folder / one) for one in may] for _, may in commands],
        "starts": [(starts or {}).get(words[0]) for words, _ in commands],
        "own": [str(one) for one in own],
        "log": str(home / "children.jsonl"),
    }
    path = write(home / "request.json", json.dumps(request))
    done = subprocess.run(
        [sys.executable, "-P", audited.__file__, str(path)],
        cwd=folder,
        env={
            **os.environ,
            "TMPDIR": str(home),
            "OMP_NUM_THREADS": "1",
            "PATH": f"{home}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(done.stderr)
    answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def hostile(bundle: Path, changes: Mapping[str, Any]) -> None:
    path = bundle / "bundle.json"
    found = json.loads(path.read_text(encoding="utf-8")) | dict(changes)
    del found["sha256"]
    path.write_text(json.dumps(found), encoding="utf-8")


GIT = (".git",)
URL = "http://127.0.0.1:9/x.conll#sha256=" + "0" * 64


@pytest.fixture(scope="module")
def stranger(folder: Path, trained_ner: Path) -> Path:
    """Return a bundle in the folder that names files, addresses and import paths."""
    bundle = shutil.copytree(trained_ner / "bundle", folder / "model")
    write(folder / "run.json", '{"state": "done"}')
    write(folder / "contents.npz", "")
    data = {"name": "conll", "train": str(folder / "secret"), "test": URL}
    hostile(bundle, {"data": data, "_target_": "os.system", "data_component": None})
    write(folder / "sweep/sweep.json", '{"command": ["_target_=mod.x"], "cwd": "/"}')
    return bundle


def test_commands_open_and_execute_only_what_the_user_named(
    folder: Path, stranger: Path, tmp_path: Path
) -> None:
    cut = ("data.split.val=0.3", "data.split.test=0.3", "head=classification")
    train = ["train", "data=csv", "data.train=mine.csv", *cut, *TINY, "run_dir=run"]
    its = ["run", *GIT, "outputs"]
    commands: list[tuple[list[str], list[str]]] = [
        (train, ["mine.csv", *its]),
        (["train", *train[1:], "init=run", "run_dir=again"], ["mine.csv", "again", *its]),
        (["evaluate", "run"], ["run"]),
        (["evaluate", "run", "--its-data"], ["run", "mine.csv"]),
        (["predict", "run", "mine.txt"], ["run", "mine.txt"]),
        (["evaluate", "model"], ["model"]),
        (["evaluate", "model", "--split", "train", "--changed-data"], ["model"]),
        (["evaluate", "model", "data.test=mine.conll"], ["model", "mine.conll"]),
        (["predict", "model", "mine.conll", "--gold"], ["model", "mine.conll"]),
        (["predict", "model", "mine.txt", "--to", "conll"], ["model", "mine.txt"]),
        (["inspect", "model", "--check"], ["model"]),
        (["inspect", "run", "--json"], ["run"]),
        (["inspect", "sweep"], ["sweep"]),
        (["tune", "model"], ["model"]),
        (["sweep", "show", "sweep"], ["sweep"]),
        (["sweep", "list", "sweep"], ["sweep"]),
        (["plugins"], []),
        (["--help"], []),
        (["train", "--help"], []),
        (["train", "--cfg", "job"], []),
        (["completion", "bash"], []),
        (["demo", "model", "--host", "a..b"], ["model"]),
        (["prepare", "pages", "scans/one.xml", "lines/cut"], ["scans", "lines"]),
        (["prepare", "pages", "scans", "lines/more", "--on-bad", "skip"], ["scans", "lines"]),
        (["cluster", "script", *train[1:-1], "-o", "lines/job.sh"], ["mine.csv", "lines", *GIT]),
        (["cluster", "test", "--folder", "shared"], ["shared"]),
    ]
    home = tmp_path / "home"
    write(home / "srun", "#!/bin/sh\nexit 1\n").chmod(0o755)
    srun = {"cluster": [f"({str(home / 'srun')!r}, ", "('srun', ['srun', "]}
    found = audit(folder, commands, [home, Path.home() / ".cache"], srun)
    problems = {" ".join(c[0]): one["found"] for c, one in zip(commands, found, strict=True)}
    assert problems == {" ".join(words): [] for words, _ in commands}
    assert not (folder / "executed").exists()
    states = {" ".join(c[0]): str(a["status"]) for c, a in zip(commands, found, strict=True)}
    assert not [words for words, state in states.items() if "Traceback" in state]
    works = ("predict", "plugins", "--help", "completion", "inspect model", "inspect run")
    for words, state in states.items():
        if words.startswith(works) or "mine" in words or "--its-data" in words:
            assert state == "0", f"{words}: {state}"
    assert states["evaluate model"].startswith("ConfigError: The model names its own data, ")
    assert states["demo model --host a..b"].startswith("ConfigError: The demo cannot listen")
    assert states["cluster test --folder shared"].startswith("RunError: ")


def test_all_other_commands_do_no_more(folder: Path, stranger: Path, tmp_path: Path) -> None:
    cut = ("data.split.val=0.3", "data.split.test=0.3", "head=classification")
    words = ["data=csv", "data.train=mine.csv", *cut, *TINY]
    sweep = ["train", "-m", *words, "seed=1,2", "run_dir=swept"]
    reads, writes = ["mine.csv", *GIT], ["swept", "outputs", "multirun"]
    removed = ["run"]  # of a scratch folder: shutil.rmtree opens it by its name in an open folder
    commands: list[tuple[list[str], list[str]]] = [
        (["check", *words], reads),
        (["profile", *words, "--steps", "1"], [*reads, *removed]),
        (sweep, [*reads, *writes]),
        (["sweep", "resume", "swept"], [*reads, *writes]),
        (["sweep", "index", "swept"], ["swept"]),
        (["sweep", "diff", "swept/0", "swept/1"], ["swept"]),
        (["sweep", "show", "swept", "--html", "swept/page.html"], ["swept"]),
        (["sweep", "resume", "sweep"], ["sweep"]),
        (["sweep", "index", "sweep"], ["sweep"]),
        (["sweep", "diff", "sweep", "sweep"], ["sweep"]),
        (["explain", "encoder=lstm"], []),
        (["conformance", "encoder=lstm", "-k", "empty"], []),
        (["plugins", "doctor"], []),
        (["cache", "list", "--folder", "entries"], ["entries"]),
        (["cache", "clear", "--all", "--folder", "entries"], ["entries"]),
        (["new", "plugin", "seqloom-window", "--out", "package"], ["package"]),
        (["example", "csv", "lines/tickets.csv"], ["lines"]),
        (["help"], []),
    ]
    found = audit(folder, commands, [tmp_path / "home", Path.home() / ".cache"])
    problems = {" ".join(c[0]): one["found"] for c, one in zip(commands, found, strict=True)}
    assert problems == {" ".join(words): [] for words, _ in commands}
    assert not (folder / "executed").exists()
    states = {" ".join(c[0]): str(a["status"]) for c, a in zip(commands, found, strict=True)}
    assert {words for words, state in states.items() if state != "0"} == {"sweep resume sweep"}


@pytest.mark.slow
def test_processes_that_commands_start_do_no_more(folder: Path, tmp_path: Path) -> None:
    cut = ("data.split.val=0.3", "data.split.test=0.3", "head=classification", "batch.workers=1")
    words = ["data=csv", "data.train=mine.csv", *cut, *TINY]
    two = ["train", *words, "trainer.devices=2", "run_dir=two"]
    chaos = ["chaos", *words, "kills=1", "flips=0", "cuts=0", "leases=0", "disks=0"]
    commands: list[tuple[list[str], list[str]]] = [
        (two, ["mine.csv", "two", "outputs", *GIT]),
        ([*chaos, "run_dir=chaos"], ["mine.csv", "chaos", "outputs", *GIT]),
    ]
    home = tmp_path / "home"
    # Folders below ranks/data, which shutil.rmtree opens by their names in an open folder.
    entries = ["train", "val", "test"]
    commands = [(words, [*may, *entries]) for words, may in commands]
    python: dict[str, list[str]] = {"train": ["('kill'"], "chaos": ["('kill'"]}
    found = audit(folder, commands, [home, Path.home() / ".cache"], python)
    assert [one["found"] for one in found] == [[], []], found
    assert [str(one["status"]) for one in found] == ["0", "0"]
    assert not (folder / "executed").exists()


def test_what_children_do_is_noted(tmp_path: Path) -> None:
    tools = Path(audited.__file__).parent
    code = (
        "import os; open('secret', 'w').close(); child = os.fork()\n"
        "os.system('true') if child == 0 else os.waitpid(child, 0)"
    )
    variables = {
        "PYTHONPATH": os.pathsep.join([str(tools / "audited_child"), str(tools)]),
        audited.LOG_VARIABLE: str(tmp_path / "log"),
    }
    command = [sys.executable, "-P", "-c", code]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, **variables}, check=True)
    noted = [tuple(json.loads(line)) for line in (tmp_path / "log").read_text().splitlines()]
    assert ("open", str(tmp_path / "secret")) in noted
    assert [event for event, _ in noted].count("os.system") == 1
