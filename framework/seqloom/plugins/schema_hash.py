"""A hash of a component's parameters that does not depend on how their types are spelled."""

from __future__ import annotations

import hashlib
import json
import types
import typing
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum, EnumType
from typing import Any

from seqloom.plugins.component import REQUIRED, Component


def schema_hash(component: Component) -> str:
    """Return a short hash of a component's parameters, their types and defaults."""
    text = json.dumps(_schema(component.schema), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _schema(schema: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(schema)
    return {one.name: [_type(hints[one.name]), _plain(_default(one))] for one in fields(schema)}


def _type(hint: Any) -> Any:
    """Return a type in a normal form: ``Optional[int]`` equals ``int | None``."""
    if isinstance(hint, EnumType):
        return ["enum", *hint.__members__]
    if isinstance(hint, type) and is_dataclass(hint):
        return _schema(hint)
    origin, inner = typing.get_origin(hint), [_type(one) for one in typing.get_args(hint)]
    if origin in (typing.Union, types.UnionType):
        return ["union", *sorted(inner, key=json.dumps)]
    if origin is not None:
        return [_type(origin), *inner]
    return getattr(hint, "__name__", str(hint))


def _default(parameter: Field[Any]) -> Any:
    if parameter.default_factory is not MISSING:
        return parameter.default_factory()
    return REQUIRED if parameter.default is MISSING else parameter.default


def _plain(value: Any) -> Any:
    """Return a default as plain data for JSON."""
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | None) else str(value)
