"""Find the installed plugins, load them, and quarantine those that fail.

An import that hangs, or that kills the interpreter, cannot be caught.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pluggy

from seqloom.plugins import component as hooks
from seqloom.plugins.checks import (
    check_command,
    check_component,
    check_config_package,
    check_list,
    check_pad,
    check_unique,
)
from seqloom.plugins.component import Command, Component, Pad
from seqloom.plugins.options import CORE_PACKAGE, options

GROUP = "seqloom.plugins"
HEAVY = ("hydra", "numpy", "omegaconf", "pytorch_lightning", "torch")
"""Libraries that plugins must not import when the program starts or a shell completes a command."""

PluginState = Literal["ok", "disabled", "quarantined"]


@dataclass(frozen=True)
class Plugin:
    """One installed plugin, loaded or not.

    Attributes:
        name: Name of its entry point.
        module: Module that the entry point names.
        distribution: Installed package that it belongs to.
        version: Version of the distribution.
        state: ``ok``, ``disabled`` by the user, or ``quarantined`` because it failed.
        reason: Why it is not ok; empty if it is.
        seconds: Time that importing it and calling its hooks took.
        heavy: Libraries that it was the first to import, which slow down every start.
        components: Components that it provides.
        config_packages: Packages whose YAML is added to Hydra's search path.
        commands: Subcommands that it provides.
        pads: Pads that it provides for ``seqloom demo``.
    """

    name: str
    module: str
    distribution: str
    version: str
    state: PluginState = "ok"
    reason: str = ""
    seconds: float = 0.0
    heavy: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()
    config_packages: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()
    pads: tuple[Pad, ...] = ()

    def __str__(self) -> str:
        return f"plugin {self.name!r} ({self.distribution} {self.version})"


def discover(disabled: Mapping[str, str]) -> list[Plugin]:
    """Load every installed plugin that is not disabled, in the order of their names.

    Args:
        disabled: Names of plugins or distributions, with the reason.
    """
    options.cache_clear()  # packages may have changed since an earlier discovery
    return _without_shadowing([_load(point, disabled) for point in _installed()])


def known_names() -> set[str]:
    """Return the names of the installed plugins and their distributions; imports no plugin."""
    return {name for point in _installed() for name in (point.name, _distribution(point)[0])}


def _installed() -> list[EntryPoint]:
    # An editable install can list the same entry point twice.
    found = {(point.name, point.value): point for point in entry_points(group=GROUP)}
    return [found[key] for key in sorted(found)]


def _distribution(point: EntryPoint) -> tuple[str, str]:
    """Return name and version of the distribution of an entry point."""
    name, version = (point.dist.name, point.dist.version) if point.dist else ("", "")
    return name or "unknown", version or "unknown"


def _load(point: EntryPoint, disabled: Mapping[str, str]) -> Plugin:
    distribution, version = _distribution(point)
    identity: dict[str, Any] = {
        "name": point.name,
        "module": point.value,
        "distribution": distribution,
        "version": version,
    }
    for name in (point.name, distribution):
        if name in disabled:
            return Plugin(**identity, state="disabled", reason=disabled[name])
    before = set(sys.modules)
    start = time.perf_counter()
    try:
        with redirect_stdout(sys.stderr):  # programs read stdout: JSON, completion
            provided = _provided(point)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin must not end the program, whatever it raises
        reason = f"{type(error).__name__}: {error}{_location(error)}"
        return Plugin(**identity, state="quarantined", reason=reason)
    heavy = tuple(name for name in HEAVY if name in sys.modules and name not in before)
    return Plugin(**identity, seconds=time.perf_counter() - start, heavy=heavy, **provided)


def _location(error: BaseException) -> str:
    """Return where in the plugin's own files an error was raised; empty if it was elsewhere."""
    ours = (str(Path(__file__).parent), str(Path(pluggy.__file__).parent), "<frozen ")
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(ours) and "importlib" not in Path(frame.filename).parts
    ]
    return f" (at {own[-1].filename}:{own[-1].lineno})" if own else ""


