"""What the plugin says it has, that saying so costs nothing, and that it knows no images."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import ValidationError

import seqloom_ctc
from seqloom.interfaces import Head
from seqloom_ctc.schema import Ctc, Decoder, Form


def found(target: str) -> object:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def output(code: str) -> str:
    """Return what a fresh interpreter prints."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_the_entry_point_loads_no_heavy_module() -> None:
    assert (
        output(
            "import sys, seqloom_ctc as p; p.seqloom_components(); p.seqloom_commands();"
            "print({'torch', 'numpy', 'rapidfuzz', 'pytorch_lightning'} & set(sys.modules))"
        )
        == "set()"
    )


def test_no_module_knows_images() -> None:
    """Libraries below may load Pillow, so that the sources are looked at."""
    sources = Path(str(seqloom_ctc.__file__)).parent.glob("*.py")
    assert not [file.name for file in sources if re.search("PIL|[Ii]mage\\b", _code(file))]


def _code(file: Path) -> str:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return "\n".join(
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


def test_the_head_is_what_it_says() -> None:
    (component,) = seqloom_ctc.seqloom_components()
    target = found(component.target)
    assert isinstance(target, type)
    assert issubclass(target, Head)
    assert is_dataclass(component.schema)
    for parameter in fields(component.schema):
        assert f"    {parameter.name}: " in (component.schema.__doc__ or "")


def test_the_command_can_be_called() -> None:
    (command,) = seqloom_ctc.seqloom_commands()
    assert command.name == "tune"
    assert callable(found(command.target))


def test_the_schema_of_the_head_takes_names_and_refuses_others() -> None:
    schema = OmegaConf.structured(Ctc)
    schema.decoder, schema.form = "beam", "NFKC"
    assert (schema.decoder, schema.form) == (Decoder.beam, Form.NFKC)
    with pytest.raises(ValidationError, match="greedy, beam"):
        schema.decoder = "viterbi"
    with pytest.raises(ValidationError, match="NFC, NFD"):
        schema.form = "nfc2"
