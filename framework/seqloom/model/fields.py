"""What the components of a config say about the fields of examples."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from seqloom.data.content import ContentFields
from seqloom.data.references import with_all_references
from seqloom.data.spool import Spool
from seqloom.data.take import take
from seqloom.errors import plural
from seqloom.interfaces import Example
from seqloom.plugins import registry
from seqloom.plugins.registry import name_and_params

log = logging.getLogger("seqloom")


def selected(
    data: Mapping[str, Any], split: str, examples: list[Example] | Spool
) -> list[Example] | Spool:
    """Return a split's examples as the settings of every ``data`` section say.

    Those of ``train`` may be reduced to a part (``take``), and those of the other splits that
    differ only in their references become one (``group_references``).

    Args:
        data: Section of the data component.
        split: Name of the split.
        examples: All examples of the split.
    """
    name, params = name_and_params(data)
    component = registry().find("data", name)
    settings = {key: params.get(key, value) for key, value in component.settings.items()}
    kinds = component.given(params)
    if split == "train":
        return _taken(settings.get("take"), kinds, examples)
    fields = [name for name, kind in kinds.items() if kind == "texts"]
    if len(fields) != 1 or not settings.get("group_references"):
        return examples
    others = tuple(name for name in kinds if name not in fields)
    return with_all_references(examples, fields[0], others)


def _taken(
    count: int | None, kinds: Mapping[str, str], examples: list[Example] | Spool
) -> list[Example] | Spool:
    """Return a number of examples, in proportion to the classes if there are any."""
    if count is None:
        return examples
    if count > len(examples):
        only = f"{len(examples)} {plural(len(examples), 'example')}"
        log.warning("data.take=%d: train has only %s.", count, only)
    field = next((name for name, kind in kinds.items() if kind == "label"), None)
    return take(examples, count, field)


def kinds_of(data: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the kind of each field that a data component provides."""
    name, params = name_and_params(data)
    return registry().find("data", name).given(params)


def content_fields(data: Mapping[str, Any], frontend: Mapping[str, Any]) -> ContentFields:
    """Return the names of the fields that make up an example's content and its input.

    Args:
        data: Section of the data component.
        frontend: Section of the frontend.
    """
    given = kinds_of(data)
    name, params = name_and_params(frontend)
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
