from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import asdict, fields
from typing import Any

import pytest
from omegaconf import OmegaConf

from seqloom.interfaces import Encoder
from seqloom.plugins.component import Component
from seqloom_recurrent import Nonlinearity, seqloom_components

COMPONENTS = {component.name: component for component in seqloom_components()}


def target(component: Component) -> Any:
    module, name = component.target.split(":")
    return getattr(importlib.import_module(module), name)


def test_the_six_encoders() -> None:
    assert list(COMPONENTS) == ["rnn", "lstm", "gru", "birnn", "bilstm", "bigru"]
    assert {component.kind for component in COMPONENTS.values()} == {"encoder"}


@pytest.mark.parametrize("name", COMPONENTS)
def test_builds_with_its_schema(name: str) -> None:
    params = asdict(COMPONENTS[name].schema())
    encoder = target(COMPONENTS[name])(3, **params)
    assert isinstance(encoder, Encoder)
    assert encoder.output_size == (256 if name.startswith("bi") else 128)


@pytest.mark.parametrize("name", COMPONENTS)
def test_schema_has_what_the_encoder_of_that_name_has(name: str) -> None:
    keys = {field.name for field in fields(COMPONENTS[name].schema)}
    common = {"hidden_size", "num_layers", "dropout", "locked_dropout"}
    own = {"rnn": {"nonlinearity"}, "lstm": {"forget_bias"}, "gru": set()}[name.removeprefix("bi")]
    assert keys == common | own | ({"merge"} if name.startswith("bi") else set())


def test_options_come_from_omegaconf_as_the_constructors_take_them() -> None:
    node = OmegaConf.structured(COMPONENTS["birnn"].schema)
    config = OmegaConf.merge(node, {"merge": "multiply", "nonlinearity": "relu"})
    encoder = target(COMPONENTS["birnn"])(3, **config)
    assert encoder.output_size == 128
    text = target(COMPONENTS["birnn"])(3, merge="sum", nonlinearity=str(Nonlinearity.relu))
    assert text.stack.layers[0].forward_layer.nonlinearity == "relu"


def test_entry_point_imports_no_torch() -> None:
    code = (
        "import sys, seqloom_recurrent as plugin; list(plugin.seqloom_components());"
        "print([m for m in ('torch', 'numpy', 'pytorch_lightning') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
