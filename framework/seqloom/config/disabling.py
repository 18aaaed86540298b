"""Plugins that a run does without, known before anything is composed: ``disable_plugins=[NAME]``.

Which options there are depends on it, so the command line is looked at first. In a YAML file the
key takes effect once the config is composed: parts of those plugins are then refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from seqloom.config.explain import explain
from seqloom.errors import ConfigError
from seqloom.plugins.disabling import DISABLE_KEY
from seqloom.plugins.registry import disable


def disable_by(words: Sequence[str]) -> None:
    """Disable the plugins that the words of a command line name, and no others.

    Raises:
        ConfigError: the value is no list of names, or there is no such plugin.
    """
    named = [word for word in words if word.lstrip("+").partition("=")[0] == DISABLE_KEY]
    disable(_names(named[-1]) if named else ())


def _names(word: str) -> list[str]:
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException as fault:
        raise explain(fault) from fault
    value = None if override.is_sweep_override() else override.value()
    if not isinstance(value, list):
        raise ConfigError(
            f"{word!r} cannot be read; write {DISABLE_KEY}=[NAME,NAME]. It is for the whole "
            "command: it cannot be swept over."
        )
    return [str(name) for name in value]
