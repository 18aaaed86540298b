from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import ValidationError

import seqloom_ner
from seqloom.interfaces import Head


def test_entry_point_loads_no_heavy_module() -> None:
    code = (
        "import sys, seqloom_ner as p; p.seqloom_components();"
        "print({'torch', 'numpy', 'pytorch_lightning', 'torchmetrics'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_component_names_a_head_for_one_tag_a_token() -> None:
    (component,) = seqloom_ner.seqloom_components()
    module, _, name = component.target.partition(":")
    assert issubclass(getattr(import_module(module), name), Head)
    assert (component.kind, component.name) == ("head", "ner")
    assert component.takes == {"field": ("tags",), "steps": ("token",)}


def test_schema_takes_option_names_and_refuses_others() -> None:
    schema = OmegaConf.structured(seqloom_ner.Ner)
    schema.decoder, schema.scheme = "softmax", "bioes"
    assert schema.decoder is seqloom_ner.Decoder.softmax
    assert schema.scheme is seqloom_ner.Scheme.bioes
    with pytest.raises(ValidationError, match="crf, softmax"):
        schema.decoder = "viterbi"
