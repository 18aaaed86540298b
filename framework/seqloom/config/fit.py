"""Check that the chosen parts fit together, before any data is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from seqloom.config.freeze import Config
from seqloom.errors import ConfigError, PluginError, SeqloomError
from seqloom.plugins import Component, Kind, choice, registry

WORDS = {
    "tokens": "a list of tokens",
    "text": "a text",
    "tags": "one tag for each token",
    "label": "one class for each example",
    "labels": "a set of classes for each example",
    "token": "one step for each token",
    "character": "one step for each character",
    "frame": "one step for each frame",
    "image": "an image",
    "strokes": "pen strokes",
    "features": "a series of vectors",
}


def check_fit(config: Config) -> None:
    """Check what each part takes against what the parts before it give.

    Raises:
        ConfigError: says which part needs what, and what it is given.
    """
    data, frontend = _part(config, "data"), _part(config, "frontend")
    fields = _given(*data)
    _check(*frontend, offered=fields, giver=data[0])
    steps = _given(*frontend)
    head, params = _part(config, "head")
    for role in head.takes:
        giver, offered = (frontend[0], steps) if role in steps else (data[0], fields)
        _check(head, params, offered=offered, giver=giver, roles=(role,))


def _part(config: Config, kind: str) -> tuple[Component, dict[str, Any]]:
    name, params = choice(config[kind])
    return registry().find(cast("Kind", kind), name), params


def _given(component: Component, params: dict[str, Any]) -> Mapping[str, str]:
    """Return what a component gives; a plugin's function that fails is said to be that plugin's."""
    try:
        return component.given(params)
    except SeqloomError:
        raise
    except Exception as fault:
        label = f"{component.kind}={component.name}"
        raise PluginError(
            f"{label}: its plugin cannot tell what it gives: {type(fault).__name__}: {fault}. "
            f"Report this to the authors of {registry().owner(component.kind, component.name)}."
        ) from fault


def _check(
    taker: Component,
    params: Mapping[str, Any],
    offered: Mapping[str, str],
    giver: Component,
    roles: tuple[str, ...] | None = None,
) -> None:
    for role in roles or tuple(taker.takes):
        accepted = taker.takes[role]
        name = params.get(role) if role in params else role
        # Without a name, what is taken is a field that is named after its kind.
        names = accepted if name is None else (str(name),)
        if any(offered.get(one) in accepted for one in names):
            continue
        needs = " or ".join(WORDS.get(kind, kind) for kind in accepted)
        where = f" in the field {name!r} ({taker.kind}.{role})" if role in params and name else ""
        raise ConfigError(
            f"{taker.kind}={taker.name} needs {needs}{where}; "
            f"{giver.kind}={giver.name} gives {_listing(offered)}."
            f"{_naming(taker, role, accepted, offered)}"
        )


def _naming(
    taker: Component, role: str, accepted: tuple[str, ...], offered: Mapping[str, str]
) -> str:
    """Say which field would do if it were named."""
    named = [name for name, kind in offered.items() if kind in accepted and kind != name]
    return f" Name it: {taker.kind}.{role}={named[0]}" if named else ""


def _listing(offered: Mapping[str, str]) -> str:
    if not offered:
        return "nothing"
    return ", ".join(f"{name} ({WORDS.get(kind, kind)})" for name, kind in offered.items())
