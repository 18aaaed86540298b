"""Completion of overrides by TAB, on top of Hydra's own.

Hydra's script calls ``seqloom -sc query=bash`` with the line so far in ``COMP_LINE``, the
subcommand included, and takes that for an override: it is removed before Hydra sees the line.
"""

from __future__ import annotations

import os
import sys

from seqloom.cli.main import COMMANDS

SHELLS = ("bash", "fish")


def completion(arguments: list[str]) -> int:
    """Print the script that a shell installs, or answer a query of that script."""
    word = arguments[0] if arguments else "bash"
    if word in SHELLS:
        return _hydra(f"install={word}")
    if word.startswith("query="):
        return _query(word)
    return _hydra(word)


def _query(word: str) -> int:
    line = os.environ.get("COMP_LINE", "")
    program, _, rest = line.partition(" ")
    command, space, overrides = rest.lstrip().partition(" ")
    if not space:
        print("\n".join(name for name in COMMANDS if name.startswith(command)))
        return 0
    if command != "train":
        return 0
    shortened = f"{program} {overrides}"
    os.environ["COMP_LINE"] = shortened
    point = int(os.environ.get("COMP_POINT") or len(line))
    os.environ["COMP_POINT"] = str(point - (len(line) - len(shortened)))
    return _hydra(word)


def _hydra(word: str) -> int:
    from seqloom.cli.train import hydra_main

    # Hydra takes the program's name for its script from here.
    sys.argv = ["seqloom", "--shell-completion", word]
    hydra_main()
    return 0
