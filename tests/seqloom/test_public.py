"""Each public name is documented, and none needs a private one; plugins use only public names."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from seqloom.cli.commands import COMMANDS
from seqloom.plugins.checks import CORE_COMMANDS
from seqloom.plugins.loading import GROUP
from seqloom.plugins.registry import DISABLE_VARIABLE
from seqloom.public import PUBLIC, RETURNED

NAMES = [(module, name) for module, names in PUBLIC.items() for name in names]
FOUND = [
    getattr(import_module(module), name)
    for module, names in {**PUBLIC, **RETURNED}.items()
    for name in names
]
PLUGINS = sorted((Path(__file__).parents[2] / "plugins").iterdir())
CLASSES = {one for one in FOUND if inspect.isclass(one)}


@pytest.mark.parametrize("module", PUBLIC)
def test_a_module_names_each_public_name_once(module: str) -> None:
    names = PUBLIC[module]
    assert names
    assert len(set(names)) == len(names)
    assert not [name for name in names if name.startswith("_") and name != "__version__"]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_each_name_is_there_and_documented(module: str, name: str) -> None:
    found = getattr(import_module(module), name)
    if inspect.isclass(found) or inspect.isfunction(found):
        assert vars(found)["__doc__"] if inspect.isclass(found) else found.__doc__


def hints(found: Any) -> Iterator[tuple[str, Any]]:
    """Yield the types in the signatures of a function, or of a class's public attributes."""
    if inspect.isfunction(found):
        yield found.__name__, typing.get_type_hints(found)
        return
    own = {name: one for name, one in vars(found).items() if not name.startswith("_")}
    for name, one in own.items():
        function = getattr(one, "__func__", getattr(one, "fget", one))
        if inspect.isfunction(function):
            yield f"{found.__name__}.{name}", typing.get_type_hints(function)
    yield (
        found.__name__,
        {
            name: hint
            for name, hint in typing.get_type_hints(found).items()
            if not name.startswith("_") and name in vars(found).get("__annotations__", {})
        },
    )


def classes_in(hint: Any) -> Iterator[type]:
    """Yield the classes of seqloom's in a type."""
    if inspect.isclass(hint) and hint.__module__.startswith("seqloom"):
        yield hint
    for part in hint if isinstance(hint, list) else typing.get_args(hint):
        yield from classes_in(part)


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_no_public_signature_needs_a_private_class(module: str, name: str) -> None:
    found = getattr(import_module(module), name)
    if not (inspect.isclass(found) or inspect.isfunction(found)):
        return
    try:
        needed = {
            (where, one)
            for where, types in hints(found)
            for hint in types.values()
            for one in classes_in(hint)
        }
    except NameError:  # what is only imported for the type checker; mypy looks at that
        return
    assert {(where, one.__qualname__) for where, one in needed if one not in CLASSES} == set()


def test_a_private_class_in_a_signature_would_be_seen() -> None:
    from seqloom.train.lease import Lease

    def takes(lease: Callable[[Lease], None] | None) -> None: ...

    takes.__annotations__["lease"] = Callable[[Lease], None] | None
    ((_, types),) = hints(takes)
    assert list(classes_in(types["lease"])) == [Lease]
    assert Lease not in CLASSES


def test_the_rest_of_what_is_public_is_named_as_it_is() -> None:
    text = import_module("seqloom.public").__doc__
    assert text is not None
    assert {f"``{GROUP}``", f"``{DISABLE_VARIABLE}``"} <= set(re.findall(r"``[^`]+``", text))
    assert set(COMMANDS) < set(CORE_COMMANDS)


def imported(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield file, module and name of each import of seqloom; the name is "" for a whole module."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found = [(alias.name, "") for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found = [(str(node.module), alias.name) for alias in node.names]
            else:
                continue
            yield from ((file, *one) for one in found if one[0].partition(".")[0] == "seqloom")


def test_bundled_plugins_import_public_names_only() -> None:
    found = [one for folder in PLUGINS for one in imported(folder)]
    assert len({folder.name for folder in PLUGINS if list(imported(folder))}) >= 6
    private = [
        f"{file.relative_to(file.parents[1])}: {module} {name}"
        for file, module, name in found
        if (name not in PUBLIC.get(module, ()) if name else module != "seqloom")
    ]
    assert private == []
