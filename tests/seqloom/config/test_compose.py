"""Composing from Python: the result is a frozen config, and no other Hydra is disturbed."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.version import VersionBase
from omegaconf import OmegaConf

from seqloom.config.compose import as_overrides, compose_data, compose_run, refuse_sweep
from seqloom.config.freeze import freeze
from seqloom.config.run_config import BatchConfig, BudgetConfig, RunConfig
from seqloom.config.schema import Batch, Budget, OnBad, Resume, Run
from seqloom.errors import ConfigError, PluginError, SeqloomError
from seqloom.plugins import registry


def test_the_config_is_plain_data() -> None:
    run = compose_run(["encoder=lstm", "encoder.hidden_size=3", "run_dir=x"])
    config = run.to_plain()
    assert json.loads(json.dumps(config)) == config
    assert RunConfig.from_plain(config) == run
    assert config["encoder"] == {
        "name": "lstm",
        "hidden_size": 3,
        "num_layers": 1,
        "dropout": 0.0,
        "locked_dropout": True,
        "forget_bias": 1.0,
    }
    assert config["on_bad"] == "error"
    assert type(config["on_bad"]) is str
    assert "hydra" not in config


def test_enum_values_are_plain_text() -> None:
    merge = compose_run(["encoder.merge=sum"]).encoder["merge"]
    assert type(merge) is str
    assert merge == "sum"


def test_the_name_comes_first() -> None:
    config = compose_run([])
    assert {next(iter(section)) for section in config.components.values()} == {"name"}


def test_the_defaults_of_the_schema() -> None:
    config = compose_run(["run_dir=x"])
    schema = vars(Batch())
    schema["on_long"] = str(schema["on_long"])
    assert vars(config.batch) == vars(BatchConfig()) == schema
    assert vars(BudgetConfig()) == vars(Budget())
    assert (config.seed, config.resume, config.on_bad) == (1, Resume.never, OnBad.error)


def test_the_frozen_config_has_the_fields_and_defaults_of_the_schema() -> None:
    assert [one.name for one in fields(RunConfig)] == [one.name for one in fields(Run)]
    for one in fields(RunConfig):
        schema = Run.__dataclass_fields__[one.name]
        if one.default is not MISSING:
            assert one.default == (str(schema.default) if one.default else schema.default) or (
                one.default == schema.default
            )
        elif one.default_factory is not MISSING:
            assert one.default_factory() == schema.default_factory()


def test_composing_twice_and_after_an_error_gives_the_same() -> None:
    first = compose_run(["encoder=gru", "run_dir=x"])
    with pytest.raises(ConfigError):
        compose_run(["encoder=nothing"])
    assert compose_run(["encoder=gru", "run_dir=x"]) == first


def test_a_swept_run_dir_is_resolved_each_time() -> None:
    assert "$" not in compose_run([]).run_dir


def test_mappings_are_overrides() -> None:
    columns = {"text": "body, or so", "label": "class"}
    words = as_overrides(
        [
            {
                "data": {"name": "csv", "train": "it's here.csv", "columns": columns},
                "head": {"name": "classification"},
                "encoder": {"name": "lstm", "hidden_size": 3, "dropout": 1e-05},
                "trainer": {"max_epochs": 2, "enable_progress_bar": False},
                "callbacks": {"early_stopping": {"patience": 7}},
                "freeze": ["frontend"],
                "title": "true",
                "threads": None,
            },
            "seed=5",
        ]
    )
    found = compose_run(words)
    assert (found.data["train"], found.data["columns"]) == ("it's here.csv", columns)
    assert (found.encoder["hidden_size"], found.encoder["dropout"]) == (3, 1e-05)
    assert (found.trainer["max_epochs"], found.trainer["enable_progress_bar"]) == (2, False)
    assert (found.callbacks or {})["early_stopping"]["patience"] == 7
    assert (found.freeze, found.title, found.threads, found.seed) == (["frontend"], "true", None, 5)
    with pytest.raises(ConfigError, match="Did you mean 'hidden_size'"):
        compose_run(as_overrides([{"encoder": {"name": "lstm", "hiden_size": 3}}]))


@pytest.mark.parametrize("text", ["a\\b", "C:\\x\\", "\\'", "'", "\\t", '\\"', "a\\\\'b\\\\", ""])
def test_texts_are_literal(text: str) -> None:
    (word,) = as_overrides([{"title": text}])
    assert compose_run([word]).title == text


def test_the_data_alone() -> None:
    found = compose_data(["data=csv", "data.test=x.csv", "data.columns={text: body}"])
    assert found["name"] == "csv"
    assert found["test"] == "x.csv"
    assert found["columns"] == {"text": "body"}


@pytest.fixture
def other_app(tmp_path: Path) -> Path:
    (tmp_path / "app.yaml").write_text("colour: red\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("overrides", [["encoder=lstm"], ["encoder=nothing"]])
def test_another_hydra_in_the_process_goes_on(other_app: Path, overrides: list[str]) -> None:
    with initialize_config_dir(str(other_app), version_base="1.2"):
        running = GlobalHydra.instance().hydra
        base = VersionBase.instance().getbase()
        with contextlib.suppress(SeqloomError):
            compose_run(overrides)
        assert GlobalHydra.instance().hydra is running
        assert VersionBase.instance().getbase() == base
        assert compose("app", ["colour=blue"]) == {"colour": "blue"}
    assert not GlobalHydra.instance().is_initialized()


def test_a_process_in_which_hydra_was_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Singleton, "_instances", copy.copy(Singleton._instances))
    for kind in (GlobalHydra, VersionBase):
        Singleton._instances.pop(kind, None)
    assert compose_run(["encoder=gru"]).encoder["name"] == "gru"
    assert not GlobalHydra.instance().is_initialized()
    assert compose_run(["encoder=lstm"]).encoder["name"] == "lstm"


def test_a_section_that_is_no_part() -> None:
    whole = compose_run(["run_dir=x"]).to_plain()
    with pytest.raises(ConfigError) as found:
        freeze(OmegaConf.create({**whole, "head": "ner"}))
    assert str(found.value) == (
        "head must be one of the installed components, chosen as head=NAME: "
        f"{', '.join(registry().names('head'))}. A preset of one starts with defaults: "
        "[/schema/head/NAME@_here_, _self_]"
    )
    with pytest.raises(PluginError, match=r"^No installed plugin provides head=nre\. Did you mean"):
        freeze(OmegaConf.create({**whole, "head": {"name": "nre"}}))


def test_composing_does_not_copy_all_schemas() -> None:
    compose_run(["encoder=lstm"])
    store = ConfigStore.instance()
    assert copy.deepcopy({"store": store})["store"] is store  # as Hydra does for each lookup


NEEDY = """\
from dataclasses import dataclass
from seqloom.plugins import REQUIRED, Component, hookimpl


