"""Look up components among the installed plugins by kind and name."""

from __future__ import annotations

import functools
import importlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from seqloom.errors import ConfigError, PluginError, did_you_mean
from seqloom.plugins.component import Command, Component, Kind
from seqloom.plugins.disabling import (
    DISABLE_KEY,
    DISABLE_VARIABLE,
    disabled,
    of_this_run,
    set_for_this_run,
)
from seqloom.plugins.loading import Plugin, discover, known_names
from seqloom.plugins.shadowing import without_shadowing

if TYPE_CHECKING:
    from seqloom.interfaces import Encoder, Frontend, Head, Reader


@dataclass(frozen=True, eq=False)
class Registry:
    """All installed plugins and what they provide.

    Attributes:
        plugins: sorted by name, those that are not ok among them.
        components: by kind and name, with the plugin that provides each.
        contested: the plugins that claim the same kind and name; none of them gets it.
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
            PluginError: no plugin provides it, or several do.
        """
        return self.entry(kind, name)[0]

    def owner(self, kind: Kind, name: str) -> Plugin:
        """Return the plugin that provides a component; raises as ``find`` does."""
        return self.entry(kind, name)[1]

    def entry(self, kind: Kind, name: str) -> tuple[Component, Plugin]:
        """Return a component and the plugin that provides it; raises as ``find`` does."""
        if (kind, name) in self.components:
            return self.components[kind, name]
        if (kind, name) in self.contested:
            raise _contested(f"{kind}={name}", self.contested[kind, name])
        message = f"No installed plugin provides {kind}={name}."
        raise PluginError(f"{message} {did_you_mean(name, self.names(kind))}{self.absent()}")

    def absent(self) -> str:
        """Return a remark on the plugins that are not in use, for the end of an error message."""
        away = [plugin for plugin in self.plugins if plugin.state != "ok"]
        return "".join(f" Note: {plugin} is {plugin.state}: {plugin.reason}." for plugin in away)

    def commands(self) -> dict[str, Command]:
        """Return the subcommands that one plugin provides, by name; sorted."""
        claims = self._claims()
        return {name: claims[name][0][0] for name in sorted(claims) if len(claims[name]) == 1}

    def command(self, name: str, others: Iterable[str] = ()) -> Command:
        """Return a plugin's subcommand.

        Args:
            name: of the subcommand.
            others: that may have been meant.

        Raises:
            PluginError: no plugin provides it, or several do.
        """
        claims = self._claims().get(name, [])
        if not claims:
            hint = did_you_mean(name, [*others, *self.commands()])
            raise PluginError(f"There is no command {name!r}. {hint}{self.absent()}")
        if len(claims) > 1:
            raise _contested(f"The command {name!r}", [plugin for _, plugin in claims])
        return claims[0][0]

    def provider(self, command: Command) -> Plugin:
        """Return the plugin that provides a subcommand which only one provides."""
        return self._claims()[command.name][0][1]

    def contested_commands(self) -> dict[str, tuple[Plugin, ...]]:
        """Return the plugins that claim the same subcommand; none of them gets it."""
        claims = self._claims().items()
        return {name: tuple(p for _, p in claim) for name, claim in claims if len(claim) > 1}

    def conflicts(self, plugin: Plugin) -> list[str]:
        """Return what a plugin claims and does not get, with who else claims it."""
        parts = {f"{kind}={name}": claims for (kind, name), claims in self.contested.items()}
        commands = {f"the command {n!r}": c for n, c in self.contested_commands().items()}
        return [
            f"{what} is also claimed by {' and '.join(str(p) for p in claims if p != plugin)}, "
            f"so {_none_of(claims)} gets it"
            for what, claims in {**parts, **commands}.items()
            if plugin in claims
        ]

    def _claims(self) -> dict[str, list[tuple[Command, Plugin]]]:
        found: dict[str, list[tuple[Command, Plugin]]] = defaultdict(list)
        for plugin in self.plugins:
            for command in plugin.commands:
                found[command.name].append((command, plugin))
        return found


def _none_of(claims: Sequence[Plugin]) -> str:
    return "neither" if len(claims) == 2 else "none of them"


def _contested(what: str, claims: Sequence[Plugin]) -> PluginError:
    return PluginError(
        f"{what} is claimed by {' and '.join(map(str, claims))}, so {_none_of(claims)} gets "
        f"it; uninstall one, or disable it: {DISABLE_VARIABLE}=NAME, or for one run, on the "
        f"command line, {DISABLE_KEY}=[NAME]."
    )


@functools.cache
def registry() -> Registry:
    """Return the registry of this process; plugins are discovered at the first call."""
    plugins = tuple(without_shadowing(discover(disabled())))
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


def disable(names: Sequence[str]) -> None:
    """Leave plugins out for the present run, and no others than these and the environment's.

    Args:
        names: of plugins or of their distributions.

    Raises:
        ConfigError: none that is installed has such a name.
    """
    known = known_names() if names else set()
    for name in names:
        if name not in known:
            raise ConfigError(f"{DISABLE_KEY}: no plugin {name!r}. {did_you_mean(name, known)}")
    if set_for_this_run(names):
        registry.cache_clear()


@contextmanager
def disabling_for_one_run() -> Iterator[None]:
    """Have `disable` undone at the end: what one run leaves out, the next may need."""
    before = of_this_run()
    try:
        yield
    finally:
        if set_for_this_run(before):
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


def import_with_extra(part: Component | Command, label: str, plugin: Plugin) -> Any:
    """Import and return the target of a component or command.

    Raises:
        PluginError: It cannot be imported; where libraries are missing that an extra of the
            plugin's distribution installs, the text says how to install it.
    """
    try:
        return import_target(part.target, label)
    except PluginError as error:
        if not part.extra or not isinstance(error.__cause__, ImportError):
            raise
        raise PluginError(
            f"{error}. Install the libraries that it needs: "
            f'pip install "{plugin.distribution}[{part.extra}]"'
        ) from error.__cause__


def import_target(target: str, label: str) -> Any:
    """Import and return what ``module:name`` names; ``label`` says whose it is.

    Raises:
        PluginError: importing it fails, for whatever reason.
    """
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # a stranger's module can raise anything
        raise PluginError(
            f"{label} cannot be loaded: its plugin names {target!r}, "
            f"but importing that failed: {type(error).__name__}: {error}"
        ) from error


def choice(section: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a component's name and its parameters from its section of a config.

    >>> choice({"name": "lstm", "hidden_size": 8})
    ('lstm', {'hidden_size': 8})
    """
    params = dict(section)
    return params.pop("name"), params
