"""An option of a group of a config, with its keys, and the keys of schemas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Any, get_type_hints

from seqloom.cli.reference.key import Key, make_key
from seqloom.plugins import REQUIRED, Component
from seqloom.plugins.component import SETTINGS
from seqloom.plugins.texts import Text, parameter_texts, summary


@dataclass(frozen=True)
class Option:
    """An option of a group: a component, or a YAML file.

    Attributes:
        group: Group of the config: ``encoder``.
        name: Name of the option: ``bilstm``.
        text: What it is; empty if its author does not say.
        keys: Its keys.
        since: Version that brought it; empty: not said.
        provider: Distribution that provides it.
        extra: Extra of this distribution that installs what it needs.
        target: Class or function that the section's arguments are passed to, if it names one.
        base: Option that it is a preset of: ``data=conll``.
    """

    group: str
    name: str
    text: str
    keys: tuple[Key, ...]
    since: str = ""
    provider: str = ""
    extra: str = ""
    target: str = ""
    base: str = ""

    @property
    def label(self) -> str:
        """How it is chosen on the command line."""
        return f"{self.group}={self.name}"


def component_option(component: Component, provider: str) -> Option:
    """Return the option of a component.

    Args:
        component: The component.
        provider: Distribution that provides it.
    """
    said = summary(component.schema)
    own = schema_keys(component.kind, component.schema)
    settings = component.settings
    common = schema_keys(component.kind, SETTINGS[component.kind]) if settings else ()
    return Option(
        group=component.kind,
        name=component.name,
        text=said.text,
        keys=(*_no_older(own, said.since), *(key for key in common if key.name in settings)),
        since=said.since,
        provider=provider,
        extra=component.extra,
    )


def schema_keys(section: str, schema: type) -> tuple[Key, ...]:
    """Return the keys of a schema, those of the schemas in it after the key that holds them.

    Args:
        section: Where the schema is in a config; empty: at the top.
        schema: A dataclass.
    """
    return tuple(_schema_keys(f"{section}." if section else "", schema))


def _schema_keys(prefix: str, schema: type) -> Iterator[Key]:
    hints, texts = get_type_hints(schema), parameter_texts(schema)
    for one in fields(schema):
        if one.name == "_target_":
            continue
        hint: Any = hints[one.name]
        default = one.default if one.default_factory is MISSING else one.default_factory()
        default = REQUIRED if default is MISSING else default
        key = make_key(f"{prefix}{one.name}", hint, default, texts.get(one.name, Text()))
        yield key
        if isinstance(hint, type) and is_dataclass(hint):
            yield from _no_older(_schema_keys(f"{key.path}.", hint), key.since)


def _no_older(keys: Iterable[Key], since: str) -> Iterator[Key]:
    """Yield keys that are no older than what has them."""
    for key in keys:
        yield replace(key, since=max(key.since, since, key=_version))


def _version(text: str) -> list[int]:
    return [int(part) for part in text.split(".")] if text else []
