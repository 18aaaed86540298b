"""Check that the chosen components are compatible, before any data is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from seqloom.config.run_config import Section
from seqloom.errors import ConfigError, PluginError, SeqloomError
from seqloom.plugins import Component, Kind, registry
from seqloom.plugins.registry import choice

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


def check_compatible(components: Mapping[str, Section], trained: bool = False) -> None:
    """Check what each component takes against what the components before it provide.

    Args:
        components: Sections by kind: of data, frontend and head at least.
        trained: Whether they belong to a trained model, so that no others can be chosen.

    Raises:
        ConfigError: A component needs what the others do not provide.
    """
    data = _component(components, "data")
    frontend = _component(components, "frontend")
    fields = _given(*data)
    head, params = _component(components, "head")
    between = str if trained else partial(_between, fields, head)
    _check(*frontend, offered=fields, giver=data[0], instead=between)
    steps = _given(*frontend)
    for role in head.takes:
        if role in steps:
            _check(head, params, steps, frontend[0], roles=(role,), instead=between)
        else:
            _check(head, params, fields, data[0], roles=(role,))


def _component(components: Mapping[str, Section], kind: Kind) -> tuple[Component, dict[str, Any]]:
    name, params = choice(components[kind])
    return registry().find(kind, name), params


def _given(component: Component, params: dict[str, Any]) -> Mapping[str, str]:
    """Return what a component gives; a plugin's function that fails is said to be that plugin's."""
    try:
        return component.given(params)
    except SeqloomError:
        raise
    except Exception as error:
        label = f"{component.kind}={component.name}"
        raise PluginError(
            f"{label}: its plugin cannot tell what it gives: {type(error).__name__}: {error}. "
            f"Report this to the authors of {registry().owner(component.kind, component.name)}."
        ) from error


def _check(
    taker: Component,
    params: Mapping[str, Any],
    offered: Mapping[str, str],
    giver: Component,
    *,
    roles: tuple[str, ...] | None = None,
    instead: Callable[[], str] = str,
) -> None:
    """Check that one of the kinds that are taken is offered for each role.

    Args:
        taker: the part that takes.
        params: of it.
        offered: kinds by name.
        giver: the part that offers them.
        roles: to check; None: all.
        instead: says what to choose in place of a part that was not told by name what to take.

    Raises:
        ConfigError: one is not.
    """
    for role in roles or tuple(taker.takes):
        accepted = taker.takes[role]
        name = params.get(role) if role in params else role
        # Without a name, what is taken is a field that is named after its kind.
        names = accepted if name is None else (str(name),)
        if any(offered.get(one) in accepted for one in names):
            continue
        needs = " or ".join(WORDS.get(kind, kind) for kind in accepted)
        where = f" in the field {name!r} ({taker.kind}.{role})" if role in params and name else ""
        hint = _naming(taker, role, accepted, offered)
        if not hint and params.get(role) == taker.defaults().get(role):
            hint = instead()
        raise ConfigError(
            f"{taker.kind}={taker.name} needs {needs}{where}; "
            f"{giver.kind}={giver.name} gives {_listing(offered)}.{hint}"
        )


def _naming(
    taker: Component, role: str, accepted: tuple[str, ...], offered: Mapping[str, str]
) -> str:
    """Say which field would do if it were named."""
    named = [name for name, kind in offered.items() if kind in accepted and kind != name]
    return f" Name it: {taker.kind}.{role}={named[0]}" if named else ""


def _between(fields: Mapping[str, str], head: Component) -> str:
    """Say which frontends take what the data give, and give what the head takes."""
    parts = [registry().find("frontend", name) for name in registry().names("frontend")]
    fitting = [f"frontend={one.name}" for one in parts if _joins(one, fields, head)]
    return f" Choose {' or '.join(fitting)}." if fitting else ""


def _joins(frontend: Component, fields: Mapping[str, str], head: Component) -> bool:
    try:
        steps = _given(frontend, frontend.defaults())
    except SeqloomError:  # of a plugin that is not in use
        return False
    taken = all(set(kinds) & set(fields.values()) for kinds in frontend.takes.values())
    return taken and all(kind in head.takes.get(role, (kind,)) for role, kind in steps.items())


def _listing(offered: Mapping[str, str]) -> str:
    if not offered:
        return "nothing"
    return ", ".join(f"{name} ({WORDS.get(kind, kind)})" for name, kind in offered.items())
