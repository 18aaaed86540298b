"""Options that are YAML files, with their keys: the comment of a key is its text."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import takewhile
from types import GenericAlias
from typing import Any

import yaml

from seqloom.cli.reference.key import Key, make_key, shown
from seqloom.cli.reference.option import Option, component_option
from seqloom.plugins import KINDS, registry
from seqloom.plugins.texts import Text

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The fast one, where PyYAML has it."""

_COMMENT = re.compile(r"\s*:?\s*#\s*(.*)$")
_SCHEMA = re.compile(r"/schema/(\w+)/(\w+)@_here_")


@dataclass(frozen=True)
class Preset:
    """Where a YAML file is.

    Attributes:
        package: Package of configs that has it.
        provider: Distribution that provides it.
        group: Group of the config.
        name: Name of the option.
    """

    package: str
    provider: str
    group: str
    name: str


def preset_option(preset: Preset, others: tuple[Preset, ...]) -> Option:
    """Return the option of a YAML file, with the keys of those that it extends.

    Args:
        preset: The file.
        others: All files; it may extend some.
    """
    said, found, defaults, target = _parsed(preset)
    base, inherited = _base(defaults, preset, others)
    return Option(
        group=preset.group,
        name=preset.name,
        text=said.text,
        keys=_merged(inherited, found),
        since=said.since,
        provider=preset.provider,
        target=target or (base.target if base else ""),
        extra=base.extra if base else "",
        base=base.label if base else "",
    )


@functools.cache
def _parsed(preset: Preset) -> tuple[Text, dict[str, Key], list[Any], str]:
    """Return what a file says of itself, its own keys, its defaults and its target."""
    text = (files(preset.package) / preset.group / f"{preset.name}.yaml").read_text("utf-8")
    lines = text.splitlines()
    root = yaml.compose(text, Loader=LOADER)
    everywhere = lines[:1] == ["# @package _global_"]
    prefix = "" if everywhere else f"{preset.group.replace('/', '.')}."
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    found = {key.path: key for key in _keys(prefix, pairs, lines)}
    plain = yaml.load(text, LOADER) or {}  # a safe one
    target = str(plain.get("_target_", ""))
    return Text.parse(_head(lines)), found, plain.get("defaults") or [], target


def _base(
    defaults: list[Any], preset: Preset, others: tuple[Preset, ...]
) -> tuple[Option | None, tuple[Key, ...]]:
    """Return the option that a file extends, if it extends one, with its keys."""
    for one in defaults:
        schema = _SCHEMA.fullmatch(one) if isinstance(one, str) else None
        if schema and schema[1] in KINDS and schema[2] in registry().names(schema[1]):
            component, plugin = registry().entry(schema[1], schema[2])
            option = component_option(component, plugin.distribution)
            return option, option.keys
        for other in others:
            if (other.group, other.name) == (preset.group, one) and other != preset:
                option = preset_option(other, others)
                return option, option.keys
    return None, ()


def _merged(inherited: tuple[Key, ...], own: dict[str, Key]) -> tuple[Key, ...]:
    """Return inherited keys with the values of a file, and its other keys after them."""
    kept = [
        replace(key, default=own[key.path].default, text=own[key.path].text or key.text)
        if key.path in own
        else replace(key, default=_entries(key, own) or key.default)
        for key in inherited
    ]
    known = {key.path for key in inherited}
    return (*kept, *(key for path, key in own.items() if not _within(path, known)))


def _entries(key: Key, own: dict[str, Key]) -> str:
    """Return the entries that a file gives a key that holds keys; empty if it gives none."""
    prefix = f"{key.path}."
    found = [path.removeprefix(prefix) for path in own if path.startswith(prefix)]
    return f"{{{', '.join(f'{name}: …' for name in found)}}}" if found and key.default else ""


def _within(path: str, known: set[str]) -> bool:
    """Return whether a path is one of the known keys, or an entry of one."""
    parts = path.split(".")
    return any(".".join(parts[:end]) in known for end in range(1, len(parts) + 1))


def _keys(prefix: str, pairs: list[Any], lines: list[str]) -> Iterator[Key]:
    for name, value in pairs:
        if name.value.startswith("_") or (name.value == "defaults" and not name.start_mark.column):
            continue
        path = f"{prefix}{name.value}"
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            yield from _keys(f"{path}.", value.value, lines)
        else:
            text = Text.parse(_comment(name, value, lines))
            text = replace(text, text=_sentence(text.text))
            plain = _plain(value)
            hint = _hint(plain, text.example)
            yield replace(make_key(path, hint, plain, text), default=shown(plain))


def _sentence(said: str) -> str:
    """Return a comment with a capital and a full stop.

    >>> _sentence("learning rate, the highest of a schedule")
    'Learning rate, the highest of a schedule.'
    """
    stop = "" if not said or said.endswith((".", "!", "?", "…")) else "."
    return f"{said[:1].upper()}{said[1:]}{stop}"


def _hint(value: Any, example: str) -> Any:
    """Return the type of a value in a file; where it is null, that of an example of another.

    >>> _hint(0.5, ""), _hint([1, 2], ""), _hint(None, "10"), _hint(None, "")
    (<class 'float'>, list[int], int | None, typing.Any)
    """
    if value is None and example:
        found = _hint(yaml.safe_load(example), "")
        return found if found is Any else found | None
    if isinstance(value, list) and value and len(set(map(type, value))) == 1:
        inner = _hint(value[0], "")
        return GenericAlias(list, (inner,)) if inner is not Any else Any
    return type(value) if isinstance(value, bool | int | float | str) else Any


def _plain(node: yaml.Node) -> Any:
    return yaml.safe_load(yaml.serialize(node))


def _comment(name: yaml.Node, value: yaml.Node, lines: list[str]) -> str:
    """Return the comment behind a value, or the lines of comments above its key."""
    end = value.end_mark  # of a list or a text in lines of its own: where the next key begins
    behind = _COMMENT.match(lines[end.line][end.column :]) if end.line < len(lines) else None
    if behind:
        return behind[1]
    above: list[str] = []
    for line in reversed(lines[: name.start_mark.line]):
        if not re.match(rf" {{{name.start_mark.column}}}# ", line):
            break
        above.insert(0, line.strip()[2:])
    return " ".join(above)


def _head(lines: list[str]) -> str:
    """Return the comment at the start of a file, without lines for Hydra and without examples."""
    comments = takewhile(lambda one: one.startswith("#"), lines)
    found = [one[1:].strip() for one in comments if not one.startswith(("# @package", "#   "))]
    return " ".join(found)


@functools.cache
def presets(packages: tuple[tuple[str, str], ...]) -> tuple[Preset, ...]:
    """Return the YAML files of packages, in their order.

    Args:
        packages: Each package with its distribution.
    """
    from seqloom.plugins.options import options

    found = []
    for package, provider in packages:
        for option in options(package):
            group, _, name = option.rpartition("/")
            if group:
                found.append(Preset(package, provider, group, name))
    return tuple(found)
