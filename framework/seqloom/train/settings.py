"""Which settings a run keeps when it is resumed, and how two configs differ."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from seqloom.config.run_config import RunConfig, Section
from seqloom.model.provenance import plain_default
from seqloom.plugins import KINDS, Kind, registry

WITHOUT_EFFECT = frozenset(
    {
        "run_dir",
        "resume",
        "threads",
        "title",
        "disable_plugins",
        "copy_to",
        "save_every",
        "time_limit",
        "max_restarts",
        "hang_timeout",
        "cache",
    }
)
"""Keys that have no influence on a run's result; ``threads`` only on its last digits."""

ROUNDING = frozenset({"optimizer.fused"})
"""Keys that change a result in its last digits only; configs of 0.1.0 do not have them."""

MAY_CHANGE = (
    WITHOUT_EFFECT
    | ROUNDING
    | {
        "trainer",
        "budget",
        "callbacks",
        "logger",
        "batch.workers",
    }
)
"""Keys that may differ when a run is resumed; any other would make it another run."""


def fixed_settings(cfg: RunConfig) -> Section:
    """Return the settings that make it this run, which it keeps when it is resumed."""
    return {key: value for key, value in cfg.to_plain().items() if key not in MAY_CHANGE}


def completed(settings: Section) -> Section:
    """Return a config with the parameters that its components have got since it was written.

    Their values are those of models of that version: the default, or another one that the component
    has for them.
    """
    own = {kind: settings[kind] for kind in KINDS if isinstance(settings.get(kind), dict)}
    return {**settings, **{kind: _completed(kind, section) for kind, section in own.items()}}


def _completed(kind: Kind, section: Section) -> Section:
    known = registry().components.get((kind, str(section.get("name"))))
    if known is None:
        return section
    component, _ = known
    added = {**component.defaults(), **component.older_defaults}
    return {**{key: plain_default(value) for key, value in added.items()}, **section}


def common(settings: Section, other: Section) -> Section:
    """Return the settings that another version knows too.

    >>> common({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}})
    {'a': {'b': 1}}
    """
    return {
        key: common(value, other[key])
        if isinstance(value, dict) and isinstance(other[key], dict)
        else value
        for key, value in settings.items()
        if key in other
    }


def differing(before: Section, after: Section, but: Collection[str] = ()) -> list[str]:
    """Return sentences on what differs between two configs, except some keys and their subkeys.

    >>> differing({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 4}}, but={"a.c"})
    ['a.b (was 1, is 3)']
    """
    return [
        f"{key} (was {then!r}, is {now!r})" for key, then, now in _differing(before, after, but)
    ]


def _differing(
    before: Section, after: Section, but: Collection[str], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*before, *after]):
        then, now, key = before.get(name), after.get(name), f"{prefix}{name}"
        if then == now or key in but:
            continue
        if isinstance(then, dict) and isinstance(now, dict):
            yield from _differing(then, now, but, f"{key}.")
        else:
            yield key, then, now
