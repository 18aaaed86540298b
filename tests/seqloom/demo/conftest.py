"""Small models of texts and of sounds, served."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqloom
from seqloom.demo.served import ServedModel
from seqloom_sound.samples import sounds


@pytest.fixture(scope="session")
def tagger(trained_ner: Path) -> ServedModel:
    return ServedModel(seqloom.load(trained_ner), "tagger")


@pytest.fixture(scope="session")
def classifier(trained_classes: Path) -> ServedModel:
    return ServedModel(seqloom.load(trained_classes), "classifier")


@pytest.fixture(scope="session")
def listener(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    """A model that tells three tones apart, more or less."""
    folder = tmp_path_factory.mktemp("sounds")
    params = sounds(folder)
    result = seqloom.fit(
        "data=sounds",
        *(f"data.{split}={path}" for split, path in params.items()),
        "frontend=log_mel",
        "encoder=gru",
        "encoder.hidden_size=8",
        "head=classification",
        "callbacks=none",
        "optimizer.lr=0.03",
        "batch.max_examples=4",
        "trainer.max_epochs=6",
        "trainer.accelerator=cpu",
        run_dir=folder / "run",
    )
    return ServedModel(seqloom.load(result.run_dir), "listener")
