"""A command that has subcommands: find the one that is meant, and import only that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from seqloom.errors import Cause, ConfigError, did_you_mean

Subcommands = Mapping[str, tuple[str, str]]
"""Description and target, ``MODULE:FUNCTION``, of each subcommand."""

HELP = """\
usage: seqloom {group} COMMAND [ARGUMENTS]

{description}

Commands:
{commands}

  seqloom {group} COMMAND --help explains a command.
"""


def run_subcommand(
    group: str, description: str, subcommands: Subcommands, arguments: list[str]
) -> int:
    """Run a subcommand and return its exit status; without one, or with ``--help``, print the help.

    Args:
        group: Name of the command.
        description: Sentences for the help.
        subcommands: Its subcommands.
        arguments: Arguments of the command.

    Raises:
        ConfigError: There is no such subcommand.
        SeqloomError: The subcommand fails.
    """
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        lines = [f"  {name:<8} {text}" for name, (text, _) in subcommands.items()]
        commands = "\n".join(lines)
        print(HELP.format(group=group, description=description, commands=commands), end="")
        return 0
    name = arguments[0]
    if name not in subcommands:
        known = did_you_mean(name, subcommands)
        raise ConfigError(
            f"There is no command '{group} {name}'. {known}", cause=Cause.no_component
        )
    module, _, function = subcommands[name][1].partition(":")
    command: Callable[[list[str]], int] = getattr(import_module(module), function)
    return command(arguments[1:])
