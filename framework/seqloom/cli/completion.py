"""TAB completion in the shells that Hydra has a script for.

The script calls ``seqloom -sc query=bash`` with the current line in ``COMP_LINE``. Hydra would take
the subcommand in it for an override, so it is removed before Hydra reads the line.
"""

from __future__ import annotations

import os
import sys

from seqloom.cli.candidates import candidates
from seqloom.cli.commands import COMMANDS
from seqloom.errors import SeqloomError, did_you_mean
from seqloom.plugins import KINDS, registry

SHELLS = ("bash", "fish")
SECOND_WORDS = {"new": ("plugin",), "plugins": ("doctor",)}


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
    words = candidates(overrides) if command == "train" else _words(command, overrides)
    if words is not None:
        print(*words, sep="\n", end="\n" if words else "")
        return 0
    shortened = f"{program} {overrides}"
    os.environ["COMP_LINE"] = shortened
    point = int(os.environ.get("COMP_POINT") or len(line))
    os.environ["COMP_POINT"] = str(point - (len(line) - len(shortened)))
    return _hydra(word)


def _words(command: str, rest: str) -> list[str]:
    """Return the completions after a command other than train."""
    found: list[str] = []
    if command == "sweep":
        from seqloom.cli.sweep import SUBCOMMANDS

        found = list(SUBCOMMANDS)
    elif command in SECOND_WORDS:
        found = list(SECOND_WORDS[command])
    elif command == "conformance":
        rest = rest.rpartition(" ")[2]
        found = [f"{kind}={name}" for kind in KINDS for name in registry().names(kind)]
    return [word for word in found if word.startswith(rest)]


def _hydra(word: str) -> int:
    from seqloom.cli.train import hydra_main

    # Hydra reads the program's name for its script from sys.argv.
    sys.argv = ["seqloom", "--shell-completion", word]
    hydra_main(lambda composed: None)
    return 0
