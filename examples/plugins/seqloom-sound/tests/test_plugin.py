"""The package as seqloom meets it: its entry module, its recipe, a run with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from seqloom import load

from seqloom_sound.samples import sounds
from seqloom_sound.sound import Sound

Done = subprocess.CompletedProcess[str]


def call(*command: str, fails: bool = False) -> Done:
    done = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert (done.returncode != 0) == fails, done.stderr
    return done


def seqloom(*arguments: str, fails: bool = False) -> Done:
    return call(str(Path(sys.executable).with_name("seqloom")), *arguments, fails=fails)


def test_the_entry_module_is_light() -> None:
    source = "import sys, seqloom_sound; print({'torch', 'numpy'} & set(sys.modules))"
    assert call(sys.executable, "-c", source).stdout == "set()\n"


def test_the_recipe_composes() -> None:
    config = seqloom("train", "experiment=fsdd", "--cfg", "job").stdout
    for line in ("name: sounds", "name: log_mel", "name: bilstm", "name: classification"):
        assert line in config


def test_sounds_are_learned_and_told_apart(tmp_path: Path) -> None:
    data, run = sounds(tmp_path), tmp_path / "run"
    seqloom(
        "train",
        "data=sounds",
        *(f"data.{split}={path}" for split, path in data.items()),
        "frontend=log_mel",
        "encoder=gru",
        "encoder.hidden_size=8",
        "head=classification",
        "head.pooling=mean",
        "callbacks=none",
        "trainer=cpu",
        "trainer.max_epochs=10",
        "batch.max_examples=4",
        "optimizer.lr=0.03",
        f"run_dir={run}",
    )
    assert json.loads((run / "metrics.json").read_text())["test"]["accuracy"] == 1.0

    samples = np.sin(2 * np.pi * 300 * np.arange(900) / 8000)
    pipeline = load(run / "bundle")
    assert pipeline(Sound(samples, 8000))["label"] == "low"
    assert pipeline([(samples, 8000)])[0]["label"] == "low"

    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    paths = (f"{data['test']}/high/0.wav", f"{data['test']}/low", str(bad))
    done = seqloom("predict", str(run / "bundle"), *paths, fails=True)
    found = [json.loads(line)["label"] for line in done.stdout.splitlines()]
    assert found == ["high", "low", "low"]
    assert f"{bad}: the file cannot be read as a sound file" in done.stderr
    assert "Traceback" not in done.stderr
