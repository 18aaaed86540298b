"""``seqloom new``: write a package to begin with."""

from __future__ import annotations

import argparse
from pathlib import Path
from shlex import quote
from typing import cast

from seqloom.cli.plugin_names import PluginNames, choose_names
from seqloom.errors import ConfigError, did_you_mean
from seqloom.plugins import KINDS, Kind

HELP = """\
usage: seqloom new plugin NAME [ARGUMENTS]

Write a package to begin with.

Commands:
  plugin   Write a plugin: a package with components, tests and CI of its own.

  seqloom new plugin --help tells more.
"""
MADE = {
    "data": "a reader of a file format",
    "frontend": "a frontend that reads tokens",
    "encoder": "an encoder that can also go step by step",
    "head": "a head that gives each token a tag",
}
"""What the template has for each kind."""


def new(arguments: list[str]) -> int:
    """Write a package and return the exit status.

    Raises:
        ConfigError: there is no such thing to write, a name is not fit, or something is in the way.
        PluginError: an installed plugin has the name already.
    """
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(HELP, end="")
        return 0
    if arguments[0] != "plugin":
        hint = did_you_mean(arguments[0], ["plugin"])
        raise ConfigError(f"There is no command 'new {arguments[0]}'. {hint}")
    return _plugin(arguments[1:])


def _plugin(arguments: list[str]) -> int:
    """Write a plugin, and tell what to do next."""
    options = _parser().parse_args(arguments)
    wanted = {kind: getattr(options, kind) for kind in KINDS if getattr(options, kind) is not None}
    names = choose_names(options.name, cast("dict[Kind, str]", wanted) or {"encoder": ""})
    folder = options.out or Path(names.distribution)

    from seqloom.cli.plugin_template import write_plugin

    written = write_plugin(folder, names, options.author)
    print(_told(folder, names, written))
    return 0


def _told(folder: Path, names: PluginNames, written: list[str]) -> str:
    lines = [f"Wrote {names.distribution} to {folder}:", *(f"  {path}" for path in written)]
    return "\n".join(
        [
            *lines,
            "",
            "Go on with:",
            f'  cd {quote(str(folder))} && pip install -e ".[dev]"',
            "  pytest",
            f"  seqloom train {_trial(names)}",
        ]
    )


def _trial(names: PluginNames) -> str:
    """Return what a first training takes of the new components; the data set has no file yet."""
    parts = [part.choice for part in names.parts if part.kind != "data"]
    return " ".join(parts or [names.parts[0].choice, "data.train=FILE", "head=classification"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqloom new plugin",
        description="Write a plugin: a package with its components, a preset of each, tests that "
        "call the conformance checks, and a file for CI. Nothing that exists is overwritten.",
        epilog="Without a kind it is an encoder. A component is called as the plugin is, without "
        "'seqloom-', if it is given no name. Example: seqloom new plugin seqloom-window --encoder "
        "--head",
    )
    parser.add_argument(
        "name", metavar="NAME", help="of the distribution; 'seqloom-…' is found by those who search"
    )
    for kind in KINDS:
        parser.add_argument(
            f"--{kind}", nargs="?", const="", metavar="COMPONENT", help=f"add {MADE[kind]}"
        )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="(default: ./NAME)")
    parser.add_argument("--author", metavar="'NAME <MAIL>'", help="for pyproject.toml")
    return parser
