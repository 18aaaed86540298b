"""What the components of a config say about the fields of examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqloom.data.content import ContentFields
from seqloom.plugins import registry
from seqloom.plugins.registry import choice


def content_fields(data: Mapping[str, Any], frontend: Mapping[str, Any]) -> ContentFields:
    """Return the names of the fields that make up an example's content and its input.

    Args:
        data: Section of the data component.
        frontend: Section of the frontend.
    """
    name, params = choice(data)
    given = registry().find("data", name).given(params)
    name, params = choice(frontend)
    inputs = []
    for role, kinds in registry().find("frontend", name).takes.items():
        named = params.get(role) if role in params else role
        inputs.append([str(named)] if named is not None else _by_kind(given, kinds))
    return ContentFields(tuple(sorted(given)), tuple(map(tuple, inputs)))


def _by_kind(given: Mapping[str, str], kinds: tuple[str, ...]) -> list[str]:
    """Return the fields of the kinds, the preferred first; one may be named after its kind."""
    return list(
        dict.fromkeys(
            name
            for kind in kinds
            for name in (*(field for field, its in given.items() if its == kind), kind)
        )
    )
