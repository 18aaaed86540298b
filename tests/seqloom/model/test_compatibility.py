"""Components that differ from those that a model was made with are reported with what to do."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

import seqloom
from seqloom.config.compose import compose_run
from seqloom.errors import BundleError
from seqloom.extras import update_command
from seqloom.model import bundle
from seqloom.model.build import build_pipeline
from seqloom.model.compatibility import install as pip
from seqloom.model.compatibility import messages
from seqloom.model.provenance import compare, entries, entry
from seqloom.train.prepare import read_data
from seqloom.train.pretrained import apply_init, with_components

Install = Callable[..., Path]

SIZES = ("data.train_size=60", "data.val_size=2", "data.test_size=2", "frontend.size=4")
PLUGIN = """
from dataclasses import dataclass
from omegaconf import MISSING
from seqloom.plugins import Component, hookimpl

@dataclass
class Window:
    {parameters}

@hookimpl
def seqloom_components():
    return [Component("encoder", "{name}", Window, "faulty_encoder:Window", {more})]
"""
ENCODER = """
from torch import nn
from seqloom.interfaces import Encoded, Encoder

class Window(Encoder):
    def __init__(self, input_size, **params):
        super().__init__()
        self.params = params
        self.output_size = params.get("size") or params["hidden_size"]
        self.linear = nn.Linear(input_size, self.output_size)

    def forward(self, features, state=None):
        states = self.linear(features.values)
        return Encoded(states, states[:, 0], features.lengths, features)
