"""``seqloom sweep``: resume, list, show and compare sweeps."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from seqloom.errors import ConfigError, did_you_mean

SUBCOMMANDS = {
    "resume": ("Finish what a sweep lacks, and retry what failed.", "seqloom.cli.resume:resume"),
    "list": ("List the sweeps below a folder.", "seqloom.cli.sweep:list_sweeps"),
    "show": ("Print a sweep's leaderboard, or write it as a page.", "seqloom.cli.sweep:show"),
    "diff": ("Tell what differs between two sweeps or two runs.", "seqloom.cli.sweep:diff"),
    "index": ("Make a sweep's index.json anew.", "seqloom.cli.sweep:index"),
}
"""The subcommands of ``sweep``: what each is for, and where it is."""

HELP = """\
usage: seqloom sweep COMMAND [ARGUMENTS]

Resume, list, show and compare sweeps. seqloom train -m begins one.

Commands:
{commands}

  seqloom sweep COMMAND --help tells more of a command.
"""
COLUMNS = "val, test, n, p, parameters, epochs, time, speed"


def sweep(arguments: list[str]) -> int:
    """Run a subcommand and return its exit status.

    Raises:
        ConfigError: there is no such subcommand.
        SeqloomError: it fails.
    """
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        lines = [f"  {name:<8} {text}" for name, (text, _) in SUBCOMMANDS.items()]
        print(HELP.format(commands="\n".join(lines)), end="")
        return 0
    name = arguments[0]
    if name not in SUBCOMMANDS:
        raise ConfigError(f"There is no command 'sweep {name}'. {did_you_mean(name, SUBCOMMANDS)}")
    module, _, function = SUBCOMMANDS[name][1].partition(":")
    command: Callable[[list[str]], int] = getattr(import_module(module), function)
    return command(arguments[1:])


def show(arguments: list[str]) -> int:
    """Print a sweep's leaderboard, or write a page of it."""
    options = _show_parser().parse_args(arguments)
    keys = [key for key in options.group_by.split(",") if key] if options.group_by else None
    if options.html:
        from seqloom.sweep.page import write_page

        write_page(options.html, options.folder, by=keys, metric=options.metric)
        print(f"page {options.html}")
        return 0
    from seqloom.sweep.show import show as print_board

    print_board(
        options.folder,
        options.format,
        by=keys,
        metric=options.metric,
        order=options.sort,
        most=options.top,
    )
    return 0


def _show_parser() -> argparse.ArgumentParser:
    parser = _parser(
        "show",
        "Print a sweep's leaderboard: a row for each point, its seeds being repetitions. A mean "
        "stands with its standard error. p is that of a paired t-test of the best row against "
        "each other one over the seeds that both have, corrected for their number by Holm; in its "
        'place stands "ahead" where that row is the better one, and "constant" where it is behind '
        "by the same on every seed. "
        "units/s are tokens or pixels a second in training.",
        "Example: seqloom sweep show runs/mine --group-by encoder --format markdown",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the sweep's")
    parser.add_argument(
        "--format",
        choices=("table", "markdown", "csv", "json"),
        default="table",
        help="csv and json hold the numbers unrounded (default: table)",
    )
    parser.add_argument(
        "--group-by", metavar="KEY[,KEY…]", help="a row for each value of these; the rest is pooled"
    )
    parser.add_argument("--metric", metavar="NAME", help="another than the monitored one")
    parser.add_argument(
        "--sort", metavar="COLUMN", help=f"{COLUMNS}, or a key (default: val, the best first)"
    )
    parser.add_argument("--top", type=int, metavar="N", help="so many rows at most")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write one page with the curves of all trials"
    )
    return parser


def list_sweeps(arguments: list[str]) -> int:
    """Print a line for each sweep that is found."""
    from seqloom.sweep.listing import found_below, table

    parser = _parser("list", "List the sweeps below some folders, a line each.")
    parser.add_argument("roots", type=Path, nargs="*", metavar="ROOT", help="(default: runs)")
    roots = parser.parse_args(arguments).roots or [Path("runs")]
    sweeps = found_below(roots)
    print(table(sweeps) if sweeps else f"No sweep is below {', '.join(map(str, roots))}.")
    return 0


def diff(arguments: list[str]) -> int:
    """Print what differs between two sweeps or two runs."""
    from seqloom.sweep.diff import diff as differing

    parser = _parser(
        "diff",
        "Tell what differs: of two sweeps the points and their means; of two runs the config, "
        "the metrics and the versions.",
        "Example: seqloom sweep diff runs/mine/0 runs/mine/1",
    )
    parser.add_argument("first", type=Path, metavar="A", help="the folder of a sweep or a run")
    parser.add_argument("second", type=Path, metavar="B", help="another of the same kind")
    parser.add_argument(
        "--metric", metavar="NAME", help="of sweeps: another than the monitored one"
    )
    options = parser.parse_args(arguments)
    sections = differing(options.first, options.second, options.metric)
    print("\n\n".join(map(str, sections)) if sections else "Nothing differs.")
    return 0


def index(arguments: list[str]) -> int:
    """Make the index of a sweep anew."""
    from seqloom.sweep.index import write_index
    from seqloom.sweep.ledger import open_sweep

    parser = _parser("index", "Make index.json anew from the records of a sweep's trials.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the sweep's")
    folder = parser.parse_args(arguments).folder
    open_sweep(folder)
    print(f"index {write_index(folder)}")
    return 0


def _parser(name: str, description: str, epilog: str | None = None) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"seqloom sweep {name}", description=description, epilog=epilog
    )
