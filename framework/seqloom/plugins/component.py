"""The hooks of a plugin and what they return. Hooks return data and have no side effects.

A plugin is a module named by an entry point of the group ``seqloom.plugins``. It is imported at
every start of the program, also when a shell completes a command with TAB, so it must not import
torch or Lightning: components name their classes by strings.

Hooks follow seqloom's version: a minor release may add a hook or an argument of a hook. Only a
major release may remove one, after a minor release with a deprecation warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, MISSING, dataclass, field, fields, make_dataclass
from typing import Any, Literal, get_args

import pluggy

Kind = Literal["data", "frontend", "encoder", "head"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Gives = Mapping[str, str] | Callable[[Mapping[str, Any]], Mapping[str, str]]
"""Kinds by name, or a function from the component's parameters to them."""

Files = tuple[str, ...] | Callable[[Mapping[str, Any]], Iterable[str]] | None
"""Names of parameters, or a function from the component's parameters to them; None: unknown."""

REQUIRED: Any = "???"
"""OmegaConf's marker for a parameter without a default, without importing OmegaConf."""

hookspec = pluggy.HookspecMarker("seqloom")
hookimpl = pluggy.HookimplMarker("seqloom")


@dataclass
class DataSettings:
    """Keys of every ``data`` section, besides the parameters of the component.

    Attributes:
        take: Number of training examples to use; null: all. They are the first of a fixed
            shuffle, in proportion to the classes if there is a field of kind ``label``, so that a
            larger number includes a smaller one. ``val`` and ``test`` stay whole.
            Example: ``500``. Since 0.2.
        group_references: Whether to merge examples of ``val`` and ``test`` that differ only in a
            field of kind ``texts``, so that a translation is compared with every reference.
            Examples of ``train`` are not merged. Since 0.2.
    """

    take: int | None = None
    group_references: bool = True


SETTINGS: Mapping[Kind, type] = {"data": DataSettings}
"""Keys that the sections of a kind have besides the parameters of their components."""


@dataclass(frozen=True)
class Component:
    """One option of a config group, chosen on the command line as ``kind=name``.

    Attributes:
        kind: Config group.
        name: Option; unique among all installed plugins.
        schema: Dataclass of the component's parameters with their defaults. Enum parameters are
            ``StrEnum`` whose members' values are their names (``tanh = "tanh"``): configs hold
            the names. A required parameter has the default `REQUIRED`.
        target: ``module:Class``, imported only when the component is chosen.
        takes: What it needs: for each role the accepted kinds, the preferred first. A role that is
            also a parameter, such as ``field``, is looked up under the parameter's value.
        gives: What it provides: a data set the kind of each field (``{"tokens": "tokens",
            "slots": "tags"}``), a frontend what one of its steps represents (``{"steps":
            "token"}``).
        files: Parameters that name files, folders or URLs. What a shared model names there is read
            only if the user asks for it (``--its-data``). None, the default: any text among the
            parameters that could be a path counts as one.
        suffixes: Suffixes of the files that a data component reads (``.csv``; ``/`` for folders),
            for ``seqloom predict``.
        writers: ``module:Class`` of a `Writer` by form, ``seqloom predict --to FORM``, of a data
            component whose files can store predictions.
        extra: Extra of the plugin's distribution that installs the libraries its class needs;
            named in the error message where they are missing.
        sample: ``module:function`` that makes small data for the conformance checks. For a data
            component: takes a folder, which it may fill, and returns parameters for which all three
            splits have a few examples. For a frontend or head: takes lengths (one is 1) and a numpy
            ``Generator`` and returns an example of each length, with the fields that the default
            parameters name. Not needed where defaults, or fields of the standard kinds, are enough.
        candidates: ``module:function`` of a head for the conformance checks: takes an example and
            the parameters, and returns examples like it, one with each target that it could have,
            of which the best is searched for; none if there are too many. Not needed for fields of
            the kinds label, labels and tags.
        renamed: Current name by former name of each parameter that was renamed, so that older
            models still load.
        older_defaults: Value, in models that are older than a parameter, of each parameter whose
            default is another: so that a better default for new models leaves them as they are.
        suggests: Values for other sections of a run's config, of the parameters that are null there
            and for which other heads need other values: ``{"frontend=words": {"dropout": 0.4}}``
            for a component, ``{"budget": {"min_steps": 1500}}`` for another section.
    """

    kind: Kind
    name: str
    schema: type
    target: str
    _: KW_ONLY
    takes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gives: Gives = field(default_factory=dict)
    files: Files = None
    suffixes: tuple[str, ...] = ()
    writers: Mapping[str, str] = field(default_factory=dict)
    extra: str = ""
    sample: str = ""
    candidates: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)
    older_defaults: Mapping[str, Any] = field(default_factory=dict)
    suggests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def defaults(self) -> dict[str, Any]:
        """Return the default parameters."""
        return {
            one.name: one.default if one.default_factory is MISSING else one.default_factory()
            for one in fields(self.schema)
        }

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of its section that are not its own parameters, with their defaults."""
        own = {one.name for one in fields(self.schema)}
        common = fields(SETTINGS[self.kind]) if self.kind in SETTINGS else ()
        return {one.name: one.default for one in common if one.name not in own}

    def section_schema(self, *extra: tuple[str, Any, Any]) -> type:
        """Return a dataclass of its parameters and settings.

        Args:
            extra: More fields as ``dataclasses.make_dataclass`` takes them.
        """
        types = {one.name: one.type for one in fields(DataSettings)}
        own = [(name, types[name], field(default=one)) for name, one in self.settings.items()]
        return make_dataclass(
            self.schema.__name__,
            [*extra, *own],
            bases=(self.schema,),
            namespace={"__module__": self.schema.__module__},
        )

    def given(self, params: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what the component provides with these parameters."""
        return self.gives(params) if callable(self.gives) else self.gives


@dataclass(frozen=True)
class Command:
    """A subcommand of ``seqloom``.

    Attributes:
        name: Name on the command line.
        help: One line, for ``seqloom --help``.
        target: ``module:function``; takes the arguments after the name, a list of strings, and
            returns the exit status.
        extra: Extra of the plugin's distribution that installs the libraries it needs.
    """

    name: str
    help: str
    target: str
    extra: str = ""


@dataclass(frozen=True)
class Pad:
    """A place on the page of ``seqloom demo`` for entering inputs of a kind.

    Attributes:
        kind: Kind of field that it makes, one of those that frontends take (``text``); unique among
            all installed plugins.
        target: ``module:Class`` of a `PadInput`, imported only when a model needs it.
        page: Package with its files: ``pad.html``, which becomes a part of the page; the module
            ``pad.js``; ``pad.css``; and what these load.
        invitation: What to do on the page, printed in the terminal with its address.
        extra: Extra of the plugin's distribution that installs the libraries it needs.
    """

    kind: str
    target: str
    page: str
    _: KW_ONLY
    invitation: str = "Try it"
    extra: str = ""


@hookspec
def seqloom_components() -> Iterable[Component]:
    """Return the readers, frontends, encoders and heads that this plugin provides."""
    return ()


@hookspec
def seqloom_config_packages() -> Iterable[str]:
    """Return the importable packages whose YAML is added to Hydra's search path."""
    return ()


@hookspec
def seqloom_commands() -> Iterable[Command]:
    """Return the subcommands that this plugin provides."""
    return ()


@hookspec
def seqloom_pads() -> Iterable[Pad]:
    """Return the pads that this plugin provides for the page of ``seqloom demo``."""
    return ()
