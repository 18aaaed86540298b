"""Run the benchmarks beside this file and print how they stand to their targets.

A part is a file with ``measure() -> list[dict]``, a dict for each comparison: its ``id``, ``what``
was compared, the ``ratio``, and the ``target``: a number that the ratio must not exceed, a text
``>= 2.7`` where it must reach it, or None. Ratios are taken inside one interleaved run, so that a
busy machine slows both sides.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

Row = Mapping[str, Any]
HERE = Path(__file__).parent
HEADER = ("id", "what", "ratio", "target", "met")


def met(row: Row) -> bool | None:
    """Return whether the row meets its target; None if it has none.

    >>> met({"ratio": 2.5, "target": ">= 2.7"}), met({"ratio": 0.1, "target": 0.15})
    (False, True)
    """
    target = row["target"]
    if target is None:
        return None
    sign, number = re.fullmatch(r"([<>≤≥]=?)?\s*([\d.]+)", str(target)).groups()  # type: ignore[union-attr]
    reach = bool(sign) and sign[0] in ">≥"
    return bool(row["ratio"] >= float(number) if reach else row["ratio"] <= float(number))


def table(rows: Sequence[Row]) -> str:
    """Return the rows as aligned columns."""
    answers = {True: "yes", False: "NO", None: ""}
    cells = [HEADER] + [
        (
            str(row["id"]),
            str(row["what"]),
            f"{row['ratio']:.3f}",
            _shown(row["target"]),
            answers[met(row)],
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _shown(target: float | str | None) -> str:
    if target is None:
        return ""
    return target if isinstance(target, str) else f"<= {target:g}"


def wanted(names: Sequence[str], part: str, row_id: str) -> bool:
    """Return whether a row of a part was asked for.

    >>> wanted(["P1"], "startup", "P12-help"), wanted(["P12"], "startup", "P12-help")
    (False, True)
    """
    matches = any(re.match(rf"{re.escape(name)}(?!\d)", row_id) for name in names)
    return not names or part in names or matches


def parts(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the parts that are named, or whose text mentions an id that is asked for."""
    found = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
    return [path for path in found if not names or path.stem in names or _mentions(path, names)]


def _mentions(path: Path, names: Sequence[str]) -> bool:
    text = path.read_text(encoding="utf-8")
    return any(re.search(rf"\b{re.escape(name)}\b", text) for name in names)


def load(path: Path) -> ModuleType:
    """Import a part under its own name."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def run(folder: Path, names: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows that were asked for, and the names of the parts that broke."""
    rows: list[dict[str, Any]] = []
    broken: list[str] = []
    for path in parts(folder, names):
        print(f"measuring: {path.stem}", file=sys.stderr, flush=True)
        try:
            measured = load(path).measure()
        except Exception:  # one that breaks must not hide what the others measured
            traceback.print_exc()
            broken.append(path.stem)
        else:
            rows += [row for row in measured if wanted(names, path.stem, row["id"])]
    return rows, broken


def main(arguments: Sequence[str] | None = None, folder: Path = HERE) -> int:
    """Run the parts, print the table and return 0 only if every target is met."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure against targets.")
    parser.add_argument("names", nargs="*", metavar="ID|PART", help="all, if none is given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    chosen = parser.parse_args(arguments)
    if not parts(folder, chosen.names):
        known = ", ".join(path.stem for path in parts(folder, []))
        parser.error(f"no benchmark has {' or '.join(chosen.names)}; there are the parts {known}.")
    rows, broken = run(folder, chosen.names)
    print(table(rows))
    if chosen.json:
        chosen.json.write_text(
            json.dumps([dict(row) | {"met": met(row)} for row in rows], indent=1)
        )
    missed = [row["id"] for row in rows if met(row) is False]
    for problem, names in (("missed", missed), ("broken", broken)):
        if names:
            print(f"{problem}: {', '.join(names)}", file=sys.stderr)
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
