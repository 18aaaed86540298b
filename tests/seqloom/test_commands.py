"""What subcommands of plugins build on; the bundled ones test the rest of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqloom
from seqloom.commands import Overrides, load_model, open_split, require_replaceable, save_model
from seqloom.errors import ConfigError


def test_a_split_is_measured_as_evaluate_does(trained_ner: Path, tmp_path: Path) -> None:
    pipeline = load_model(trained_ner)
    split = open_split(pipeline, Overrides(data=["data.test_size=6"]), "test", batch_size=2)
    assert len(split) == 6
    assert sum(len(batch.ids) for _, _, batch in split.outputs()) == 6
    metrics = split.metrics()
    assert {"loss", "f1"} <= metrics.keys()
    saved = save_model(pipeline, trained_ner, tmp_path / "new", metrics={"test": metrics})
    again = load_model(saved)
    assert again.info["metrics"] == {"test": metrics}
    assert again.info["components"] == pipeline.info["components"]
    assert open_split(again, Overrides(data=["data.test_size=6"]), "test").metrics() == (
        pytest.approx(metrics, abs=1e-5)
    )


def test_evaluate_from_python_takes_a_model_or_its_path(trained_ner: Path) -> None:
    model = seqloom.load(trained_ner)
    metrics = seqloom.evaluate(model, "data.test_size=6")
    assert {"loss", "f1"} <= metrics.keys()
    assert seqloom.evaluate(trained_ner, "data.test_size=6", batch_size=2) == (
        pytest.approx(metrics, abs=1e-5)
    )
    with pytest.raises(ConfigError, match=r"head\.field=x: this model is already loaded"):
        seqloom.evaluate(model, "head.field=x")


def test_only_a_bundle_or_an_empty_folder_is_replaced(trained_ner: Path, tmp_path: Path) -> None:
    require_replaceable(tmp_path)
    require_replaceable(tmp_path / "new")
    require_replaceable(trained_ner / "bundle")
    for path, found in ((trained_ner, "a folder with other things"), (Path(__file__), "a file")):
        with pytest.raises(ConfigError, match=f"^--out {path} is {found}.*Name a new folder"):
            require_replaceable(path)
