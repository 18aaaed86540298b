"""Check what a plugin's hooks return, so that a mistake is told of its author and not of a user."""

from __future__ import annotations

import importlib.util
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum, EnumType, StrEnum
from typing import Any

from seqloom.plugins.component import KINDS, Command, Component
from seqloom.plugins.options import options

CORE_COMMANDS = (
    "train",
    "evaluate",
    "predict",
    "inspect",
    "sweep",
    "plugins",
    "conformance",
    "new",
    "completion",
    "help",
)
"""Subcommands that no plugin can have."""


def several(given: object, hook: str) -> list[object]:
    """Return what a hook gave as a list.

    Raises:
        TypeError: it is no list, or another iterable of parts.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"{hook}() gave {given!r}, where a list is expected")
    return list(given)


def component(part: object) -> Component:
    """Return a component that keeps the rules.

    Raises:
        TypeError: it is no component, or its schema cannot be one.
        ValueError: its kind, name, target or ``takes`` is wrong.
    """
    if not isinstance(part, Component):
        raise TypeError(f"seqloom_components() gave {part!r}, which is not a Component")
    if part.kind not in KINDS:
        raise ValueError(f"component {part.name!r} is of kind {part.kind!r}, not one of {KINDS}")
    if not part.name.isidentifier() or not _can_be_a_member(part.name):
        raise ValueError(
            "a component's name must be an identifier, and none that enums keep for themselves, "
            f"not {part.name!r}"
        )
    label = f"{part.kind}={part.name}"
    _check_target(part.target, label)
    if part.sample:
        _check_target(part.sample, f"the sample of {label}")
    for role, kinds in part.takes.items():
        if isinstance(kinds, str):
            raise ValueError(f"{label} takes {role}={kinds!r}, where a tuple is expected")
    _check_schema(part.schema, label)
    _check_renamed(part, label)
    params = part.defaults()  # a factory may raise, which is to be told here
    if "field" in part.takes and "field" not in params:
        raise ValueError(f"{label} takes a 'field', but has no parameter 'field' that names it")
    return part


def _can_be_a_member(name: str) -> bool:
    """Return whether an enum can have a member of this name, as configs do: none is ``mro``."""
    try:
        made: EnumType = StrEnum("Name", {name: name})  # type: ignore[misc]
    except ValueError:
        return False
    return name in made.__members__


def _check_renamed(part: Component, label: str) -> None:
    known = {f.name for f in fields(part.schema)}
    for old, new in part.renamed.items():
        if old in known or new not in known:
            what = f"has a parameter {old!r} still" if old in known else f"has no parameter {new!r}"
            raise ValueError(f"{label} says that {old!r} is now {new!r}, but it {what}")


def _check_target(target: object, label: str) -> None:
    module, colon, name = str(target).partition(":")
    if not (module and colon and name):
        raise ValueError(f"{label} has the target {target!r}, where 'module:name' is expected")


def _check_schema(schema: object, label: str) -> None:
    if not (isinstance(schema, type) and is_dataclass(schema)):
        raise TypeError(f"the schema of {label} is not a dataclass")
    if schema.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise TypeError(f"the schema of {label} is frozen, so nothing in it could be set")
    if "name" in {f.name for f in fields(schema)}:
        raise TypeError(f"the schema of {label} has a field 'name', which seqloom itself adds")
    for name, hint in typing.get_type_hints(schema).items():
        if typing.get_origin(hint) is typing.Literal:
            raise TypeError(f"the schema of {label} has a Literal, {name!r}: make it a StrEnum")
        _check_enums(hint, f"the schema of {label}")


def _check_enums(hint: Any, where: str) -> None:
    """Refuse members whose value is not their name: configs hold names, classes get values."""
    if isinstance(hint, EnumType):
        members: Mapping[str, Enum] = hint.__members__
        for name, member in members.items():
            if member.value != name:
                raise ValueError(
                    f"{where} has {hint.__name__}.{name} = {member.value!r}, where a member's "
                    f"value must be its name: {name} = {name!r}"
                )
    elif isinstance(hint, type) and is_dataclass(hint):
        for inner in typing.get_type_hints(hint).values():
            _check_enums(inner, where)
    for inner in typing.get_args(hint):
        _check_enums(inner, where)


def command(part: object) -> Command:
    """Return a subcommand that keeps the rules.

    Raises:
        TypeError: it is no command.
        ValueError: its name is taken by the core or cannot be typed, or its target is wrong.
    """
    if not isinstance(part, Command):
        raise TypeError(f"seqloom_commands() gave {part!r}, which is not a Command")
    if part.name in CORE_COMMANDS:
        raise ValueError(f"its command {part.name!r} is one of seqloom's own")
    if not part.name.replace("-", "_").isidentifier() or part.name.startswith("-"):
        raise ValueError(f"a command's name must be of letters, digits and -, not {part.name!r}")
    _check_target(part.target, f"the command {part.name!r}")
    return part


def config_package(name: object) -> str:
    """Return the name of a package of YAML that is there: Hydra passes over those that are not.

    Raises:
        TypeError: it is no name.
        ModuleNotFoundError: there is no such package.
    """
    if not isinstance(name, str):
        raise TypeError(f"seqloom_config_packages() gave {name!r}, where a name is expected")
    if importlib.util.find_spec(name) is None:
        raise ModuleNotFoundError(f"it names the config package {name!r}, which is not installed")
    options(name)  # whatever reading it raises must be raised here
    return name


def refuse_twice(names: Iterable[str]) -> None:
    """Refuse two parts of one plugin with one name.

    Raises:
        ValueError: names it.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"it provides {name} twice")
        seen.add(name)
