"""Look up components among the installed plugins by kind and name, and disable plugins."""

from __future__ import annotations

import functools
import importlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from seqloom.errors import Cause, ConfigError, PluginError, did_you_mean
from seqloom.extras import install_command
from seqloom.plugins.component import Command, Component, Kind, Pad
from seqloom.plugins.loading import Plugin, discover, known_names

if TYPE_CHECKING:
    from seqloom.interfaces import Encoder, Frontend, Head, Reader


DISABLE_VARIABLE = "SEQLOOM_DISABLE_PLUGINS"
DISABLE_KEY = "disable_plugins"

_disabled_by_run: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Registry:
    """All installed plugins and what they provide.

    Attributes:
        plugins: All plugins sorted by name, also those that are not ok.
        components: Component and the plugin that provides it, by kind and name.
        contested: Plugins that claim the same kind and name; none of them gets it.
    """

    plugins: tuple[Plugin, ...]
    components: Mapping[tuple[Kind, str], tuple[Component, Plugin]]
    contested: Mapping[tuple[Kind, str], tuple[Plugin, ...]]

    def names(self, kind: Kind) -> list[str]:
        """Return the names of the components of a kind, sorted."""
        return sorted(name for known, name in self.components if known == kind)

    def find(self, kind: Kind, name: str) -> Component:
        """Return a component.

        Raises:
            PluginError: No plugin provides it, or several do.
        """
        return self.entry(kind, name)[0]

    def owner(self, kind: Kind, name: str) -> Plugin:
        """Return the plugin that provides a component; raises like ``find``."""
        return self.entry(kind, name)[1]

    def entry(self, kind: Kind, name: str) -> tuple[Component, Plugin]:
        """Return a component and the plugin that provides it; raises like ``find``."""
        if (kind, name) in self.components:
            return self.components[kind, name]
        if (kind, name) in self.contested:
            raise _contested(f"{kind}={name}", self.contested[kind, name])
        message = f"No installed plugin provides {kind}={name}."
        raise PluginError(
            f"{message} {did_you_mean(name, self.names(kind))}{self.absent()}",
            cause=Cause.no_component,
        )

    def absent(self) -> str:
        """Return a note on the plugins that are not in use, for the end of an error message."""
        unused = [plugin for plugin in self.plugins if plugin.state != "ok"]
        return "".join(f" Note: {plugin} is {plugin.state}: {plugin.reason}." for plugin in unused)

    def commands(self) -> dict[str, Command]:
        """Return the subcommands that one plugin provides, by name; sorted."""
        claims = self._claims()
        return {name: claims[name][0][0] for name in sorted(claims) if len(claims[name]) == 1}

    def command(self, name: str, others: Iterable[str] = ()) -> Command:
        """Return a plugin's subcommand.

        Args:
            name: Name of the subcommand.
            others: Other names to suggest if it does not exist.

        Raises:
            PluginError: No plugin provides it, or several do.
        """
        claims = self._claims().get(name, [])
        if not claims:
            hint = did_you_mean(name, [*others, *self.commands()])
            raise PluginError(
                f"There is no command {name!r}. {hint}{self.absent()}", cause=Cause.no_component
            )
        if len(claims) > 1:
            raise _contested(f"The command {name!r}", [plugin for _, plugin in claims])
        return claims[0][0]

    def provider(self, command: Command) -> Plugin:
        """Return the plugin that provides a subcommand; only for one that is not contested."""
        return self._claims()[command.name][0][1]

    def pads(self) -> dict[str, tuple[Pad, Plugin]]:
        """Return the pads that one plugin provides, each with that plugin, by kind; sorted."""
        claims = self._pad_claims()
        return {kind: claims[kind][0] for kind in sorted(claims) if len(claims[kind]) == 1}

    def contested_pads(self) -> dict[str, tuple[Plugin, ...]]:
        """Return the plugins that claim the pad of the same kind; none of them gets it."""
        claims = self._pad_claims().items()
        return {kind: tuple(p for _, p in claim) for kind, claim in claims if len(claim) > 1}

    def contested_commands(self) -> dict[str, tuple[Plugin, ...]]:
        """Return the plugins that claim the same subcommand; none of them gets it."""
        claims = self._claims().items()
        return {name: tuple(p for _, p in claim) for name, claim in claims if len(claim) > 1}

    def conflicts(self, plugin: Plugin) -> list[str]:
        """Return what a plugin claims but does not get, with the other plugins that claim it."""
        components = {f"{kind}={name}": claims for (kind, name), claims in self.contested.items()}
        commands = {f"the command {n!r}": c for n, c in self.contested_commands().items()}
        pads = {f"the pad for {kind}": claims for kind, claims in self.contested_pads().items()}
        return [
            f"{what} is also claimed by {' and '.join(str(p) for p in claims if p != plugin)}, "
            f"so {_none_of(claims)} gets it"
            for what, claims in {**components, **commands, **pads}.items()
            if plugin in claims
        ]

    def _claims(self) -> dict[str, list[tuple[Command, Plugin]]]:
        found: dict[str, list[tuple[Command, Plugin]]] = defaultdict(list)
        for plugin in self.plugins:
            for command in plugin.commands:
                found[command.name].append((command, plugin))
        return found

    def _pad_claims(self) -> dict[str, list[tuple[Pad, Plugin]]]:
        found: dict[str, list[tuple[Pad, Plugin]]] = defaultdict(list)
        for plugin in self.plugins:
            for pad in plugin.pads:
                found[pad.kind].append((pad, plugin))
        return found


