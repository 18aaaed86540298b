"""An untrained pipeline on a few apples, and its bundle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from seqloom.config.compose import compose_run
from seqloom.interfaces import Example
from seqloom.model import bundle
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.plugins import registry
from seqloom.train.prepare import encoded_data

SETTINGS = ("data.train_size=60", "data.val_size=8", "data.test_size=2", "encoder.hidden_size=4")


@dataclass(frozen=True)
class Made:
    """A pipeline with what it was made of."""

    pipeline: Pipeline
    config: dict[str, Any]
    states: Any
    examples: list[Example]

    def save(self, folder: Path) -> Path:
        bundle.save(
            self.pipeline,
            folder,
            spec=self.config,
            states=self.states,
            metrics={"val": {"f1": 0.5}},
        )
        return folder


def _make(*overrides: str) -> Made:
    config = compose_run([*SETTINGS, *overrides])
    data = encoded_data(config)
    torch.manual_seed(0)
    pipeline = build_pipeline(config.components, data.codecs)
    return Made(
        pipeline, config.components, data.states, [row.example for row in data.splits["val"]]
    )


@pytest.fixture(scope="module")
def tagger() -> Made:
    return _make("frontend.dropout=0.5")


@pytest.fixture(scope="module")
def classifier() -> Made:
    return _make("head=classification", "frontend.dropout=0.5")


@pytest.fixture
def folder(tagger: Made, tmp_path: Path) -> Path:
    """Return the folder of a bundle."""
    return tagger.save(tmp_path / "bundle")


@pytest.fixture
def without_recurrent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Disable the plugin that has the encoders."""
    monkeypatch.setenv("SEQLOOM_DISABLE_PLUGINS", "recurrent")
    registry.cache_clear()
    yield
    monkeypatch.undo()
    registry.cache_clear()
