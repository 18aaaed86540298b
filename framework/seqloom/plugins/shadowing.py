"""Quarantine plugins whose YAML would shadow an option: Hydra takes the first without a word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

from seqloom.plugins.loading import Plugin

CORE_PACKAGE = "seqloom_conf"


def without_shadowing(plugins: Sequence[Plugin]) -> list[Plugin]:
    """Return the plugins, those quarantined whose YAML has an option that also stands elsewhere.

    A component of that name keeps it; of two plugins' YAML neither is used.
    """
    if not any(plugin.config_packages for plugin in plugins):
        return list(plugins)
    owners: dict[str, list[str]] = defaultdict(list)
    for option in options(CORE_PACKAGE):
        owners[option].append(f"in {CORE_PACKAGE}")
    for plugin in plugins:
        for part in plugin.components:
            owners[f"{part.kind}/{part.name}"].append(f"as a component of {plugin}")
        for package in plugin.config_packages:
            for option in options(package):
                owners[option].append(_place(package, plugin))
    return [_judged(plugin, owners) for plugin in plugins]


def _judged(plugin: Plugin, owners: dict[str, list[str]]) -> Plugin:
    for package in plugin.config_packages:
        for option in options(package):
            others = list(owners[option])
            others.remove(_place(package, plugin))
            if others:
                reason = f"its config {option!r} in {package} is also there {' and '.join(others)}"
                return replace(
                    plugin,
                    state="quarantined",
                    reason=reason,
                    components=(),
                    config_packages=(),
                    commands=(),
                )
    return plugin


def _place(package: str, plugin: Plugin) -> str:
    return f"in {package} of {plugin}"


def options(package: str) -> list[str]:
    """Return the options in a package of YAML: ``encoder/small`` for ``encoder/small.yaml``."""
    return sorted(_options(files(package), ""))


def _options(folder: Any, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.name.endswith((".yaml", ".yml")):
            yield prefix + entry.name.rpartition(".")[0]
        elif entry.is_dir() and not entry.name.startswith(("_", ".")):
            yield from _options(entry, f"{prefix}{entry.name}/")
