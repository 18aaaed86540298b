"""``seqloom tune``: what it writes, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqloom
from seqloom.errors import ConfigError

Call = Callable[..., str]
Describe = Callable[[Path], dict[str, Any]]


def test_tune_writes_a_model_that_reads_better(
    call: Call, description: Describe, trained: Path, tmp_path: Path
) -> None:
    """The n-gram model was made of the training texts: it helps there."""
    greedy = json.loads(call("evaluate", trained, "--split", "train", "--json"))["train"]
    tuned = tmp_path / "tuned"
    out = call("tune", trained, "--split", "train", "--out", tuned)
    assert f"train: greedy, CER {greedy['cer']:.4f}" in out
    assert out.endswith(f"wrote {tuned}\n")
    info = description(tuned)
    section = info["components"]["heads"]["ctc"]["section"]
    assert section["decoder"] == "beam"
    assert f"best: head.ngram_weight={section['ngram_weight']} " in out
    assert f" head.ngram_bonus={section['ngram_bonus']}, CER" in out
    assert info["metrics"]["train"]["cer"] < greedy["cer"]
    again = json.loads(call("evaluate", tuned, "--split", "train", "--json"))["train"]
    assert again == pytest.approx(info["metrics"]["train"], abs=1e-5)
    assert info["data"] == description(trained / "bundle")["data"]


def test_tune_never_makes_a_model_worse(
    call: Call, description: Describe, trained: Path, tmp_path: Path
) -> None:
    """Digits at random: what the n-gram model knows is of no use for the validation split."""
    stored = json.loads((trained / "metrics.json").read_text(encoding="utf-8"))["val"]
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    out = call("tune", folder)
    assert out.endswith(f"wrote {folder / 'bundle'}\n")
    info = description(folder / "bundle")
    kept = "That is worse than the greedy decoder, which is kept." in out
    assert info["components"]["heads"]["ctc"]["section"]["decoder"] == (
        "greedy" if kept else "beam"
    )
    assert info["metrics"]["val"]["cer"] <= stored["cer"]


def test_tune_refuses_what_it_cannot_tune(
    call: Call, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    bare = seqloom.fit(*tiny, "head.ngram_order=0", run_dir=tmp_path / "bare").run_dir
    with pytest.raises(ConfigError) as found:
        call("tune", bare)
    assert str(found.value) == (
        f"{bare} has no n-gram model: it was trained with head.ngram_order=0. Train it with an "
        "order from 1 up."
    )
    sizes = ("data.train_size=8", "data.val_size=2", "data.test_size=2", "frontend.size=4")
    words = (*sizes, "encoder.hidden_size=4", "trainer=cpu", "trainer.max_epochs=1")
    apples = seqloom.fit(*words, "on_bad=skip", run_dir=tmp_path / "apples").run_dir
    with pytest.raises(ConfigError) as found:
        call("tune", apples)
    assert str(found.value) == f"{apples} has head=ner; only head=ctc can be tuned."


def test_tune_replaces_nothing_but_a_model(call: Call, trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    before = {file: file.stat().st_mtime_ns for file in run.rglob("*")}
    (tmp_path / "file").touch()
    found = "a folder with other things than a model in it"
    for out, what in ((run, found), (tmp_path / "file", "a file")):
        with pytest.raises(ConfigError) as caught:
            call("tune", run, "--out", out)
        assert str(caught.value) == (
            f"--out {out} is {what}, which would be replaced. Name a new folder, or that of a "
            "bundle."
        )
    assert {file: file.stat().st_mtime_ns for file in run.rglob("*")} == before


def test_tune_writes_into_an_empty_folder_and_over_a_model(
    call: Call, description: Describe, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained / "bundle", tmp_path / "bundle")
    (tmp_path / "empty").mkdir()
    for name in ("bundle", "empty"):
        out = call("tune", trained, "--out", tmp_path / name)
        assert out.endswith(f"wrote {tmp_path / name}\n")
        assert "val" in description(tmp_path / name)["metrics"]