def _provided(point: EntryPoint) -> dict[str, Any]:
    """Import a plugin, call its hooks, and return what they returned, checked."""
    module = point.load()
    # One manager for each plugin, so that an invalid hook affects no other plugin. It calls a hook
    # with those of our arguments that the plugin's function takes, so that hooks can gain some.
    manager = pluggy.PluginManager("seqloom")
    manager.add_hookspecs(hooks)
    manager.register(module, name=point.name)
    _reject_unknown_hooks(manager, module)
    components = list(map(check_component, _call(manager, "seqloom_components")))
    check_unique(f"{one.kind}={one.name}" for one in components)
    packages = list(map(check_config_package, _call(manager, "seqloom_config_packages")))
    commands = list(map(check_command, _call(manager, "seqloom_commands")))
    check_unique(f"the command {one.name!r}" for one in commands)
    pads = list(map(check_pad, _call(manager, "seqloom_pads")))
    check_unique(f"the pad for {one.kind}" for one in pads)
    return {
        "components": tuple(components),
        "config_packages": tuple(packages),
        "commands": tuple(commands),
        "pads": tuple(pads),
    }


def _reject_unknown_hooks(manager: pluggy.PluginManager, module: ModuleType) -> None:
    known = {name for name in vars(hooks) if name.startswith("seqloom_")}
    for name in dir(module):
        marked = manager.parse_hookimpl_opts(module, name)
        if marked is None and name in known and getattr(module, name) is not vars(hooks)[name]:
            raise AttributeError(f"{name}() is not decorated: add @hookimpl")
        if marked is not None and name not in known and not marked.get("optionalhook"):
            raise AttributeError(
                f"{name!r} is not a hook of this version of seqloom; "
                f"its hooks are: {', '.join(sorted(known))}"
            )


def _call(manager: pluggy.PluginManager, name: str) -> list[Any]:
    """Return what a hook of the manager's only plugin returns; empty if it is not implemented."""
    hook = getattr(manager.hook, name)
    if not hook.get_hookimpls():
        return []
    results = hook()  # pluggy leaves None out
    return check_list(results[0] if results else None, name)


def _without_shadowing(plugins: Sequence[Plugin]) -> list[Plugin]:
    """Quarantine the plugins whose YAML defines an option that is also defined elsewhere.

    Hydra would silently use the first. A component keeps its name; if the YAML of two plugins
    defines the same option, both are quarantined.
    """
    if not any(plugin.config_packages for plugin in plugins):
        return list(plugins)
    # Descriptions by option and by who defines it: a package (only once, as two plugins of one
    # distribution may share it), or a plugin with a component of that name.
    owners: dict[str, dict[str, str]] = defaultdict(dict)
    for option in options(CORE_PACKAGE):
        owners[option][CORE_PACKAGE] = f"in {CORE_PACKAGE}"
    for plugin in plugins:
        for component in plugin.components:
            owner = f"as a component of {plugin}"
            owners[f"{component.kind}/{component.name}"][owner] = owner
        for package in plugin.config_packages:
            for option in options(package):
                owners[option].setdefault(package, f"in {package} of {plugin}")
    return [_quarantined_if_shadowing(plugin, owners) for plugin in plugins]


def _quarantined_if_shadowing(plugin: Plugin, owners: Mapping[str, Mapping[str, str]]) -> Plugin:
    for package in plugin.config_packages:
        for option in options(package):
            others = [where for owner, where in owners[option].items() if owner != package]
            if others:
                reason = f"the config {option!r} in {package} also exists {' and '.join(others)}"
                return replace(
                    plugin,
                    state="quarantined",
                    reason=reason,
                    components=(),
                    config_packages=(),
                    commands=(),
                    pads=(),
                )
    return plugin
