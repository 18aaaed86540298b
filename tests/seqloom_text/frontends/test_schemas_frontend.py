from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import ValidationError

from seqloom.errors import ConfigError
from seqloom.interfaces import Frontend
from seqloom_text.schemas_frontend import FRONTENDS, Characters, Words


@pytest.mark.parametrize(
    ("schema", "params", "problem"),
    [
        (Words, {"size": 0}, "frontend.size=0: expected 1 or more."),
        (Words, {"min_count": 0}, "frontend.min_count=0: expected 1 or more."),
        (Words, {"character_filters": 0}, "frontend.character_filters=0: expected 1 or more."),
        (Words, {"word_dropout": -1}, "frontend.word_dropout=-1: expected 0 or more."),
        (
            Words,
            {"dropout": 1.0},
            "frontend.dropout=1.0: expected a number in [0, 1).",
        ),
        (
            Words,
            {"character_width": 4},
            "frontend.character_width=4: expected an odd number, such as 3.",
        ),
        (Words, {"subword_buckets": 0}, "frontend.subword_buckets=0: expected 1 or more."),
        (
            Words,
            {"subword_shortest": 4, "subword_longest": 3},
            "frontend.subword_longest=3: expected subword_shortest=4 or more.",
        ),
        (
            Words,
            {"freeze_vectors": True},
            "frontend.freeze_vectors=true: it needs frontend.vectors=FILE as well.",
        ),
        (
            Words,
            {"vectors_vocabulary": True},
            "frontend.vectors_vocabulary=true: it needs frontend.vectors=FILE as well.",
        ),
        (Characters, {"size": -1}, "frontend.size=-1: expected 1 or more."),
        (Characters, {"init_std": -0.1}, "frontend.init_std=-0.1: expected 0 or more."),
        (
            Characters,
            {"character_dropout": 1.5},
            "frontend.character_dropout=1.5: expected a number in [0, 1).",
        ),
        (
            Characters,
            {"unicode": "NFD"},
            "frontend.unicode=NFD: expected NFC or NFKC or none.",
        ),
    ],
)
def test_parameters_out_of_range(schema: type, params: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(problem)}$"):
        schema(**params)


@pytest.mark.parametrize("component", FRONTENDS, ids=lambda component: component.name)
def test_components_name_their_classes(component: Any) -> None:
    module, name = component.target.split(":")
    cls = getattr(import_module(module), name)
    assert issubclass(cls, Frontend)
    assert module.endswith(f".{component.name}")
    params = OmegaConf.to_container(OmegaConf.structured(component.schema))
    assert isinstance(params, dict)
    assert cls.make_codec(**params).params == component.schema()


def test_schemas_are_typed() -> None:
    config = OmegaConf.structured(Words)
    config.tokenizer = "whitespace"
    with pytest.raises(ValidationError):
        config.tokenizer = "spaces"
    with pytest.raises(ValidationError):
        config.size = "many"


def test_schemas_import_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, seqloom_text.schemas_frontend; "
        "print({'torch', 'numpy', 'lightning', 'pytorch_lightning'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
