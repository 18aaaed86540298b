"""What was measured, in ``docs/bench.json``, and the table of it in ``docs/speed.md``."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _plot import plot

Row = Mapping[str, Any]
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
TARGETS = tuple(f"P{number}" for number in range(1, 16))
"""Targets, each of which has a row, measured or not."""


def as_key(row: Row) -> list[Any]:
    """Return the place of a row: by the letters and numbers of its id.

    >>> [one["id"] for one in sorted([{"id": "P12"}, {"id": "P9-a"}, {"id": "x"}], key=as_key)]
    ['P9-a', 'P12', 'x']
    """
    found = re.findall(r"\d+|\D+", row["id"])
    return [(1, int(one), "") if one.isdigit() else (0, 0, one) for one in found]


def store(rows: Sequence[Row], docs: Path, *, quick: bool) -> None:
    """Replace these rows in the stored ones, and write the table and the plot again."""
    file, page = docs / "bench.json", docs / "speed.md"
    stored = json.loads(file.read_text("utf-8")) if file.exists() else {"machines": [], "rows": []}
    stored = merged(stored, rows, machine() + (", few rounds" if quick else ""))
    file.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", "utf-8")
    curves = [row for row in stored["rows"] if row.get("points")]
    if curves:
        (docs / "sizes.svg").write_text(plot(curves), "utf-8")
    page.write_text(written(page.read_text("utf-8"), stored), "utf-8")


def merged(stored: Mapping[str, Any], rows: Sequence[Row], where: str) -> dict[str, Any]:
    """Return stored rows with those that were measured now; a skipped row replaces no measured one.

    Args:
        stored: ``machines``, and ``rows`` with the number of their ``machine``.
        rows: Rows of now.
        where: Machine and versions of now.
    """
    known = {
        row["id"]: {**row, "machine": stored["machines"][row["machine"]]} for row in stored["rows"]
    }
    for row in rows:
        if row["ratio"] is not None or known.get(row["id"], row)["ratio"] is None:
            known[row["id"]] = {**row, "machine": where}
    ordered = sorted(known.values(), key=as_key)
    machines = list(dict.fromkeys(row["machine"] for row in ordered))
    numbered = [{**row, "machine": machines.index(row["machine"])} for row in ordered]
    return {"machines": machines, "rows": numbered}


def written(page: str, stored: Mapping[str, Any]) -> str:
    """Return a page with the table between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{block(stored)}\n{END}{after}"


def block(stored: Mapping[str, Any]) -> str:
    """Return the table, the machines, and what was not measured."""
    lines = [
        "| id | measurement | ratio | spread | target | met | machine |",
        "|---|---|---|---|---|---|---|",
    ]
    answers = {True: "yes", False: "**short**", None: ""}
    rows = stored["rows"]
    for row in rows:
        if row["ratio"] is not None:
            spread = "–".join(f"{one:.3g}" for one in row.get("spread") or ())
            cells = [row["id"], row["what"], f"{row['ratio']:.3g}", spread, _target(row["target"])]
            lines.append(
                f"| {' | '.join([*cells, answers[row['met']], str(row['machine'] + 1)])} |"
            )
    lines += ["", "Measured on:", ""]
    lines += [f"{number}. {one}" for number, one in enumerate(stored["machines"], 1)]
    missing = [f"- {row['id']}: {row['skipped']}" for row in rows if row["ratio"] is None]
    covered = {row["id"].partition("-")[0] for row in rows}
    missing += [f"- {one}: not measured yet" for one in TARGETS if one not in covered]
    if missing:
        lines += ["", "Not measured:", "", *missing]
    if any(row.get("points") for row in rows):
        lines += ["", "![Time over size, both by powers of ten](sizes.svg)"]
    return "\n".join(lines)


def _target(target: float | str | None) -> str:
    if target is None:
        return ""
    return f"≤ {target:g}" if isinstance(target, int | float) else target.replace(">=", "≥")


def machine() -> str:
    """Return the day, the processor and the versions."""
    name, flags = platform.machine(), ""
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        text = cpu.read_text("utf-8")
        facts = dict(re.findall(r"^(model name|flags)\s*: (.*)$", text, re.MULTILINE))
        name = facts.get("model name", name)
        known = {"avx2": "AVX2", "avx512f": "AVX-512", "amx_tile": "AMX"}
        flags = ", ".join(known[one] for one in known if one in facts.get("flags", "").split())
    packages = ", ".join(f"{one} {version(one)}" for one in ("torch", "pytorch-lightning"))
    cores = f"{os.cpu_count()} cores of {name}" + (f" ({flags})" if flags else "")
    day = datetime.datetime.now(tz=datetime.UTC).date()
    return f"{day}, {cores}, Python {platform.python_version()}, {packages}"
