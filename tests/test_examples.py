"""The examples of plugins, installed as their users would: checks, own tests, and their READMEs."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fork_server import Forked, ForkServer

from seqloom.public import PUBLIC

ROOT = Path(__file__).parent.parent
PACKAGES = sorted(path.parent for path in (ROOT / "examples" / "plugins").glob("*/pyproject.toml"))
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)

Program = Callable[..., "subprocess.CompletedProcess[str]"]
each = pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which all examples are installed from their wheels."""
    folder = tmp_path_factory.mktemp("examples")
    where = ["--target", str(folder / "site"), *map(str, PACKAGES)]
    said = python("pip", "install", "-q", "--no-deps", "--no-build-isolation", *where, cwd=folder)
    assert (folder / "site").is_dir(), said
    return folder / "site"


def python(*words: str, cwd: Path, site: Path | None = None) -> str:
    """Run a module, which must succeed; return what it said."""
    extra = {"PYTHONPATH": str(site)} if site else {}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **extra},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def forked(server: ForkServer, source: str, *words: str, cwd: Path, site: Path) -> str:
    """Run some Python that must succeed in a process that has seqloom imported."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(site)}
    pipe = subprocess.PIPE
    options = {"stdout": pipe, "stderr": pipe, "text": True, "cwd": cwd, "env": env}
    with Forked(server, source, *words, **options) as program:
        out, said = program.communicate(timeout=600)
    assert program.returncode == 0, f"{source}\n{out}{said}"
    return out


def test_there_are_three() -> None:
    assert len(PACKAGES) == 3


@each
def test_it_uses_public_names_only(package: Path) -> None:
    known = {"seqloom", "hydra", "omegaconf", "pytorch_lightning"}
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names} - {"seqloom"}
                assert not {name.partition(".")[0] for name in names} & known, (file, names)
            elif isinstance(node, ast.ImportFrom) and node.module in PUBLIC:
                names = {alias.name for alias in node.names}
                assert names <= set(PUBLIC[node.module]), (file, names)
            elif isinstance(node, ast.ImportFrom):
                assert str(node.module).partition(".")[0] != "seqloom", (file, node.module)


@each
def test_mypy_finds_nothing(package: Path) -> None:
    cache = str(ROOT / ".mypy_cache")
    config = str(package / "pyproject.toml")
    assert "Success" in python("mypy", "--config-file", config, "--cache-dir", cache, cwd=package)


@each
def test_ruff_finds_nothing(package: Path) -> None:
    python("ruff", "check", "--no-cache", ".", cwd=package)
    python("ruff", "format", "--no-cache", "--check", ".", cwd=package)


@each
def test_its_own_tests_pass(package: Path, site: Path, fork_server: ForkServer) -> None:
    command = "import sys, pytest; sys.exit(pytest.console_main())"
    # Plugins of pytest are imported already, and so cannot be rewritten.
    options = ("-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
    assert " passed" in forked(fork_server, command, *options, cwd=package, site=site)


def test_the_doctor_finds_nothing(program: Program, site: Path) -> None:
    done = program("plugins", "doctor", site=site)
    assert done.returncode == 0, done.stdout
    for package in PACKAGES:
        assert f"({package.name} 0.1.0): ok" in done.stdout


@each
def test_the_python_of_its_readme_runs(
    package: Path, site: Path, fork_server: ForkServer, tmp_path: Path
) -> None:
    for block in blocks(package, "python"):
        forked(fork_server, block, cwd=tmp_path, site=site)


COMPOSE = """
import json, sys
from seqloom.cli.main import run
for words in json.loads(sys.argv.pop()):
    try:
        status = run(["train", *words, "--cfg", "job"])
    except Exception as error:
        sys.exit(f"{words}\\n{error}")
    assert status == 0, words
"""


@each
def test_the_trainings_of_its_readme_compose(
    package: Path, site: Path, fork_server: ForkServer, tmp_path: Path
) -> None:
    """What they train on must be fetched first; that they train, its own tests show."""
    lines = "\n".join(blocks(package, "bash")).replace("\\\n", " ").splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("seqloom train ")]
    assert commands
    points = []
    for _, _, *words in commands:
        for index in range(max(len(choices(word)) for word in words)):
            one = [choices(word)[min(index, len(choices(word)) - 1)] for word in words]
            points.append([word for word in one if word != "-m"])
    forked(fork_server, COMPOSE, json.dumps(points), cwd=tmp_path, site=site)


def choices(word: str) -> list[str]:
    """Return the words that a word of a sweep stands for: ``a=1,2`` for ``a=1`` and ``a=2``."""
    key, equals, value = word.partition("=")
    several = "," in value and not value.startswith(("[", "{", "'", '"'))
    return [f"{key}{equals}{one}" for one in value.split(",")] if several else [word]


def blocks(package: Path, language: str) -> list[str]:
    """Return the blocks of a language in a package's README."""
    text = (package / "README.md").read_text(encoding="utf-8")
    return [block for found, block in BLOCK.findall(text) if found == language]