"""


def provide(
    install: Install,
    parameters: str = "size: int = 4",
    name: str = "window",
    more: str = "",
    module: str = "faulty",
) -> None:
    """Install the distribution ``faulty``, version 1.5, with one encoder."""
    files = {"faulty_encoder.py": ENCODER}
    source = PLUGIN.format(parameters=parameters, name=name, more=more)
    install(module, source, files=files)


def recorded(**changes: Any) -> dict[str, dict[str, Any]]:
    """Return the entry of a window of ``faulty`` 1.5, by kind, with changes to it."""
    found = entry("encoder", {"name": "window", "size": 4})
    return {"encoder": {**found, **changes}}


def said(**changes: Any) -> str:
    return " ".join(messages(compare(recorded(**changes))))


def test_the_same_is_not_worth_a_word(install: Install) -> None:
    provide(install)
    assert said() == ""
    assert said(version="1.4") == said(version="1.5.0") == said(version="1.5rc1") == ""
    assert said(distribution="Faulty") == ""


OLD = 'To use that version: pip install "faulty=={}".'


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"version": "1.10"},
            "encoder=window comes from faulty 1.5, older than the 1.10 that the model was made "
            'with: pip install "faulty>=1.10".',
        ),
        (
            {"version": "0.9"},
            "encoder=window comes from faulty 1.5; the model was made with 0.9, which may not be "
            f"compatible. {OLD.format('0.9')}",
        ),
        (
            {"version": "1.4", "schema": "other"},
            "encoder=window comes from faulty 1.5; the model was made with 1.4, in which "
            "encoder=window had other parameters. "
            f"{OLD.format('1.4')}",
        ),
        (
            {"schema": "other"},
            "The parameters of encoder=window differ from those that the model was made with, "
            "although both versions are faulty 1.5.",
        ),
        (
            {"distribution": "better-windows", "version": "0.3"},
            "encoder=window comes from faulty 1.5; the model was made with that of better-windows "
            "0.3, a different package. If you know and trust that package, install it and disable "
            "the plugin 'faulty': SEQLOOM_DISABLE_PLUGINS=faulty.",
        ),
    ],
)
def test_what_differs_is_told_with_what_to_install(
    install: Install, changes: dict[str, str], expected: str
) -> None:
    provide(install)
    assert said(**changes) == expected


@pytest.mark.parametrize("version", ["unknown", "a while ago", ""])
def test_versions_that_cannot_be_compared(install: Install, version: str) -> None:
    provide(install)
    assert said(version=version) == ""
    assert said(version=version, schema="other").startswith(
        "The parameters of encoder=window differ"
    )
    assert pip({"distribution": "faulty", "version": version}, ">=") == 'pip install "faulty"'


@pytest.mark.parametrize(
    ("then", "here", "worth_a_word"),
    [
        ("0.1", "0.1.9", False),
        ("0.1", "0.2", True),
        ("0.9", "1.0", True),
        ("1.0", "1.9", False),
        ("1.9", "2.0", True),
    ],
)
def test_while_the_major_version_is_0_the_minor_one_counts(
    install: Install, then: str, here: str, worth_a_word: bool
) -> None:
    provide(install)
    (one,) = compare(recorded(version=then))
    assert one.plugin
    one = replace(one, plugin=replace(one.plugin, version=here))
    assert one.state == ("newer" if worth_a_word else "same")


def test_components_of_one_distribution_share_a_sentence() -> None:
    found = entries(compose_run([]).components)
    older = {kind: {**one, "version": "99.0"} for kind, one in found.items()}
    (sentence,) = messages(compare(older))
    assert sentence.startswith(
        "data=apples, frontend=words, encoder=bilstm and head=ner come from seqloom "
    )
    assert sentence.endswith(f"made with: {update_command()}.")


def test_a_distribution_from_a_clone_is_not_looked_for_in_an_index(
    install: Install, tmp_path: Path
) -> None:
    provide(install)
    record = tmp_path / "site" / "faulty-1.5.dist-info"
    clone = {"url": tmp_path.as_uri(), "dir_info": {"editable": True}}
    (record / "direct_url.json").write_text(json.dumps(clone), encoding="utf-8")
    assert said(version="1.10") == (
        "encoder=window comes from faulty 1.5, older than the 1.10 that the model was made "
        f'with: git -C "{tmp_path}" pull.'
    )
    assert said(version="0.9").endswith(
        f'To use that version: check out faulty 0.9 in "{tmp_path}".'
    )
    (match,) = compare({"encoder": {**ABSENT, "version": "2.0"}})
    assert messages([match]) == [
        "The model needs encoder=wide from faulty 2.0. The installed faulty 1.5 does not have "
        f'it: git -C "{tmp_path}" pull.'
    ]


ABSENT = {
    "section": {"name": "wide", "size": 4},
    "plugin": "faulty",
    "distribution": "faulty",
    "schema": "x",
}


@pytest.mark.parametrize(
    ("entry_changes", "expected"),
    [
        (
            {"distribution": "elsewhere", "version": "0.2"},
            'The model needs encoder=wide from elsewhere 0.2: pip install "elsewhere>=0.2".',
        ),
        (
            {"version": "2.0"},
            "The model needs encoder=wide from faulty 2.0. The installed faulty 1.5 does not have "
            'it: pip install "faulty>=2.0".',
        ),
        (
            {"version": "1.1"},
            "The model needs encoder=wide from faulty 1.1. The installed faulty 1.5 does not have "
            'it: pip install "faulty==1.1".',
        ),
        (
            {"distribution": "unknown", "version": "unknown"},
            "The model needs encoder=wide from the plugin 'faulty': install the package that "
            "provides the plugin 'faulty'.",
        ),
    ],
)
def test_what_is_missing_is_told_with_what_to_install(
    install: Install, entry_changes: dict[str, str], expected: str
) -> None:
    provide(install)
    (match,) = compare({"encoder": {**ABSENT, **entry_changes}})
    assert not match.compatible
    assert messages([match]) == [expected]


@pytest.mark.parametrize("name", ["window", "wide"])
def test_nothing_that_a_model_says_steers_the_terminal(install: Install, name: str) -> None:
    provide(install)
    for distribution in ("faulty", "elsewhere", "\x1b[2J"):
        odd = {"section": {"name": name}, "version": "9; \x1b[2J\n\x1b]0;"}
        said = messages(compare({"encoder": {**ABSENT, **odd, "distribution": distribution}}))
        assert said
        assert all(map(str.isprintable, said))


def test_a_quarantined_plugin_is_told_as_such(install: Install) -> None:
    install("faulty", "import a_library_that_is_not_there\n")
    (found,) = messages(compare({"encoder": {**ABSENT, "version": "1.5"}}))
    assert re.sub(r"\(at .*/", "(at ", found) == (
        "The model needs encoder=wide from plugin 'faulty' (faulty 1.5), which is quarantined: "
        "ModuleNotFoundError: No module named 'a_library_that_is_not_there' (at faulty.py:1). Fix "
        'that plugin, or install a working version: pip install "faulty>=1.5".'
    )


def test_the_message_names_both_plugins_that_claim_a_component(install: Install) -> None:
    provide(install, name="wide")
    provide(install, name="wide", module="faulty_too")
    (found,) = messages(compare({"encoder": {**ABSENT, "version": "1.5"}}))
    assert found.startswith(
        "The model needs encoder=wide from faulty 1.5. encoder=wide is claimed by plugin 'faulty' "
        "(faulty 1.5) and plugin 'faulty_too' (faulty-too 1.5), so neither gets it. "
    )


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
    data = read_data(config)
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
    with pytest.raises(BundleError, match=r'(?s)do not fit its description: .*"faulty>=1\.6"\.$'):
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
    begun = compose_run(with_components([f"init={stored.folder}", "run_dir=x"]), apply_init)
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
