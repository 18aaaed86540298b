"""Find the installed plugins, load each in a guard, and quarantine the broken ones.

A guard has limits: an import that hangs, or that kills the interpreter, takes the program with it.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pluggy

from seqloom.plugins import checks
from seqloom.plugins import component as hooks
from seqloom.plugins.component import Command, Component
from seqloom.plugins.options import options

GROUP = "seqloom.plugins"
HEAVY = ("hydra", "numpy", "omegaconf", "pytorch_lightning", "torch")
"""Libraries that no plugin may import at a start of the program, each TAB included."""

PluginState = Literal["ok", "disabled", "quarantined"]


@dataclass(frozen=True)
class Plugin:
    """One installed plugin, loaded or not.

    Attributes:
        name: of its entry point.
        module: that the entry point names.
        distribution: the installed package that it came with.
        version: of the distribution.
        state: ``ok``, ``disabled`` by the user, or ``quarantined`` for a problem.
        reason: why it is not ok; empty if it is.
        seconds: that importing it and asking its hooks took.
        heavy: libraries that it was the first to import, which every start now pays for.
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
    heavy: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()
    config_packages: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()

    def __str__(self) -> str:
        return f"plugin {self.name!r} ({self.distribution} {self.version})"


def discover(disabled: Mapping[str, str]) -> list[Plugin]:
    """Load every installed plugin that is not disabled, in the order of their names.

    Args:
        disabled: names of plugins or distributions, with the reason.
    """
    options.cache_clear()  # packages may have changed since an earlier discovery
    return [_load(point, disabled) for point in _installed()]


def known_names() -> set[str]:
    """Return the names of the installed plugins and of their distributions; imports none."""
    return {name for point in _installed() for name in (point.name, _distribution(point)[0])}


def _installed() -> list[EntryPoint]:
    # An editable install can list the same entry point twice.
    found = {(point.name, point.value): point for point in entry_points(group=GROUP)}
    return [found[key] for key in sorted(found)]


def _distribution(point: EntryPoint) -> tuple[str, str]:
    """Return name and version of what an entry point was installed with."""
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
    there = set(sys.modules)
    start = time.perf_counter()
    try:
        with redirect_stdout(sys.stderr):  # ours is read by programs: JSON, a shell's completion
            parts = _ask(point)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a stranger's module does must not end us
        reason = f"{type(error).__name__}: {error}{_place(error)}"
        return Plugin(**identity, state="quarantined", reason=reason)
    heavy = tuple(name for name in HEAVY if name in sys.modules and name not in there)
    return Plugin(**identity, seconds=time.perf_counter() - start, heavy=heavy, **parts)


def _place(error: BaseException) -> str:
    """Return where in the plugin's own files something was raised, if it was there."""
    ours = (str(Path(__file__).parent), str(Path(pluggy.__file__).parent), "<frozen ")
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(ours) and "importlib" not in Path(frame.filename).parts
    ]
    return f" (at {own[-1].filename}:{own[-1].lineno})" if own else ""


def _ask(point: EntryPoint) -> dict[str, Any]:
    """Import a plugin and return what its hooks return, checked."""
    module = point.load()
    # A manager of its own: what one plugin's hooks do or lack concerns no other. It calls each hook
    # with those of our arguments that the plugin takes, so that hooks can gain some.
    manager = pluggy.PluginManager("seqloom")
    manager.add_hookspecs(hooks)
    manager.register(module, name=point.name)
    _refuse_unknown_hooks(manager, module)
    parts = [checks.component(part) for part in _answer(manager, "seqloom_components")]
    checks.refuse_twice(f"{part.kind}={part.name}" for part in parts)
    packages = _answer(manager, "seqloom_config_packages")
    commands = [checks.command(part) for part in _answer(manager, "seqloom_commands")]
    checks.refuse_twice(f"the command {one.name!r}" for one in commands)
    return {
        "components": tuple(parts),
        "config_packages": tuple(map(checks.config_package, packages)),
        "commands": tuple(commands),
    }


def _refuse_unknown_hooks(manager: pluggy.PluginManager, module: ModuleType) -> None:
    known = {name for name in vars(hooks) if name.startswith("seqloom_")}
    for name in dir(module):
        marked = manager.parse_hookimpl_opts(module, name)
        if marked is None and name in known and getattr(module, name) is not vars(hooks)[name]:
            raise AttributeError(f"its {name}() is not marked: put @hookimpl in front of it")
        if marked is not None and name not in known and not marked.get("optionalhook"):
            raise AttributeError(
                f"it implements a hook {name!r} that this version of seqloom does not have; "
                f"there are: {', '.join(sorted(known))}"
            )


def _answer(manager: pluggy.PluginManager, name: str) -> list[Any]:
    """Return what a hook of the manager's one plugin gives; nothing if it does not have it."""
    hook = getattr(manager.hook, name)
    if not hook.get_hookimpls():
        return []
    answers = hook()  # pluggy leaves None out
    return checks.several(answers[0] if answers else None, name)
