"""Find the installed plugins, load each in a guard, and set the broken ones aside."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Literal

import pluggy

from seqloom.plugins import checks
from seqloom.plugins import component as hooks
from seqloom.plugins.component import Command, Component

GROUP = "seqloom.plugins"
DISABLE_VARIABLE = "SEQLOOM_DISABLE_PLUGINS"

PluginState = Literal["ok", "disabled", "set aside"]


@dataclass(frozen=True)
class Plugin:
    """One installed plugin, loaded or not.

    Attributes:
        name: of its entry point.
        module: that the entry point names.
        distribution: the installed package that it came with.
        version: of the distribution.
        state: ``ok``, ``disabled`` by the user, or ``set aside`` for a fault.
        reason: why it is not ok; empty if it is.
        seconds: that importing it and asking its hooks took.
        components: that it provides.
        config_packages: whose YAML joins Hydra's search path.
        commands: subcommands that it provides.
    """

    name: str
    module: str
    distribution: str
    version: str
    state: PluginState = "ok"
    reason: str = ""
    seconds: float = 0.0
    components: tuple[Component, ...] = ()
    config_packages: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()

    def __str__(self) -> str:
        return f"plugin {self.name!r} ({self.distribution} {self.version})"


def discover() -> list[Plugin]:
    """Load every installed plugin that is not disabled, in the order of their names."""
    disabled = {name.strip() for name in os.environ.get(DISABLE_VARIABLE, "").split(",")}
    # An editable install can list the same entry point twice.
    found = {(point.name, point.value): point for point in entry_points(group=GROUP)}
    manager = pluggy.PluginManager("seqloom")
    manager.add_hookspecs(hooks)
    return [_load(manager, found[key], disabled) for key in sorted(found)]


def _load(manager: pluggy.PluginManager, point: EntryPoint, disabled: set[str]) -> Plugin:
    identity: dict[str, Any] = {
        "name": point.name,
        "module": point.value,
        "distribution": (point.dist and point.dist.name) or "unknown",
        "version": (point.dist and point.dist.version) or "unknown",
    }
    if point.name in disabled:
        return Plugin(**identity, state="disabled", reason=f"named in {DISABLE_VARIABLE}")
    start = time.perf_counter()
    try:
        parts = _ask(manager, point)
    except (Exception, SystemExit) as fault:  # whatever a stranger's module does must not end us
        reason = f"{type(fault).__name__}: {fault}"
        return Plugin(**identity, state="set aside", reason=reason)
    return Plugin(**identity, seconds=time.perf_counter() - start, **parts)


def _ask(manager: pluggy.PluginManager, point: EntryPoint) -> dict[str, Any]:
    """Import a plugin and return what its hooks return, checked; leave no trace if that fails."""
    module = point.load()
    # Two entry points may have one name; one module may not serve twice.
    key = f"{point.name}={point.value}"
    try:
        manager.register(module, name=key)
        _refuse_unknown_hooks(manager, module)
        parts = [checks.component(part) for part in _called(manager, key, "seqloom_components")]
        checks.refuse_twice(parts)
        packages = _called(manager, key, "seqloom_config_packages")
        commands = _called(manager, key, "seqloom_commands")
        return {
            "components": tuple(parts),
            "config_packages": tuple(map(checks.config_package, packages)),
            "commands": tuple(map(checks.command, commands)),
        }
    except BaseException:
        if manager.get_plugin(key) is not None:
            manager.unregister(name=key)
        raise


def _refuse_unknown_hooks(manager: pluggy.PluginManager, module: ModuleType) -> None:
    known = {name for name in vars(hooks) if name.startswith("seqloom_")}
    for name in dir(module):
        marked = manager.parse_hookimpl_opts(module, name)
        if marked is not None and name not in known and not marked.get("optionalhook"):
            raise AttributeError(
                f"it implements a hook {name!r} that this version of seqloom does not have; "
                f"there are: {', '.join(sorted(known))}"
            )


def _called(manager: pluggy.PluginManager, key: str, hook: str) -> list[Any]:
    """Return what one plugin's implementation of a hook gives; nothing if it has none."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin_name == key:
            return checks.several(implementation.function(), hook)
    return []
