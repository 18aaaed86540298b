"""Completion of overrides by TAB, on top of Hydra's own.

Hydra's script calls ``seqloom -sc query=bash`` with the line so far in ``COMP_LINE``, the
subcommand included, and takes that for an override: it is removed before Hydra sees the line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import EnumType
from typing import get_type_hints

from seqloom.cli.commands import COMMANDS
from seqloom.config.schema import Run
from seqloom.errors import SeqloomError, did_you_mean
from seqloom.plugins import KINDS, Kind, registry

SHELLS = ("bash", "fish")


def completion(arguments: list[str]) -> int:
    """Print the script that a shell installs, or answer a query of that script.

    Raises:
        SeqloomError: it is for another shell.
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
    if command == "sweep":
        from seqloom.cli.sweep import SUBCOMMANDS

        print("\n".join(name for name in SUBCOMMANDS if name.startswith(overrides)))
        return 0
    if command != "train":
        return 0
    values = option_values(overrides)
    if values:
        print("\n".join(values))
        return 0
    shortened = f"{program} {overrides}"
    os.environ["COMP_LINE"] = shortened
    point = int(os.environ.get("COMP_POINT") or len(line))
    os.environ["COMP_POINT"] = str(point - (len(line) - len(shortened)))
    return _hydra(word)


def option_values(overrides: str) -> list[str]:
    """Return what can stand after ``encoder.merge=`` or ``on_bad=``: enum values.

    Hydra does not know those of components: they are those of the component that the line chooses;
    if it chooses none, of all its kind.
    """
    *before, last = overrides.split(" ")
    key, equals, start = last.partition("=")
    if not equals:
        return []
    kind, _, parameter = key.partition(".")
    schemas = _schemas(kind, before) if kind in KINDS else [Run]
    values: dict[str, None] = {}
    for schema in schemas:
        hint = get_type_hints(schema).get(parameter or key)
        if isinstance(hint, EnumType):
            values |= dict.fromkeys(hint.__members__)
    return [f"{key}={value}" for value in values if value.startswith(start)]


def _schemas(kind: Kind, words: Sequence[str]) -> list[type]:
    chosen = [word.removeprefix(f"{kind}=") for word in words if word.startswith(f"{kind}=")]
    known = registry().names(kind)
    return [registry().find(kind, name).schema for name in known if name in (chosen or known)]


def _hydra(word: str) -> int:
    from seqloom.cli.train import hydra_main

    # Hydra takes the program's name for its script from here.
    sys.argv = ["seqloom", "--shell-completion", word]
    hydra_main()
    return 0
