"""Quarantine plugins whose YAML would shadow an option: Hydra takes the first without a word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from seqloom.plugins.loading import Plugin
from seqloom.plugins.options import CORE_PACKAGE, options


def without_shadowing(plugins: Sequence[Plugin]) -> list[Plugin]:
    """Return the plugins, those quarantined whose YAML has an option that also stands elsewhere.

    A component of that name keeps it; of two plugins' YAML neither is used.
    """
    if not any(plugin.config_packages for plugin in plugins):
        return list(plugins)
    # By option: the packages that have it, each once (two plugins of one distribution may share
    # one), and the plugins that have a component of that name; both in words.
    owners: dict[str, dict[str, str]] = defaultdict(dict)
    for option in options(CORE_PACKAGE):
        owners[option][CORE_PACKAGE] = f"in {CORE_PACKAGE}"
    for plugin in plugins:
        for part in plugin.components:
            place = f"as a component of {plugin}"
            owners[f"{part.kind}/{part.name}"][place] = place
        for package in plugin.config_packages:
            for option in options(package):
                owners[option].setdefault(package, f"in {package} of {plugin}")
    return [_judged(plugin, owners) for plugin in plugins]


def _judged(plugin: Plugin, owners: Mapping[str, Mapping[str, str]]) -> Plugin:
    for package in plugin.config_packages:
        for option in options(package):
            others = [place for owner, place in owners[option].items() if owner != package]
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
