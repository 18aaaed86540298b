"""The options of config groups, found without Hydra, whose import takes a third of a second."""

from __future__ import annotations

from seqloom.plugins import KINDS, registry
from seqloom.plugins.options import CORE_PACKAGE, options


def groups() -> dict[str, list[str]]:
    """Return the options of every group: components, and YAML of the core and of plugins."""
    found: dict[str, list[str]] = {kind: list(registry().names(kind)) for kind in KINDS}
    packages = [name for plugin in registry().plugins for name in plugin.config_packages]
    for option in (one for p in dict.fromkeys([CORE_PACKAGE, *packages]) for one in options(p)):
        group, _, name = option.rpartition("/")
        if group:
            found.setdefault(group, []).append(name)
    return found