def _none_of(claims: Sequence[Plugin]) -> str:
    return "neither" if len(claims) == 2 else "none of them"


def _contested(what: str, claims: Sequence[Plugin]) -> PluginError:
    return PluginError(
        f"{what} is claimed by {' and '.join(map(str, claims))}, so {_none_of(claims)} gets "
        f"it. Uninstall or disable one: {DISABLE_VARIABLE}=NAME in the environment, or "
        f"{DISABLE_KEY}=[NAME] on the command line of a run.",
        cause=Cause.conflict,
    )


@functools.cache
def registry() -> Registry:
    """Return the registry of this process; plugins are discovered at the first call."""
    plugins = tuple(discover(_disabled()))
    claims: dict[tuple[Kind, str], list[tuple[Component, Plugin]]] = defaultdict(list)
    for plugin in plugins:
        for component in plugin.components:
            claims[component.kind, component.name].append((component, plugin))
    return Registry(
        plugins=plugins,
        components={key: claim[0] for key, claim in claims.items() if len(claim) == 1},
        contested={
            key: tuple(plugin for _, plugin in claim)
            for key, claim in claims.items()
            if len(claim) > 1
        },
    )


def _disabled() -> dict[str, str]:
    """Return the names of disabled plugins or distributions, each with who disabled it."""
    by_run = dict.fromkeys(_disabled_by_run, f"named in {DISABLE_KEY}")
    return {**by_run, **dict.fromkeys(disabled_by_environment(), f"named in {DISABLE_VARIABLE}")}


def disabled_by_environment() -> list[str]:
    """Return the names that the environment variable disables."""
    names = (name.strip() for name in os.environ.get(DISABLE_VARIABLE, "").split(","))
    return [name for name in names if name]


def disable(names: Sequence[str]) -> None:
    """Disable plugins for the current run, besides those that the environment disables.

    Replaces the names of an earlier call.

    Args:
        names: Names of plugins or of their distributions.

    Raises:
        ConfigError: No installed plugin has one of the names.
    """
    known = known_names() if names else set()
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{DISABLE_KEY}: no plugin {name!r}. {did_you_mean(name, known)}",
                cause=Cause.no_component,
            )
    _disable_by_run(names)


@contextmanager
def disabling_for_one_run() -> Iterator[None]:
    """Undo at the end what `disable` did in the block: the next run may need those plugins."""
    before = _disabled_by_run
    try:
        yield
    finally:
        _disable_by_run(before)


def _disable_by_run(names: Iterable[str]) -> None:
    global _disabled_by_run  # the registry is global to the process, and so is what it omits
    before, _disabled_by_run = _disabled_by_run, tuple(dict.fromkeys(names))
    if before != _disabled_by_run:
        registry.cache_clear()


@overload
def resolve(kind: Literal["data"], name: str) -> type[Reader]: ...
@overload
def resolve(kind: Literal["frontend"], name: str) -> type[Frontend]: ...
@overload
def resolve(kind: Literal["encoder"], name: str) -> type[Encoder]: ...
@overload
def resolve(kind: Literal["head"], name: str) -> type[Head]: ...
@overload
def resolve(kind: Kind, name: str) -> type[Any]: ...
def resolve(kind: Kind, name: str) -> type[Any]:
    """Import and return the class of a component.

    Raises:
        PluginError: No plugin provides the component, or its class cannot be imported.
    """
    component, plugin = registry().entry(kind, name)
    found: type[Any] = import_with_extra(component, f"{kind}={name}", plugin)
    return found


def import_with_extra(provided: Component | Command | Pad, label: str, plugin: Plugin) -> Any:
    """Import and return the target of a component, command or pad.

    Raises:
        PluginError: It cannot be imported. If libraries are missing that an extra of the plugin's
            distribution installs, the message says how to install it.
    """
    try:
        return import_target(provided.target, label)
    except PluginError as error:
        if not provided.extra or not isinstance(error.__cause__, ImportError):
            raise
        raise PluginError(
            f"{error}. Install the libraries that it needs: "
            f"{install_command(provided.extra, plugin.distribution)}",
            cause=Cause.missing_extra,
        ) from error.__cause__


def import_target(target: str, label: str) -> Any:
    """Import and return the object that ``module:name`` names.

    Args:
        target: ``module:name``.
        label: What has this target, for the error message.

    Raises:
        PluginError: Importing it fails, for whatever reason.
    """
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # the module of a plugin can raise anything
        raise PluginError(
            f"{label} cannot be loaded: importing {target!r}, which its plugin names, failed: "
            f"{type(error).__name__}: {error}",
            cause=Cause.broken_plugin,
        ) from error


def name_and_params(section: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a component's name and its parameters from its section of a config.

    >>> name_and_params({"name": "lstm", "hidden_size": 8})
    ('lstm', {'hidden_size': 8})
    """
    params = dict(section)
    return params.pop("name"), params


def interpolation_in(value: Any) -> str | None:
    """Return the first text of a stored section that would be resolved in the user's environment.

    >>> interpolation_in({"name": "csv", "columns": ["a", "${oc.env:HOME}"]})
    '${oc.env:HOME}'
    """
    if isinstance(value, str):
        return value if "${" in value else None
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for one in inner if (found := interpolation_in(one))), None)
