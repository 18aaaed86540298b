"""Completion by TAB, in the shells that Hydra has a script for.

The script calls ``seqloom -sc query=bash`` with the line so far in ``COMP_LINE``. Overrides of
``train``, ``check`` and ``profile`` are completed from schemas and file names, since composing a
config, as Hydra's own completion does, takes a third of a second at each TAB. Keys that only a
composed config has (those of ``trainer``, of a preset, of ``hydra``) are left to Hydra. The
subcommand, which Hydra would take for an override, is removed from its line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum, EnumType
from typing import Any, get_type_hints

from seqloom.cli.commands import COMMANDS, COMPOSING
from seqloom.config.groups import options_by_group
from seqloom.config.schema import Batch, Budget, Run
from seqloom.errors import SeqloomError, did_you_mean
from seqloom.plugins import KINDS, REQUIRED, registry
from seqloom.plugins.loading import known_names
from seqloom.plugins.registry import DISABLE_KEY, disable, disabling_for_one_run

SHELLS = ("bash", "fish")
SECOND_WORDS = {"new": ("plugin",), "plugins": ("doctor",), "cache": ("list", "clear")}

NESTED: dict[str, type] = {"batch": Batch, "budget": Budget}
"""Sections of a run that have a schema of their own."""

SECTIONS = tuple(
    one.name for one in fields(Run) if one.name in NESTED or get_type_hints(Run)[one.name] is Any
)
"""Keys of a run that have nested keys."""

ELSEWHERE = ("+", "~", "hydra", "schema", "-", "'", '"')
"""Prefixes of words that Hydra completes."""


def completion(arguments: list[str]) -> int:
    """Print the script that a shell installs, or answer a query of that script.

    Raises:
        SeqloomError: The shell is not supported.
    """
    word = arguments[0] if arguments else "bash"
    if word in SHELLS:
        return _hydra(f"install={word}")
    if word.startswith("query="):
        return _query(word)
    raise SeqloomError(f"There is no completion for {word!r}. {did_you_mean(word, SHELLS)}")


def _query(word: str) -> int:
    line = os.environ.get("COMP_LINE", "")
    program, _, rest = line.partition(" ")
    command, space, overrides = rest.lstrip().partition(" ")
    if not space:
        names = [*COMMANDS, "completion", *registry().commands()]
        print("\n".join(name for name in names if name.startswith(command)))
        return 0
    composes = command in COMPOSING
    words = candidates(overrides) if composes else _words(command, overrides)
    if words is not None:
        print(*words, sep="\n", end="\n" if words else "")
        return 0
    shortened = f"{program} {overrides}"
    os.environ["COMP_LINE"] = shortened
    point = int(os.environ.get("COMP_POINT") or len(line))
    os.environ["COMP_POINT"] = str(point - (len(line) - len(shortened)))
    return _hydra(word)


def _words(command: str, rest: str) -> list[str]:
    """Return completions of the word after another command than train."""
    found: list[str] = []
    if command == "cluster":
        from seqloom.cli.cluster import SUBCOMMANDS as PARTS

        found = list(PARTS)
    elif command == "sweep":
        from seqloom.cli.sweep import SUBCOMMANDS

        found = list(SUBCOMMANDS)
    elif command == "explain":
        from seqloom.cli.explain import known_names

        rest = rest.rpartition(" ")[2]
        found = known_names()
    elif command in SECOND_WORDS:
        found = list(SECOND_WORDS[command])
    elif command == "conformance":
        rest = rest.rpartition(" ")[2]
        found = [f"{kind}={name}" for kind in KINDS for name in registry().names(kind)]
    return [word for word in found if word.startswith(rest)]


def _hydra(word: str) -> int:
    from seqloom.cli.train import hydra_main

    # Hydra reads the program's name for its script from here.
    sys.argv = ["seqloom", "--shell-completion", word]
    hydra_main(lambda composed: None)
    return 0


def candidates(overrides: str) -> list[str] | None:
    """Return the completions of the last word, or None if that needs a composed config.

    Args:
        overrides: The line after the subcommand.
    """
    *before, last = overrides.split(" ")
    if last.startswith(ELSEWHERE) or any(word.startswith(("--config", "-c")) for word in before):
        return None
    with disabling_for_one_run():
        names = _disabled(before)
        if names:
            disable(names)
        key, equals, start = last.partition("=")
        found = _values(key, start, before) if equals else _keys(key, before)
    return None if found is None else sorted(word for word in found if word.startswith(last))


def _disabled(before: Sequence[str]) -> list[str]:
    """Return the installed plugins that the line disables; parsing as Hydra does takes too long."""
    lists = [word.partition("=")[2] for word in before if word.startswith(f"{DISABLE_KEY}=")]
    names = [name.strip("[]'\"") for name in lists[-1].split(",")] if lists else []
    return [name for name in names if name in known_names()]


def _keys(word: str, before: Sequence[str]) -> Iterable[str] | None:
    """Return keys and groups, each with the character that follows."""
    section, dot, _ = word.rpartition(".")
    if not dot:
        leaves = [f"{one.name}=" for one in fields(Run) if one.name not in SECTIONS]
        tops = [f"{group}=" for group in options_by_group() if "/" not in group]
        return [*leaves, *tops, *(f"{name}." for name in SECTIONS), "hydra.", "hydra/"]
    schemas = _schemas(section, before)
    if schemas is None:
        return None
    parameters = [(one.name, get_type_hints(s)[one.name]) for s in schemas for one in fields(s)]
    return {f"{section}.{name}{'.' if is_dataclass(hint) else '='}" for name, hint in parameters}


def _values(key: str, start: str, before: Sequence[str]) -> Iterable[str] | None:
    """Return values of a key or options of a group, as ``key=value``."""
    options = options_by_group().get(key)
    if options is not None:
        done, comma, _ = start.rpartition(",")  # several values: a sweep
        return [f"{key}={done}{comma}{name}" for name in options if name not in done.split(",")]
    if start.startswith((".", "/", "~")):  # a path
        return None
    section, _, name = key.rpartition(".")
    schemas = _schemas(section, before) if section else [Run]
    if schemas is None:
        return None
    found = [(one, schema) for schema in schemas for one in fields(schema) if one.name == name]
    return {f"{key}={text}" for one, schema in found for text in _texts(one, schema)}


def _texts(parameter: Field[Any], schema: type) -> list[str]:
    """Return a parameter's options, or its default if it does not have options."""
    hint = get_type_hints(schema)[parameter.name]
    if isinstance(hint, EnumType):
        return list(hint.__members__)
    if hint is bool:
        return ["true", "false"]
    default = parameter.default
    plain = isinstance(default, str | int | float | Enum) and default != REQUIRED
    return [str(default)] if default is not MISSING and plain else []


def _schemas(section: str, before: Sequence[str]) -> list[type] | None:
    """Return the schemas that a section of the config may have; None if they are not known.

    The schema of the component that the line chooses, or those of all components of the kind.
    """
    head, _, rest = section.partition(".")
    if head in NESTED:
        schemas: list[type] = [NESTED[head]]
    elif head in KINDS:
        chosen = [word.partition("=")[2] for word in before if word.startswith(f"{head}=")]
        known = registry().names(head)
        names = chosen[-1].split(",") if chosen else known
        if not set(names) <= set(known):  # a preset
            return None
        schemas = [registry().find(head, name).schema for name in names]
    else:
        return None
    for name in rest.split(".") if rest else ():
        inner = [get_type_hints(schema).get(name) for schema in schemas]
        schemas = [hint for hint in inner if isinstance(hint, type) and is_dataclass(hint)]
    return schemas
