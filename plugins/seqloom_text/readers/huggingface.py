"""Names of classes that are numbers, from the schema of files that Hugging Face's datasets wrote.

The schema of such a Parquet or Arrow file has JSON under ``huggingface``, in which
``info.features`` describes each column; a class has ``names`` there, the first for 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqloom.files import JsonError, parse_json


def class_features(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    """Return the description of each column that holds numbers of classes."""
    try:
        found = parse_json((metadata or {}).get(b"huggingface", b"null").decode("utf-8"))
        features = found["info"]["features"]
    except (JsonError, UnicodeError, KeyError, TypeError):  # written by something else
        return {}
    if not isinstance(features, dict):
        return {}
    return {column: one for column, one in features.items() if _has_names(one)}


def with_names(value: Any, feature: Any) -> Any:
    """Return a value with names in the place of numbers, at any depth.

    Args:
        value: Value of a cell.
        feature: Description of its column, or of a part of it.

    Raises:
        ValueError: A number has no name.
    """
    if names := _names(feature):
        if isinstance(value, list):  # a list of objects is stored as an object of lists
            return [with_names(one, feature) for one in value]
        return _name(value, names)
    inner = feature.get("feature", feature) if isinstance(feature, dict) else feature
    if isinstance(inner, list) and len(inner) == 1:
        inner = inner[0]
    if isinstance(value, list):
        return [with_names(one, inner) for one in value]
    if isinstance(value, dict) and isinstance(inner, dict):
        return {key: with_names(one, inner.get(key)) for key, one in value.items()}
    return value


def _names(feature: Any) -> list[str]:
    names = feature.get("names") if isinstance(feature, dict) else None
    of_class = isinstance(names, list) and feature.get("_type") == "ClassLabel"
    return names if of_class and names and all(isinstance(n, str) for n in names) else []


def _has_names(feature: Any) -> bool:
    if isinstance(feature, list):
        return any(map(_has_names, feature))
    return bool(_names(feature)) or (
        isinstance(feature, dict) and any(map(_has_names, feature.values()))
    )


def _name(value: Any, names: list[str]) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if not 0 <= value < len(names):
        raise ValueError(
            f"the number {value} is not one of 0 to {len(names) - 1}, of which the file has the "
            "names."
        )
    return names[value]
