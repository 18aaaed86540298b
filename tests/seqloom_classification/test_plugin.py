from __future__ import annotations

import subprocess
import sys
from importlib import import_module

from omegaconf import OmegaConf

import seqloom_classification
from seqloom.interfaces import Head


def test_entry_point_loads_no_heavy_module() -> None:
    code = (
        "import sys, seqloom_classification as p; p.seqloom_components();"
        "print({'torch', 'numpy', 'pytorch_lightning', 'torchmetrics'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_target_is_a_head() -> None:
    (component,) = seqloom_classification.seqloom_components()
    module, _, name = component.target.partition(":")
    assert issubclass(getattr(import_module(module), name), Head)
    assert component.takes == {"field": ("label", "labels")}


def test_schema_is_a_config() -> None:
    config = OmegaConf.structured(seqloom_classification.Classification)
    config.merge_with({"pooling": "attention", "class_weights": {"spam": 2}})
    assert config.pooling == "attention"
    assert config.class_weights == {"spam": 2.0}
