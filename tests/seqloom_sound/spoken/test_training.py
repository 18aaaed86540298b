"""A model learns to write down spoken commands of voices that it has not heard."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqloom
from seqloom.config.compose import compose_run
from seqloom_sound.spoken.reader import SpokenReader

SIZES = {"train_size": 32, "val_size": 2, "test_size": 4, "train_speakers": 2, "test_speakers": 1}
QUICK = (
    *(f"data.{key}={value}" for key, value in SIZES.items()),
    "encoder.num_layers=1",
    "encoder.hidden_size=16",
    "encoder.dropout=0",
    "frontend.stack=4",
    "frontend.stride=4",
    "head.ngram_order=0",
    "batch.max_examples=8",
    "budget.min_steps=0",
    "trainer=cpu",
    "trainer.max_epochs=8",
    "optimizer.lr=0.01",
)


def test_the_loss_falls_within_seconds(tmp_path: Path) -> None:
    result = seqloom.fit("experiment=spoken", *QUICK, run_dir=tmp_path / "run")
    assert result.metrics["test"]["loss"] < 4.5  # nats a character, of 20 before training
    (example, *_) = SpokenReader(**SIZES).examples("test")
    found = seqloom.load(result.bundle)(example.fields["sound"])
    assert (found["start"], 1 < found["end"] < 4) == (0.0, True)
    assert isinstance(found["text"], str)


@pytest.mark.slow
def test_the_recipe_writes_down_what_new_voices_say(tmp_path: Path) -> None:
    result = seqloom.fit("experiment=spoken", "threads=1", run_dir=tmp_path / "run")
    assert result.metrics["test"]["cer"] < 0.02
    assert result.metrics["test"]["line_accuracy"] > 0.9
    examples = list(SpokenReader().examples("test"))[:40]
    found = seqloom.load(result.bundle)([example.fields["sound"] for example in examples])
    right = sum(
        [word["text"] for word in one["words"]] == example.fields["text"].split()
        for one, example in zip(found, examples, strict=True)
    )
    assert right > 35


def test_the_recipes_compose() -> None:
    for name, data in (("spoken", "spoken"), ("fsdd_strings", "sound_strings")):
        config = compose_run([f"experiment={name}"])
        names = [config.components[kind]["name"] for kind in ("data", "frontend", "head")]
        assert names == [data, "log_mel", "ctc"]
    assert compose_run(["experiment=fsdd_strings", "data.unseen=[theo]"]).data["unseen"] == ["theo"]
