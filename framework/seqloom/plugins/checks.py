"""Check what a plugin's hooks return, so that its author sees a mistake before a user does."""

from __future__ import annotations

import importlib.util
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum, EnumType, StrEnum
from typing import Any

from seqloom.plugins.component import KINDS, Command, Component, Pad
from seqloom.plugins.options import options

CORE_COMMANDS = (
    "train",
    "check",
    "profile",
    "explain",
    "evaluate",
    "predict",
    "inspect",
    "sweep",
    "plugins",
    "conformance",
    "chaos",
    "cache",
    "cluster",
    "new",
    "demo",
    "completion",
    "help",
)
"""Names of subcommands that plugins cannot use."""


def check_list(returned: object, hook: str) -> list[object]:
    """Return what a hook returned as a list.

    Raises:
        TypeError: It is not a list or another iterable.
    """
    if isinstance(returned, str) or not isinstance(returned, Iterable):
        raise TypeError(f"{hook}() returned {returned!r}; expected a list")
    return list(returned)


def check_component(component: object) -> Component:
    """Return a component that is valid.

    Raises:
        TypeError: It is not a component, or its schema is not supported.
        ValueError: Its kind, name, target or ``takes`` is wrong.
    """
    if not isinstance(component, Component):
        raise TypeError(f"seqloom_components() returned {component!r}, which is not a Component")
    if component.kind not in KINDS:
        raise ValueError(
            f"component {component.name!r} has the kind {component.kind!r}; expected one of {KINDS}"
        )
    if not component.name.isidentifier() or not _can_be_a_member(component.name):
        raise ValueError(
            "a component's name must be an identifier that an enum can have as a member, "
            f"not {component.name!r}"
        )
    label = f"{component.kind}={component.name}"
    _check_target(component.target, label)
    if component.sample:
        _check_target(component.sample, f"the sample of {label}")
    for role, kinds in component.takes.items():
        if isinstance(kinds, str):
            raise ValueError(f"{label} has takes {role}={kinds!r}; expected a tuple")
    _check_schema(component.schema, label)
    _check_renamed(component, label)
    params = component.defaults()  # a default factory that raises must raise here
    if "field" in component.takes and "field" not in params:
        raise ValueError(
            f"{label} takes a 'field', but has no parameter 'field' that names it; add "
            "field: str | None = None to its schema, or another default"
        )
    return component


def _can_be_a_member(name: str) -> bool:
    """Return whether an enum, as configs use, can have a member of this name; not so ``mro``."""
    try:
        made: EnumType = StrEnum("Name", {name: name})  # type: ignore[misc]
    except ValueError:
        return False
    return name in made.__members__


def _check_renamed(component: Component, label: str) -> None:
    known = {f.name for f in fields(component.schema)}
    for old, new in component.renamed.items():
        if old in known or new not in known:
            what = f"still has {old!r}" if old in known else f"does not have {new!r}"
            raise ValueError(f"{label} renames the parameter {old!r} to {new!r}, but {what}")


def _check_target(target: object, label: str) -> None:
    module, colon, name = str(target).partition(":")
    if not (module and colon and name):
        raise ValueError(f"{label} has the target {target!r}; expected 'module:name'")


def _check_schema(schema: object, label: str) -> None:
    if not (isinstance(schema, type) and is_dataclass(schema)):
        raise TypeError(f"the schema of {label} is not a dataclass")
    if schema.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise TypeError(f"the schema of {label} is frozen, so its fields cannot be set")
    if "name" in {f.name for f in fields(schema)}:
        raise TypeError(f"the schema of {label} has a field 'name', which seqloom adds itself")
    for name, hint in typing.get_type_hints(schema).items():
        if typing.get_origin(hint) is typing.Literal:
            raise TypeError(f"the schema of {label} has a Literal, {name!r}: use a StrEnum")
        _check_enums(hint, f"the schema of {label}")


def _check_enums(hint: Any, where: str) -> None:
    """Reject members whose value is not their name: configs hold names, classes get values."""
    if isinstance(hint, EnumType):
        members: Mapping[str, Enum] = hint.__members__
        for name, member in members.items():
            if member.value != name:
                raise ValueError(
                    f"{where} has {hint.__name__}.{name} = {member.value!r}, but a member's "
                    f"value must be its name: {name} = {name!r}"
                )
    elif isinstance(hint, type) and is_dataclass(hint):
        for inner in typing.get_type_hints(hint).values():
            _check_enums(inner, where)
    for inner in typing.get_args(hint):
        _check_enums(inner, where)


def check_command(command: object) -> Command:
    """Return a subcommand that is valid.

    Raises:
        TypeError: It is not a command.
        ValueError: Its name is used by the core or cannot be typed, or its target is wrong.
    """
    if not isinstance(command, Command):
        raise TypeError(f"seqloom_commands() returned {command!r}, which is not a Command")
    if command.name in CORE_COMMANDS:
        raise ValueError(f"the command {command.name!r} is one of seqloom's own")
    if not command.name.replace("-", "_").isidentifier() or command.name.startswith("-"):
        raise ValueError(
            f"a command's name must consist of letters, digits and -, not {command.name!r}"
        )
    _check_target(command.target, f"the command {command.name!r}")
    return command


def check_pad(pad: object) -> Pad:
    """Return a pad that is valid.

    Raises:
        TypeError: It is not a pad.
        ValueError: Its kind or target is wrong.
    """
    if not isinstance(pad, Pad):
        raise TypeError(f"seqloom_pads() returned {pad!r}, which is not a Pad")
    if not pad.kind.isidentifier():
        raise ValueError(f"a pad's kind must be that of a field, such as 'text', not {pad.kind!r}")
    _check_target(pad.target, f"the pad for {pad.kind}")
    return pad


def check_config_package(name: object) -> str:
    """Return the name of an installed package of YAML; Hydra would ignore one that is missing.

    Raises:
        TypeError: It is not a name.
        ModuleNotFoundError: The package is not installed.
    """
    if not isinstance(name, str):
        raise TypeError(f"seqloom_config_packages() returned {name!r}; expected a name")
    if importlib.util.find_spec(name) is None:
        raise ModuleNotFoundError(f"the config package {name!r} is not installed")
    options(name)  # an error of reading it must be raised here
    return name


def check_unique(names: Iterable[str]) -> None:
    """Reject two components, commands or pads of one plugin with the same name.

    Raises:
        ValueError: A name is used twice.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{name} is provided twice")
        seen.add(name)
