"""Check that the chosen components are compatible, before any data is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.resources import files
from typing import Any

import yaml

from seqloom.config.run_config import Section
from seqloom.errors import Cause, ConfigError, PluginError, SeqloomError
from seqloom.plugins import Component, Kind, registry
from seqloom.plugins.registry import name_and_params

WORDS = {
    "tokens": "a list of tokens",
    "texts": "one or more texts",
    "text": "a text",
    "tags": "one tag for each token",
    "label": "one class for each example",
    "labels": "a set of classes for each example",
    "token": "one step for each token",
    "character": "one step for each character",
    "piece": "one step for each piece of a text",
    "frame": "one step for each frame",
    "image": "an image",
    "strokes": "pen strokes",
    "features": "a series of vectors",
}


_Chosen = tuple[Component, Mapping[str, Any]]
"""A component and its parameters."""


def check_compatible(components: Mapping[str, Section], trained: bool = False) -> None:
    """Check that each component gets what it takes from the components before it.

    Args:
        components: Sections by kind, at least those of data, frontend and head.
        trained: Whether they belong to a trained model, so that no others can be chosen.

    Raises:
        ConfigError: A component needs what the others do not provide.
    """
    data = _component(components, "data")
    frontend = _component(components, "frontend")
    fields = _provided(*data)
    head, params = _component(components, "head")
    hint = str if trained else partial(_frontend_hint, fields, head)
    _check(*frontend, provided=fields, provider=data, instead=hint)
    steps = _provided(*frontend)
    for role in head.takes:
        if role in steps:
            _check(head, params, steps, frontend, roles=(role,), instead=hint)
        else:
            columns = partial(_columns_hint, data, frontend, head, role)
            other = partial(_named, columns)
            if not trained:
                other = partial(_head_hint, fields, steps, frontend[0], head, columns)
            _check(head, params, fields, data, roles=(role,), instead=other)


def _component(components: Mapping[str, Section], kind: Kind) -> tuple[Component, dict[str, Any]]:
    name, params = name_and_params(components[kind])
    return registry().find(kind, name), params


def _provided(component: Component, params: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what a component provides; an error in a plugin's function names the plugin."""
    try:
        return component.given(params)
    except SeqloomError:
        raise
    except Exception as error:
        label = f"{component.kind}={component.name}"
        raise PluginError(
            f"{label}: its plugin cannot say what it provides: {type(error).__name__}: {error}. "
            f"Report this to the authors of {registry().owner(component.kind, component.name)}.",
            cause=Cause.broken_plugin,
        ) from error


def _check(
    consumer: Component,
    params: Mapping[str, Any],
    provided: Mapping[str, str],
    provider: _Chosen,
    *,
    roles: tuple[str, ...] | None = None,
    instead: Callable[[], str] = str,
) -> None:
    """Check that one of the accepted kinds is provided for each role.

    Args:
        consumer: Component that takes fields or steps.
        params: Its parameters.
        provided: Kinds of what is provided, by name.
        provider: Component that provides it, with its parameters.
        roles: Roles to check; None: all.
        instead: Function that returns what to choose instead, if no parameter names what to take.

    Raises:
        ConfigError: A role is not provided for.
    """
    for role in roles or tuple(consumer.takes):
        accepted = consumer.takes[role]
        if _is_provided(consumer, params, role, provided):
            continue
        name = params.get(role) if role in params else role
        needs = " or ".join(WORDS.get(kind, kind) for kind in accepted)
        where = (
            f" in the field {name!r} ({consumer.kind}.{role})" if role in params and name else ""
        )
        hint = _field_hint(consumer, role, accepted, provided)
        if not hint and params.get(role) == consumer.defaults().get(role):
            hint = instead()
        hint = hint or _column_hint(provider, (str(name),) if name else accepted)
        raise ConfigError(
            f"{consumer.kind}={consumer.name} needs {needs}{where}; "
            f"{provider[0].kind}={provider[0].name} provides {_listing(provided)}.{hint}",
            cause=Cause.incompatible,
        )


def _column_hint(data: _Chosen, names: Sequence[str]) -> str:
    """Return a hint at the fields that data lack because their columns are set without them."""
    reader, params = data
    columns = params.get("columns")
    if not columns or "columns" not in reader.defaults():
        return ""
    tagged = "tags" in _provided(reader, params).values()  # by tokens, which a text does not have
    found = []
    for name in names:
        with suppress(SeqloomError):  # its kind is unknown
            given = _provided(reader, {**params, "columns": {**columns, name: "COLUMN"}})
            found += [f"data.columns.{name}=COLUMN"] * (not tagged or given[name] != "text")
    if not found:
        return ""
    return f" Where data.columns is set, it names all columns: add {' or '.join(found)}"


