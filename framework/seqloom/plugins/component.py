"""What a plugin may add to seqloom. Every hook returns data and does nothing else.

A plugin is a module named by an entry point of the group ``seqloom.plugins``. It is imported at
every start of the program, each TAB of shell completion included, so it must import neither torch
nor Lightning: components name their classes by strings.

Hooks follow seqloom's version: a minor release may add a hook or an argument of a hook, only a
major one may remove it, and not before it warned for one minor release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, MISSING, dataclass, field, fields
from typing import Any, Literal, get_args

import pluggy

Kind = Literal["data", "frontend", "encoder", "head"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Gives = Mapping[str, str] | Callable[[Mapping[str, Any]], Mapping[str, str]]
"""Kinds by name, or a function from the component's parameters to them."""

REQUIRED: Any = "???"
"""OmegaConf's mark of a parameter without a default, without importing OmegaConf."""

hookspec = pluggy.HookspecMarker("seqloom")
hookimpl = pluggy.HookimplMarker("seqloom")


@dataclass(frozen=True)
class Component:
    """One option of a config group, chosen on the command line as ``kind=name``.

    Attributes:
        kind: the config group.
        name: the option; unique among all installed plugins.
        schema: a dataclass of the component's parameters with their defaults. Enum parameters are
            ``StrEnum`` whose members' values are their names (``tanh = "tanh"``): configs hold
            the names. A parameter that must be given has the default `REQUIRED`.
        target: ``module:Class``, imported only when the component is chosen.
        takes: what it needs: by role, the kinds of which one will do, the preferred first. A role
            that is also a parameter, such as ``field``, is looked up under the parameter's value.
        gives: what it offers others: a data set the kind of each field (``{"tokens": "tokens",
            "slots": "tags"}``), a frontend what one of its steps stands for (``{"steps":
            "token"}``).
        suffixes: of the files that a data component reads (``.csv``; ``/`` for folders), for
            ``seqloom predict``.
        writers: ``module:Class`` of `Writer` by form, ``seqloom predict --to FORM``, of a data
            component whose files can take up what was predicted.
        extra: of the plugin's distribution, with the libraries that its class needs; named to who
            lacks them.
        sample: ``module:function`` that makes small data for the conformance checks. Of a data
            component: from a folder, which it may fill, to parameters for which all three splits
            have a few examples. Of a frontend or head: from lengths (one is 1) and a numpy
            ``Generator`` to an example of each length, with the fields that its default
            parameters name. Not needed where defaults, or fields of the standard kinds, do.
        renamed: parameters that had another name in an earlier version, by that name, with the
            name that they have now: models that were made before still load.
    """

    kind: Kind
    name: str
    schema: type
    target: str
    _: KW_ONLY
    takes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gives: Gives = field(default_factory=dict)
    suffixes: tuple[str, ...] = ()
    writers: Mapping[str, str] = field(default_factory=dict)
    extra: str = ""
    sample: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)

    def defaults(self) -> dict[str, Any]:
        """Return the parameters as they are if none is named."""
        return {
            one.name: one.default if one.default_factory is MISSING else one.default_factory()
            for one in fields(self.schema)
        }

    def given(self, params: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what the component gives with these parameters."""
        return self.gives(params) if callable(self.gives) else self.gives


@dataclass(frozen=True)
class Command:
    """A subcommand of ``seqloom``; its target ``module:function`` takes the arguments after it.

    Attributes:
        name: that is typed.
        help: one line, for ``seqloom --help``.
        target: ``module:function``; it is given a list of texts and returns the exit status.
        extra: of the plugin's distribution, with the libraries that it needs.
    """

    name: str
    help: str
    target: str
    extra: str = ""


@hookspec
def seqloom_components() -> Iterable[Component]:
    """Return the data sets, frontends, encoders and heads that this plugin provides."""
    return ()


@hookspec
def seqloom_config_packages() -> Iterable[str]:
    """Return the importable packages whose YAML joins Hydra's search path."""
    return ()


@hookspec
def seqloom_commands() -> Iterable[Command]:
    """Return the subcommands that this plugin provides."""
    return ()
