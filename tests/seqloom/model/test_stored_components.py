"""Models whose components have changed since: what loads, and what is refused with a reason."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from window_plugin import Install, provide

import seqloom
from seqloom.config.compose import compose_run
from seqloom.errors import BundleError
from seqloom.model import bundle
from seqloom.model.build import build_pipeline
from seqloom.model.compatibility import messages
from seqloom.model.provenance import compare, entry
from seqloom.train.prepare import encoded_data
from seqloom.train.pretrained import config_with_init, words_with_init

SIZES = ("data.train_size=60", "data.val_size=2", "data.test_size=2", "frontend.size=4")


@dataclass(frozen=True)
class Stored:
    """A bundle that was made with a window of ``faulty``, and its description."""

    folder: Path

    def change(self, **changes: Any) -> None:
        """Change what is recorded of the encoder."""
        self.edit(lambda found: found["components"]["encoder"].update(changes))

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        path = self.folder / "bundle.json"
        found = json.loads(path.read_text(encoding="utf-8"))
        change(found)
        found.pop("sha256", None)
        path.write_text(json.dumps(found), encoding="utf-8")


def store(install: Install, folder: Path, **plugin: str) -> Stored:
    """Install the plugin and make a bundle with it."""
    provide(install, **plugin)
    config = compose_run([*SIZES, "encoder=window"])
    data = encoded_data(config)
    torch.manual_seed(0)
    pipeline = build_pipeline(config.components, data.codecs)
    bundle.save(pipeline, folder, spec=config.components, states=data.states)
    return Stored(folder)


@pytest.fixture
def stored(install: Install, tmp_path: Path) -> Stored:
    return store(install, tmp_path / "bundle")


def test_a_model_of_a_newer_plugin_loads_with_a_warning(
    stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    seqloom.load(stored.folder)
    assert caplog.messages == []
    stored.change(version="1.6")
    assert seqloom.load(stored.folder)("Apple opens.")
    assert caplog.messages == [
        f"{stored.folder}: encoder=window comes from faulty 1.5, older than the 1.6 that the model "
        'was made with: pip install "faulty>=1.6".'
    ]
    assert caplog.records[0].levelno == logging.WARNING


def test_weights_that_do_not_fit_are_told_with_the_versions(stored: Stored) -> None:
    stored.change(version="1.6", section={"name": "window", "size": 5})
    with pytest.raises(BundleError, match=r'(?s)do not match its description: .*"faulty>=1\.6"\.$'):
        seqloom.load(stored.folder)


def test_a_parameter_that_is_gone(stored: Stored) -> None:
    stored.change(version="1.4", section={"name": "window", "size": 4, "width": 3})
    with pytest.raises(BundleError) as found:
        seqloom.load(stored.folder)
    assert str(found.value) == (
        f"{stored.folder} cannot be loaded. encoder=window of faulty 1.5 does not have the "
        "parameter 'width'; the model was made with 1.4: pip install \"faulty==1.4\"."
    )
    stored.change(version="1.5")
    with pytest.raises(BundleError, match=r"although the model was made with the same version\. "):
        seqloom.load(stored.folder)
    stored.change(distribution="elsewhere")
    with pytest.raises(BundleError, match=r"parameter 'width'\. .* a different package\. If you"):
        seqloom.load(stored.folder)


def test_a_parameter_that_is_new_has_its_default(
    stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    stored.change(version="1.4", section={"name": "window"}, schema="other")
    model = seqloom.load(stored.folder)
    assert model.model.encoder.params == {"size": 4}
    assert model.info["components"]["encoder"]["section"] == {"name": "window", "size": 4}
    assert caplog.messages[-1] == (
        f"{stored.folder}: Parameters of encoder=window: 'size' is new and has its default 4."
    )


def test_a_new_parameter_without_a_default(install: Install) -> None:
    provide(install, "depth: int = MISSING")
    then = entry("encoder", {"name": "window"})
    (match,) = compare({"encoder": {**then, "version": "1.4"}})
    assert not match.compatible
    assert messages([match]) == [
        "encoder=window of faulty 1.5 requires the parameter 'depth', which the model does not "
        'record; the model was made with 1.4: pip install "faulty==1.4".'
    ]


def of_version_1_4(install: Install, folder: Path, parameters: str, more: str) -> Stored:
    """Return a model with a size of 4 that was made before its encoder got these parameters."""
    stored = store(install, folder / "bundle", parameters=parameters, more=more)
    stored.change(version="1.4", section={"name": "window", "size": 4}, schema="other")
    return stored


def test_a_parameter_with_a_new_name(
    install: Install, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored = of_version_1_4(
        install, tmp_path, "hidden_size: int = 4", "renamed={'size': 'hidden_size'}"
    )
    assert seqloom.load(stored.folder).model.encoder.params == {"hidden_size": 4}
    assert caplog.messages[-1] == (
        f"{stored.folder}: Parameters of encoder=window: 'size' is now 'hidden_size'."
    )
    begun = compose_run(words_with_init([f"init={stored.folder}", "run_dir=x"]), config_with_init)
    assert begun.encoder == {"name": "window", "hidden_size": 4}


def test_a_new_parameter_leaves_older_models_as_they_are(
    install: Install, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored = of_version_1_4(
        install, tmp_path, "size: int = 4\n    depth: int = 2", "older_defaults={'depth': 1}"
    )
    assert seqloom.load(stored.folder).model.encoder.params == {"size": 4, "depth": 1}
    assert caplog.messages[-1] == (
        f"{stored.folder}: Parameters of encoder=window: 'depth' is new and is 1, as in older "
        "models."
    )


def test_data_that_are_missing_are_told_only_where_they_are_needed(stored: Stored) -> None:
    origin = {"plugin": "shelf", "distribution": "shelf", "version": "2.1", "schema": "x"}
    stored.edit(lambda found: found.update(data={"name": "shelf"}, data_component=origin))
    info = seqloom.load(stored.folder).info
    with pytest.raises(BundleError) as found:
        bundle.stored_data(info)
    assert str(found.value) == (
        "The data of this model cannot be read. To be evaluated on its own data, the model needs "
        'data=shelf from shelf 2.1: pip install "shelf>=2.1". Or choose other data: data=NAME.'
    )
    assert bundle.stored_data({**info, "data": None}) is None


def test_older_bundles_say_less_of_their_data(stored: Stored) -> None:
    stored.edit(lambda found: found.pop("data_component"))
    assert bundle.stored_data(seqloom.load(stored.folder).info)["name"] == "apples"  # type: ignore[index]
