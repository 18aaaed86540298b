"""Which options of a config group have a key, for messages about one that lacks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from importlib.resources import files
from typing import Any

from seqloom.config.store import config_packages
from seqloom.plugins import KINDS, registry

PACKAGE = "seqloom_conf"


def hint_of_options(full_key: str) -> str:
    """Return a sentence on the options of its group that have a key; empty if there are none.

    Args:
        full_key: Key that the chosen option does not have: ``encoder.merge``.
    """
    group, _, key = full_key.partition(".")
    found = list(dict.fromkeys(_with_key(group, key))) if key and "." not in key else []
    return f" It is a key of {', '.join(f'{group}={name}' for name in found)}." if found else ""


def _with_key(group: str, key: str) -> Iterator[str]:
    for kind in KINDS:
        if kind == group:
            for name in registry().names(kind):
                schema = registry().find(kind, name).schema
                if key in {field.name for field in fields(schema)}:
                    yield name
            return
    for name, content in _presets(group):
        if key in content and not key.startswith("_"):
            yield name


def _presets(group: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the names and the content of a group's YAML files."""
    import yaml

    for package in (PACKAGE, *(package for _, package in config_packages())):
        folder = files(package) / group
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir(), key=lambda one: one.name):
            if path.name.endswith(".yaml"):
                try:
                    content = yaml.safe_load(path.read_text(encoding="utf-8"))
                except (yaml.YAMLError, RecursionError, ValueError):
                    continue
                if isinstance(content, dict):
                    yield path.name.removesuffix(".yaml"), content
