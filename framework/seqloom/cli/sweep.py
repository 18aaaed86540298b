"""``seqloom sweep``: resume, list, show and compare sweeps."""

from __future__ import annotations

import argparse
from pathlib import Path

from seqloom.cli.options import HelpFormatter
from seqloom.cli.subcommands import run_subcommand

SUBCOMMANDS = {
    "resume": ("Finish a sweep, and retry trials that failed.", "seqloom.cli.resume:resume"),
    "list": ("List the sweeps below a folder.", "seqloom.cli.sweep:list_sweeps"),
    "show": ("Print a sweep's leaderboard, or write an HTML page.", "seqloom.cli.sweep:show"),
    "diff": ("Show the differences between two sweeps or two runs.", "seqloom.cli.sweep:diff"),
    "index": ("Rebuild a sweep's index.json.", "seqloom.cli.sweep:index"),
}
"""The subcommands of ``sweep``: description and target of each."""

COLUMNS = "val, test, n, p, parameters, epochs, time, speed"


def sweep(arguments: list[str]) -> int:
    """Run a subcommand and return its exit status."""
    description = "Resume, list, show and compare sweeps. seqloom train -m starts one."
    return run_subcommand("sweep", description, SUBCOMMANDS, arguments)


def show(arguments: list[str]) -> int:
    """Print a sweep's leaderboard, or write an HTML page."""
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
        "Print a sweep's leaderboard: a row for each point, with the mean over its seeds and its "
        "standard error. p is the value of a paired t-test of the best row against each other row "
        "over their common seeds, corrected for multiple tests by Holm. It is replaced by "
        '"ahead" if that row is better than the best one there, and by "constant" if it is worse '
        "by the same amount on every seed. "
        "units/s are tokens or pixels per second in training.",
        "Example:\n  seqloom sweep show runs/mine --group-by encoder --format markdown",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the sweep")
    parser.add_argument(
        "--format",
        choices=("table", "markdown", "csv", "json"),
        default="table",
        help="csv and json have unrounded numbers (default: table)",
    )
    parser.add_argument(
        "--group-by",
        metavar="KEY[,KEY…]",
        help="a row for each value of these keys; other keys are pooled",
    )
    parser.add_argument(
        "--metric",
        metavar="NAME",
        help="metric to compare by (default: the objective of a search, or the monitored one)",
    )
    parser.add_argument(
        "--sort", metavar="COLUMN", help=f"{COLUMNS}, or a key (default: val, the best first)"
    )
    parser.add_argument("--top", type=int, metavar="N", help="show at most N rows")
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write a page with the learning curves of all trials",
    )
    return parser


def list_sweeps(arguments: list[str]) -> int:
    """Print a line for each sweep."""
    from seqloom.sweep.summary import found_below, table

    parser = _parser("list", "List the sweeps below some folders.")
    parser.add_argument("roots", type=Path, nargs="*", metavar="ROOT", help="(default: runs)")
    roots = parser.parse_args(arguments).roots or [Path("runs")]
    sweeps = found_below(roots)
    print(table(sweeps) if sweeps else f"There are no sweeps below {', '.join(map(str, roots))}.")
    return 0


def diff(arguments: list[str]) -> int:
    """Print the differences between two sweeps or two runs."""
    from seqloom.sweep.diff import diff as differing

    parser = _parser(
        "diff",
        "Show the differences: for two sweeps, the points and their means; for two runs, the "
        "config, the metrics and the versions.",
        "Example:\n  seqloom sweep diff runs/mine/0 runs/mine/1",
    )
    parser.add_argument("first", type=Path, metavar="A", help="folder of a sweep or a run")
    parser.add_argument("second", type=Path, metavar="B", help="another of the same kind")
    parser.add_argument(
        "--metric",
        metavar="NAME",
        help="for sweeps: metric to compare by (default: the monitored one)",
    )
    options = parser.parse_args(arguments)
    sections = differing(options.first, options.second, options.metric)
    print("\n\n".join(map(str, sections)) if sections else "There are no differences.")
    return 0


def index(arguments: list[str]) -> int:
    """Rebuild the index of a sweep."""
    from seqloom.sweep.summary import write_index
    from seqloom.sweep.trials import open_sweep

    parser = _parser("index", "Rebuild index.json from the records of a sweep's trials.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the sweep")
    folder = parser.parse_args(arguments).folder
    open_sweep(folder)
    print(f"index {write_index(folder)}")
    return 0


def _parser(name: str, description: str, epilog: str | None = None) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"seqloom sweep {name}",
        description=description,
        epilog=epilog,
        formatter_class=HelpFormatter,
    )
