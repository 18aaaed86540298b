"""``seqloom cache``: what is in the cache of encoded data, and how to make room."""

from __future__ import annotations

import argparse
import json
import re
import time
from datetime import datetime
from pathlib import Path

from seqloom.cli.options import HelpFormatter
from seqloom.cli.subcommands import run_subcommand
from seqloom.data.cache import Cache, Entry, cache_root, home_of
from seqloom.errors import ConfigError, RunError, printable

SUBCOMMANDS = {
    "list": ("List the entries, with what they were made from.", "seqloom.cli.cache:listed"),
    "clear": ("Remove entries by name, age or size.", "seqloom.cli.cache:clear"),
}
"""The subcommands of ``cache``: description and target of each."""

SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
SPANS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
SHOWN = 10
"""Number of digits of a key that are shown."""


def cache(arguments: list[str]) -> int:
    """Run a subcommand and return its exit status."""
    description = "Manage the cache of encoded data, which runs, sweep trials and processes share."
    return run_subcommand("cache", description, SUBCOMMANDS, arguments)


def listed(arguments: list[str]) -> int:
    """List the entries, those first that were used last."""
    parser = _parser("list", "List the entries of the cache: when each was last used, its size, "
                     "its examples and the data files that it was made from.")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    store = _cache(options.folder)
    entries = store.entries()
    if options.json:
        print(json.dumps([_facts(one) for one in entries], indent=2))
        return 0
    for one in entries:
        print(_line(one))
    total = sum(one.size for one in entries)
    count = f"{len(entries)} entr{'y' if len(entries) == 1 else 'ies'}"
    print(f"{store.folder}: {count}, {_size(total)}" if entries else f"{store.folder}: empty")
    return 0


def clear(arguments: list[str]) -> int:
    """Remove the entries that the options select.

    Raises:
        ConfigError: Nothing says which, or an option has no size or age.
        RunError: An entry cannot be removed.
    """
    parser = _parser("clear", "Remove entries of the cache. A run that is using an entry is not "
                     "affected; the next run encodes its data again.")  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help="start of a key, as 'list' "
                        "shows it, or a data file")  # fmt: skip
    parser.add_argument(
        "--older", metavar="AGE", help="entries that have not been used for this long: 12h, 30d, 4w"
    )
    parser.add_argument("--keep", metavar="SIZE", help="least recently used entries, until the "
                        "rest take at most this much: 500MB, 20GB")  # fmt: skip
    parser.add_argument("--all", action="store_true", help="all of them")
    options = parser.parse_args(arguments)
    store = _cache(options.folder)
    if "" in options.names or not (options.names or options.older or options.keep or options.all):
        raise ConfigError(
            "Which entries? Name them as 'seqloom cache list' shows them, or pass --older AGE, "
            "--keep SIZE or --all."
        )
    entries = store.entries()
    chosen = entries
    if options.names:
        chosen = [one for one in chosen if any(_is_named(one, name) for name in options.names)]
    if options.older:
        latest = time.time() - _amount("--older", options.older, SPANS)
        chosen = [one for one in chosen if one.used <= latest]
    if options.keep:
        chosen = _beyond(chosen, _amount("--keep", options.keep, SIZES))
    for one in chosen:
        print(_line(one))
        if not store.remove(one.key):
            raise RunError(f"{store.folder / one.key} cannot be removed: check its permissions.")
    total = sum(one.size for one in chosen)
    print(f"Removed {len(chosen)} of {len(entries)}: {_size(total)}")
    return 0


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        formatter_class=HelpFormatter, prog=f"seqloom cache {name}", description=description
    )
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help="the cache folder, as in "
                        "cache=FOLDER (default: $SEQLOOM_CACHE or the user's cache)")  # fmt: skip
    return parser


def _cache(folder: Path | None) -> Cache:
    root = cache_root() if folder is None else home_of(folder, "--folder")
    return Cache(root.absolute() / "encoded")


def _beyond(entries: list[Entry], most: float) -> list[Entry]:
    """Return the entries after those, used last, that take no more than ``most`` bytes."""
    total, found = 0, []
    for one in entries:
        total += one.size
        if total > most:
            found.append(one)
    return found


def _is_named(entry: Entry, name: str) -> bool:
    paths = {*entry.files, *(str(Path(one).absolute()) for one in entry.files)}
    return entry.key.startswith(name) or name in paths or str(Path(name).absolute()) in paths


def _amount(option: str, text: str, units: dict[str, int]) -> float:
    """Return a number with its unit.

    Raises:
        ConfigError: It is something else.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]+)", text)
    unit = found and next((one for one in units if one.lower() == found[2].lower()), None)
    if not found or not unit:
        raise ConfigError(
            f"{option} {text}: expected a number and one of {', '.join(units)}, such as 30"
            f"{[*units][2]}."
        )
    return float(found[1]) * units[unit]


def _line(entry: Entry) -> str:
    used = _time(entry.used)
    examples = entry.facts.get("examples") or {}
    counts = ", ".join(f"{name} {count:,}" for name, count in examples.items())
    parts = [f"{entry.facts.get(name, '?')}" for name in ("data", "frontend", "head")]
    files = " ".join(entry.files) or "damaged"
    return printable(
        f"{entry.key[:SHOWN]}  {used}  {_size(entry.size):>8}  {'/'.join(parts)}  {counts}  {files}"
    )


def _time(seconds: float) -> str:
    """Return a time in seconds since 1970; a damaged file system may tell one of no calendar."""
    try:
        return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "unknown time"


def _facts(entry: Entry) -> dict[str, object]:
    facts = {name: one for name, one in entry.facts.items() if name != "sha256"}
    return {"key": entry.key, "bytes": entry.size, "used": entry.used, **facts}


def _size(count: float) -> str:
    for unit, size in reversed(SIZES.items()):
        if count >= 0.9995 * size:  # 999.9 MB are 1 GB, in three digits
            return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count:.0f} B"
    return f"{count:.0f} B"
