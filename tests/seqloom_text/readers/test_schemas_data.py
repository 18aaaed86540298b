"""The data components as the core sees them: schemas, kinds of fields, targets."""

import importlib
import subprocess
import sys
from dataclasses import fields
from inspect import signature

import pytest
from omegaconf import OmegaConf

from seqloom.errors import ConfigError
from seqloom.interfaces import Reader
from seqloom.plugins.component import Component
from seqloom_text import seqloom_components
from seqloom_text.schemas_data import DATA, field_kinds


def component(name: str) -> Component:
    return next(c for c in DATA if c.name == name)


def given(name: str, **changes: object) -> dict[str, str]:
    found = component(name)
    params = OmegaConf.merge(OmegaConf.structured(found.schema), changes)
    return dict(found.given(OmegaConf.to_container(params)))  # type: ignore[arg-type]


@pytest.mark.parametrize("found", DATA, ids=lambda c: c.name)
def test_the_target_is_built_from_the_schema_alone(found: Component) -> None:
    module, _, name = found.target.partition(":")
    target = getattr(importlib.import_module(module), name)
    params = OmegaConf.to_container(OmegaConf.structured(found.schema))
    assert isinstance(target(**params), Reader)
    assert {f.name for f in fields(found.schema)} == set(signature(target).parameters)


def test_what_each_gives() -> None:
    assert given("csv") == {"text": "text", "label": "label"}
    assert given("csv", columns={"text": "review"}) == {"text": "text"}
    assert given("conll") == {"tokens": "tokens", "tags": "tags"}
    assert given("conll", columns={"tokens": 1, "pos": 2}) == {"tokens": "tokens", "pos": "tags"}
    assert given("lines") == {"text": "text"}
    assert given("apples")["label"] == "label"
    assert given("parallel") == {}
    assert given("parallel", test={"tokens": "a", "in": "b"}, kinds={"in": "label"}) == {
        "tokens": "tokens",
        "in": "label",
    }


def test_kinds_that_make_no_sense() -> None:
    with pytest.raises(
        ConfigError, match=r"kind of the field 'intent' is unknown. .*kinds\.intent=KIND"
    ):
        field_kinds(["text", "intent"], {})
    with pytest.raises(ConfigError, match=r"kinds\.intent=lable: unknown kind\. Did you mean"):
        field_kinds(["intent"], {"intent": "lable"})
    with pytest.raises(ConfigError, match=r"kinds\.intnt: unknown field. Did you mean 'intent'"):
        field_kinds(["intent"], {"intnt": "label"})


def test_suffixes_belong_to_one_reader() -> None:
    suffixes = [suffix for found in DATA for suffix in found.suffixes]
    assert len(suffixes) == len(set(suffixes))


def test_the_plugin_offers_them() -> None:
    offered = list(seqloom_components())
    assert all(found in offered for found in DATA)


def test_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys, seqloom_text; list(seqloom_text.seqloom_components()); "
        "heavy = {'torch', 'numpy', 'pytorch_lightning', 'pooch', 'requests'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
