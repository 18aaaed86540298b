"""What the plugin says it has, and that saying so costs nothing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, is_dataclass
from importlib import import_module

import pytest

import seqloom_handwriting
from seqloom.interfaces import Frontend, Reader
from seqloom.plugins import Component

KINDS: dict[str, type] = {"data": Reader, "frontend": Frontend}
COMPONENTS = list(seqloom_handwriting.seqloom_components())


def found(target: str) -> object:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def test_the_entry_point_loads_no_heavy_module() -> None:
    code = (
        "import sys, seqloom_handwriting as p; p.seqloom_components(); p.seqloom_commands();"
        "print({'torch', 'numpy', 'PIL', 'rapidfuzz', 'pytorch_lightning'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: f"{one.kind}={one.name}")
def test_each_component_is_what_it_says(component: Component) -> None:
    target = found(component.target)
    assert isinstance(target, type)
    assert issubclass(target, KINDS[component.kind])
    assert is_dataclass(component.schema)
    documented = (component.schema.__doc__ or "") + "".join(
        base.__doc__ or "" for base in component.schema.__mro__[1:]
    )
    for parameter in fields(component.schema):
        assert f"    {parameter.name}: " in documented
    for writer in component.writers.values():
        assert hasattr(found(writer), "write")


def test_each_command_can_be_called() -> None:
    commands = list(seqloom_handwriting.seqloom_commands())
    assert [command.name for command in commands] == ["prepare"]
    assert all(callable(found(command.target)) for command in commands)