@dataclass
class Needy:
    path: str = REQUIRED
    size: int = 3


@hookimpl
def seqloom_components():
    return [Component("encoder", "needy", Needy, "needy:Needy")]
"""

STRICT = """
from dataclasses import dataclass
from seqloom.errors import ConfigError
from seqloom.plugins import Component, hookimpl

@dataclass
class Params:
    width: int = 3

    def __post_init__(self):
        if self.width < 1:
            raise ConfigError(f"encoder.width={self.width}: at least 1.")
        assert self.width < 100, "that wide"

@hookimpl
def seqloom_components():
    return [Component("encoder", "strict", Params, "a:B")]
"""


def test_a_schema_refuses_values_before_anything_is_read(install: Callable[..., Path]) -> None:
    install("faulty_strict", STRICT)
    assert compose_run(["encoder=strict", "encoder.width=99"]).encoder["width"] == 99
    with pytest.raises(ConfigError, match=r"^encoder\.width=0: at least 1\.$"):
        compose_run(["encoder=strict", "encoder.width=0"])
    with pytest.raises(
        ConfigError, match=r"^encoder=strict does not accept its parameters: that wide"
    ):
        compose_run(["encoder=strict", "encoder.width=100"])


def test_options_of_a_folder_are_those_of_train(tmp_path: Path) -> None:
    (tmp_path / "encoder").mkdir()
    own = "defaults: [/schema/encoder/lstm@_here_, _self_]\nhidden_size: 5\n"
    (tmp_path / "encoder" / "narrow.yaml").write_text(own, "utf-8")
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "default.yaml").write_text("# @package _global_\nseed: 9\n", "utf-8")
    found = compose_run(["encoder=narrow"], config_dir=tmp_path)
    assert (found.encoder["name"], found.encoder["hidden_size"], found.seed) == ("lstm", 5, 9)
    assert compose_run([]).seed != 9
    with pytest.raises(ConfigError, match="not found"):
        compose_run([], config_dir=tmp_path / "none")


def test_a_sweep_that_was_chosen_elsewhere_is_refused_too() -> None:
    refuse_sweep(["seed=2"], "grid")
    with pytest.raises(ConfigError, match=r"^sweep=optuna describes several runs, which need -m"):
        refuse_sweep(["seed=2"], "optuna")


def test_a_required_parameter_is_asked_for(install: Callable[..., Path]) -> None:
    install("needy", NEEDY)
    with pytest.raises(ConfigError, match=r"encoder\.path has no value\. Set it: encoder\.path=…"):
        compose_run(["encoder=needy"])
    assert compose_run(["encoder=needy", "encoder.path=x"]).encoder["path"] == "x"