def _field_hint(
    consumer: Component, role: str, accepted: tuple[str, ...], provided: Mapping[str, str]
) -> str:
    """Return a hint that names a field of an accepted kind."""
    inputs = ("text", "tokens")  # what is called so is nothing to predict
    named = [name for name, kind in provided.items() if kind in accepted and name not in inputs]
    return f" Name it: {consumer.kind}.{role}={named[0]}" if named else ""


def _frontend_hint(fields: Mapping[str, str], head: Component) -> str:
    """Return a hint that names the frontends compatible with the data and the head."""
    known = [registry().find("frontend", name) for name in registry().names("frontend")]
    found = [f"frontend={one.name}" for one in known if _connects(one, fields, head)]
    return f" Choose {' or '.join(found)}." if found else ""


def _columns_hint(data: _Chosen, frontend: _Chosen, head: Component, role: str) -> str:
    """Return the setting by which data whose columns are not set could have what a head takes."""
    reader, params = data
    if "columns" not in reader.defaults() or params.get("columns"):
        return ""
    field = str(head.defaults().get(role) or role)
    inputs = [str(frontend[1].get(one) or kinds[0]) for one, kinds in frontend[0].takes.items()]
    for names in ([field], [*inputs, field]):
        try:
            given = _provided(reader, {**params, "columns": dict.fromkeys(names, "COLUMN")})
        except SeqloomError:  # the reader cannot have such fields
            continue
        reads = all(_is_provided(*frontend, one, given) for one in frontend[0].takes)
        if reads and given.get(field) in head.takes[role]:
            said = f"data.columns='{{{', '.join(f'{name}: COLUMN' for name in names)}}}'"
            if "tags" in head.takes[role] and "group_column" in reader.defaults():
                said += ", and data.group_column=COLUMN if each row is one token"
            return said
    return ""


def _named(columns: Callable[[], str]) -> str:
    """Return the sentence of a hint at columns; empty if there is none."""
    named = columns()
    return f" Name the columns of the data: {named}." if named else ""


def _head_hint(
    fields: Mapping[str, str],
    steps: Mapping[str, str],
    frontend: Component,
    head: Component,
    columns: Callable[[], str],
) -> str:
    """Return a hint that names columns or readers for the head, and heads for the data."""
    known = [registry().find("head", name) for name in registry().names("head")]
    provided = {**fields, **steps}
    found = [f"head={one.name}" for one in known if _fits(one, provided)]
    named, default = columns(), head.name == _default("head")
    if named and not (found and default):
        return _named(columns)
    if not found:
        return ""
    if not default:
        return f" Choose {' or '.join(found)}."
    taken = {kind for kinds in frontend.takes.values() for kind in kinds}
    given = {name: registry().find("data", name) for name in registry().names("data")}
    readers = [
        f"data={name}"
        for name, one in given.items()
        if one.suffixes
        and taken & set(one.given(one.defaults()).values())
        and _fits(head, {**one.given(one.defaults()), **steps})
    ]
    other = f", or read such data by {' or '.join(readers)}" if readers else ""
    other += f", or name the columns of the data: {named}" if named else ""
    return f" head={head.name} is the default. Choose {' or '.join(found)}{other}."


def _fits(head: Component, provided: Mapping[str, str]) -> bool:
    return all(_is_provided(head, head.defaults(), role, provided) for role in head.takes)


def _default(group: str) -> str | None:
    """Return the option of a group that is chosen if the user chooses none."""
    text = files("seqloom_conf").joinpath("train.yaml").read_text(encoding="utf-8")
    options = [one for one in yaml.safe_load(text)["defaults"] if isinstance(one, dict)]
    return next((str(one[group]) for one in options if group in one), None)


def _is_provided(
    consumer: Component, params: Mapping[str, Any], role: str, provided: Mapping[str, str]
) -> bool:
    """Return whether one of the accepted kinds is provided for a role."""
    accepted = consumer.takes[role]
    name = params.get(role) if role in params else role
    # Without a name, the field is named after its kind.
    names = accepted if name is None else (str(name),)
    return any(provided.get(one) in accepted for one in names)


def _connects(frontend: Component, fields: Mapping[str, str], head: Component) -> bool:
    try:
        steps = _provided(frontend, frontend.defaults())
    except SeqloomError:  # of a plugin that is not in use
        return False
    taken = all(set(kinds) & set(fields.values()) for kinds in frontend.takes.values())
    return taken and all(kind in head.takes.get(role, (kind,)) for role, kind in steps.items())


def _listing(provided: Mapping[str, str]) -> str:
    if not provided:
        return "nothing"
    return ", ".join(f"{name} ({WORDS.get(kind, kind)})" for name, kind in provided.items())
