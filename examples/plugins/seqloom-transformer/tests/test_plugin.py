"""The package as seqloom meets it: its entry module, its preset, a run with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SMALL = (
    "data.train_size=60",
    "data.val_size=20",
    "data.test_size=20",
    "frontend.size=8",
    "encoder.hidden_size=8",
    "trainer=cpu",
    "trainer.max_epochs=1",
)


def python(source: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", source, *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def seqloom(*arguments: str) -> str:
    return python("from seqloom.cli.main import main; main()", *arguments)


def test_the_entry_module_is_light() -> None:
    heavy = python("import sys, seqloom_transformer; print({'torch', 'numpy'} & set(sys.modules))")
    assert heavy == "set()\n"


def test_the_recipe_composes() -> None:
    config = seqloom("train", "experiment=transformer", "--cfg", "job", "--package", "encoder")
    assert "name: transformer" in config
    assert "heads: 4" in config


def test_a_model_with_it_is_trained_and_loaded(tmp_path: Path) -> None:
    said = seqloom("train", "encoder=transformer", *SMALL, f"run_dir={tmp_path / 'run'}")
    bundle = tmp_path / "run" / "bundle"
    assert f"model  {bundle}" in said
    answer = python(
        "import sys, seqloom; print(seqloom.load(sys.argv[1])('Apple opens in Paris .'.split()))",
        str(bundle),
    )
    assert "tags" in answer
