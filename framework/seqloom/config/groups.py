"""The options of config groups, found without Hydra, whose import takes a third of a second."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seqloom.errors import Cause, ConfigError, did_you_mean
from seqloom.plugins import KINDS, registry
from seqloom.plugins.options import CORE_PACKAGE, options
from seqloom.plugins.registry import DISABLE_KEY

PLAIN = r"(?!hydra\.)\w[\w.]*=.*|-m|--multirun"
"""Words of a command line that add no options to a group."""


def options_by_group() -> dict[str, list[str]]:
    """Return the options of every group: components, and YAML of the core and of plugins."""
    found: dict[str, list[str]] = {kind: list(registry().names(kind)) for kind in KINDS}
    packages = [name for plugin in registry().plugins for name in plugin.config_packages]
    for option in (one for p in dict.fromkeys([CORE_PACKAGE, *packages]) for one in options(p)):
        group, _, name = option.rpartition("/")
        if group:
            found.setdefault(group, []).append(name)
    return found


def no_option(group: str, name: str, known: Sequence[str]) -> ConfigError:
    """Return the error for an option that does not exist; perhaps a plugin would provide it."""
    hint = did_you_mean(name, known)
    return ConfigError(
        f"There is no {group}={name}. {hint}{registry().absent()}", cause=Cause.unknown_option
    )


def refuse_unknown_component(words: Sequence[str]) -> None:
    """Refuse a component that nothing provides, as composing the config would, but at once.

    What this cannot judge is left to Hydra: options from other folders, disabled plugins, files
    in place of a reader's name.

    Args:
        words: Overrides and options of the command line.

    Raises:
        ConfigError: There is no such component.
    """
    if not all(re.fullmatch(PLAIN, word, re.ASCII | re.DOTALL) for word in words):
        return
    chosen = dict(word.split("=", 1) for word in words if "=" in word)
    if DISABLE_KEY in chosen:
        return
    known = options_by_group()
    for kind in KINDS:
        for name in chosen.get(kind, "").split(","):
            plain = re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) and name != "null"
            if not plain or name in known[kind] or (kind, name) in registry().contested:
                continue
            if not Path(name).exists():
                raise no_option(kind, name, sorted(known[kind]))
