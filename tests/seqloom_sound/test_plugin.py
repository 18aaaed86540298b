"""The plugin as seqloom meets it: its entry module, its recipe, a run with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

import seqloom
from seqloom.cli.main import run
from seqloom.config.compose import compose_run
from seqloom.errors import DataError
from seqloom_sound.samples import sounds
from seqloom_sound.sound import Sound


def test_the_entry_module_is_light(python: Callable[[str], CompletedProcess[str]]) -> None:
    source = "import sys, seqloom_sound as p; p.seqloom_components();"
    source += "print({'torch', 'numpy', 'scipy', 'soundfile'} & set(sys.modules))"
    assert python(source).stdout == "set()\n"


def test_the_recipe_composes() -> None:
    config = compose_run(["experiment=fsdd"])
    names = [config.components[kind]["name"] for kind in ("data", "frontend", "encoder", "head")]
    assert names == ["sounds", "log_mel", "bilstm", "classification"]


def test_sounds_are_learned_and_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = sounds(tmp_path)
    result = seqloom.fit(
        "data=sounds",
        *(f"data.{split}={path}" for split, path in data.items()),
        "frontend=log_mel",
        "encoder=gru",
        "encoder.hidden_size=8",
        "head=classification",
        "head.pooling=mean",
        "callbacks=none",
        "trainer=cpu",
        "budget.min_steps=0",
        "trainer.max_epochs=10",
        "batch.max_examples=4",
        "optimizer.lr=0.03",
        run_dir=tmp_path / "run",
    )
    assert result.metrics["test"]["accuracy"] == 1.0
    report = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert 'alt="spectrum"' in report
    assert "<audio controls" in report

    samples = np.sin(2 * np.pi * 300 * np.arange(900) / 8000)
    pipeline = seqloom.load(result.bundle)
    assert pipeline(Sound(samples, 8000))["label"] == "low"
    assert pipeline([(samples, 8000)])[0]["label"] == "low"

    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    paths = (f"{data['test']}/high/0.wav", f"{data['test']}/low", str(bad))
    capsys.readouterr()
    with pytest.raises(DataError, match=f"^{bad}: the file cannot be read as a sound file"):
        run(["predict", str(result.bundle), *paths, "--to", "tsv"])
    found = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()[1:]]
    assert found == ["high", "low", "low"]
