"""Run the benchmarks beside this file and print how they stand to their targets.

A part is a file with ``measure() -> list[dict]``, a dict for each comparison: its ``id``, ``what``
was compared, the ``ratio``, perhaps its ``spread`` (two quartiles), and the ``target``: a number
that the ratio must not exceed, a text ``>= 2.7`` where it must reach it, or None. A comparison that
cannot be made has the ratio None and says why in ``skipped``. Ratios are taken inside one
interleaved run, so that a busy machine slows both sides.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from _page import as_key, store
from _peers import LIBRARIES, set_up
from _timing import Settings
from seqloom.torch_variables import set_torch_variables

Row = Mapping[str, Any]
HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
HEADER = ("id", "what", "ratio", "spread", "target", "met")


def met(row: Row) -> bool | None:
    """Return whether the row meets its target; None if it has none, or was not measured.

    >>> met({"ratio": 2.5, "target": ">= 2.7"}), met({"ratio": 0.1, "target": 0.15})
    (False, True)
    """
    target = row["target"]
    if target is None or row["ratio"] is None:
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
            "" if row["ratio"] is None else f"{row['ratio']:.3f}",
            "–".join(f"{one:.3f}" for one in row.get("spread") or ()),
            _shown(row["target"]),
            f"skipped: {row['skipped']}" if row.get("skipped") else answers[met(row)],
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
    ids = set(names) - {path.stem for path in found}
    return [path for path in found if not names or path.stem in names or _mentions(path, ids)]


def _mentions(path: Path, ids: Iterable[str]) -> bool:
    text = path.read_text(encoding="utf-8")
    return any(re.search(rf"\b{re.escape(one)}\b", text) for one in ids)


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


def main(arguments: Sequence[str] | None = None, folder: Path = HERE, docs: Path = DOCS) -> int:
    """Run the parts, print the table and return 0 only if every target is met."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure against targets.")
    parser.add_argument("names", nargs="*", metavar="ID|PART", help="all, if none is given")
    parser.add_argument("--quick", action="store_true", help="a sixth of the rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--store", action="store_true", help="update docs/bench.json and speed.md")
    names = sorted({library.name for library in LIBRARIES})
    parser.add_argument("--setup", choices=names, help="install a library to compare with")
    chosen = parser.parse_args(arguments)
    set_torch_variables()  # as the commands do
    if chosen.setup:
        set_up(chosen.setup, folder.parents[1] / ".bench")
        return 0
    if not parts(folder, chosen.names):
        known = ", ".join(path.stem for path in parts(folder, []))
        parser.error(f"no benchmark has {' or '.join(chosen.names)}; there are the parts {known}.")
    Settings.quick = chosen.quick
    rows, broken = run(folder, chosen.names)
    rows.sort(key=as_key)
    print(table(rows))
    rows = [row | {"met": met(row)} for row in rows]
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    if chosen.store:
        store(rows, docs, quick=chosen.quick)
    missed = [row["id"] for row in rows if row["met"] is False]
    for problem, ids in (("missed", missed), ("broken", broken)):
        if ids:
            print(f"{problem}: {', '.join(ids)}", file=sys.stderr)
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
