"""What is not imported: each TAB of shell completion runs the program."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Python = Callable[[str], "subprocess.CompletedProcess[str]"]

LOADED = """
import json, sys
heavy = {"torch", "numpy", "pytorch_lightning", "hydra", "omegaconf", "torchmetrics", "matplotlib"}
heavy |= {"torch._dynamo"}
print("\\n" + json.dumps(sorted(heavy & set(sys.modules))))
"""


def loaded(python: Python, source: str) -> set[str]:
    done = python(source + LOADED)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_seqloom_imports_nothing_heavy(python: Python) -> None:
    assert loaded(python, "import seqloom") == set()


def test_plugins_and_configs_need_neither_torch_nor_numpy_nor_lightning(python: Python) -> None:
    source = (
        "from seqloom.plugins import registry\n"
        "from seqloom.config.store import register_configs\n"
        "assert all(plugin.state == 'ok' for plugin in registry().plugins)\n"
        "assert len(registry().plugins) >= 4\n"
        "register_configs()"
    )
    assert loaded(python, source) == {"hydra", "omegaconf"}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["plugins"], ["plugins", "--json"], ["explain", "encoder.merge"]],
    ids=" ".join,
)
def test_these_commands_import_nothing_heavy(python: Python, arguments: list[str]) -> None:
    assert loaded(python, f"from seqloom.cli.main import run\nrun({arguments})") == set()


@pytest.mark.parametrize(
    "arguments",
    [["train", "--help"], ["train", "--cfg", "job"], ["evaluate", "--help"], ["predict", "--help"]],
    ids=" ".join,
)
def test_these_commands_import_no_torch(python: Python, arguments: list[str]) -> None:
    source = (
        "from seqloom.cli.main import run\n"
        f"try: run({arguments})\nexcept SystemExit as end: assert end.code == 0"
    )
    assert loaded(python, source) <= {"hydra", "omegaconf"}


def test_a_wrong_config_is_told_of_without_importing_torch(python: Python) -> None:
    source = (
        "import seqloom\n"
        "from seqloom.cli.main import run\n"
        "try: run(['train', 'encoder.hiden_size=3'])\n"
        "except seqloom.SeqloomError: pass"
    )
    assert loaded(python, source) == {"hydra", "omegaconf"}


def test_completion_imports_nothing_heavy(python: Python) -> None:
    source = (
        "import os\nos.environ['COMP_LINE'] = 'seqloom train encoder='\n"
        "from seqloom.cli.main import run\nrun(['-sc', 'query=bash'])"
    )
    assert loaded(python, source) == set()


def test_predicting_needs_no_lightning_metrics_hydra_or_compiler(
    python: Python, trained_ner: Path
) -> None:
    heads = ("classification", "ctc", "ner", "translation")
    source = (
        f"from seqloom import load\nmodel = load({str(trained_ner)!r})\n"
        "assert model('Apple opens a shop in Paris.')\n"
        f"import {', '.join(f'seqloom_{head}.head' for head in heads)}"
    )
    assert loaded(python, source) <= {"torch", "numpy", "omegaconf"}
