"""Models of every earlier version load, and predict what they predicted then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqloom
from seqloom.model.description import read_description

STORED = Path(__file__).parents[2] / "fixtures" / "bundles"
REDEFINED = {"0.1.0/ctc": {"confidence"}}
"""Values that a later version computes otherwise: 0.2 takes the probability of the whole text."""

MODELS = sorted(path.parent for path in STORED.glob("*/*/cases.json"))


def same(found: Any, stored: Any) -> bool:
    """Return whether predictions are the same, numbers up to 1e-4."""
    if isinstance(stored, dict):
        # A later version may tell more.
        return isinstance(found, dict) and all(
            key in found and same(found[key], one) for key, one in stored.items()
        )
    if isinstance(stored, list):
        return len(found) == len(stored) and all(map(same, found, stored))
    if isinstance(stored, float):
        return bool(found == pytest.approx(stored, abs=1e-4))
    return bool(found == stored)


@pytest.mark.parametrize("model", MODELS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_stored_model_predicts_the_same(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    pipeline = seqloom.load(model / "bundle")
    assert caplog.messages == []
    for case in json.loads((model / "cases.json").read_text(encoding="utf-8")):
        value = case["input"]
        given = np.array(value, dtype=np.uint8) if isinstance(value, list) else value
        found = json.loads(json.dumps(pipeline(given)))
        redefined = REDEFINED.get(f"{model.parent.name}/{model.name}", set())
        then = {key: one for key, one in case["prediction"].items() if key not in redefined}
        assert same(found, then), f"{found}\nthen: {then}"


def test_models_of_this_version_are_stored() -> None:
    """``tests/fixtures/bundles/make.py`` makes them; it is due with each minor release."""
    minor = seqloom.__version__.rpartition(".")[0]
    names = {path.name for path in MODELS if path.parent.name.startswith(f"{minor}.")}
    assert {"ner", "ner_softmax", "classification", "ctc"} <= names


@pytest.mark.parametrize("model", MODELS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_stored_model_is_of_the_version_of_its_folder(model: Path) -> None:
    assert read_description(model / "bundle")["versions"]["seqloom"] == model.parent.name
    assert sum(path.stat().st_size for path in model.rglob("*") if path.is_file()) < 100_000


def test_another_prediction_would_be_seen() -> None:
    then = {"label": "a", "scores": [0.5, 0.25]}
    assert same({**then, "more": 1}, then)
    assert same({"label": "a", "scores": [0.50009, 0.25]}, then)
    for other in ({"label": "b"}, {"scores": [0.5002, 0.25]}, {"scores": [0.5]}):
        assert not same({**then, **other}, then)
