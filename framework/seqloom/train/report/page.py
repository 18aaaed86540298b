"""Write a report as one HTML file."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.extras import install_command
from seqloom.files import atomic_file
from seqloom.train.report import tables
from seqloom.train.report.content import Report, best_row, is_number, not_finite
from seqloom.train.report.plots import figures_of

if TYPE_CHECKING:
    from jinja2 import Environment

# The only control characters in HTML are tab, line feed and carriage return.
_FORBIDDEN = {code: "�" for code in [*range(0x20), *range(0x7F, 0xA0)] if chr(code) not in "\t\n\r"}


def write_report(path: Path, report: Report) -> None:
    """Write a report as one self-contained HTML file.

    Plots are drawn by matplotlib if it is installed (the extra ``report``); else the page says how
    to get them, and its tables have the same values. The same report gives the same bytes.
    """
    template = _environment().get_template("page.html.j2")
    html = template.render(
        report=report, tables=tables, figures=figures_of(report), **_derived(report)
    )
    with atomic_file(path) as draft:
        draft.write_bytes(html.translate(_FORBIDDEN).encode("utf-8", "replace"))


def _derived(report: Report) -> dict[str, Any]:
    top = best_row(report)
    final = {
        s: v[report.monitor_name] for s, v in report.metrics.items() if report.monitor_name in v
    }
    return {
        "best": _best(top, report.monitor_key) if top else None,
        "final": final,
        "not_finite": not_finite(report.history),
        "config": _as_yaml(report.config),
        "worst": sorted(report.worst, key=lambda example: -example.rank),
        "flawless": _is_flawless(report, final),
    }


def _is_flawless(report: Report, final: Mapping[str, float]) -> bool:
    """Return whether the split that the examples are from has no mistakes: F1 of 1, CER of 0."""
    split = "test" if "test" in report.metrics else "val"
    return final.get(split) == (1.0 if report.higher_is_better else 0.0)


def _best(row: Mapping[str, Any], key: str) -> tuple[str, float]:
    """Return where a row stands in the training, and its value of a metric."""
    places = [f"step {shown(row['step'])}"] if is_number(row.get("step")) else []
    places += [f"epoch {row['epoch']}"] if is_number(row.get("epoch")) else []
    return ", ".join(places), row[key]


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("seqloom.train.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., object]] = {"shown": shown, "is_number": is_number}
    environment.filters.update(filters)
    environment.globals["install_command"] = install_command
    return environment


def shown(value: object) -> str:
    """Return a value as text: four decimals or four significant digits, thousands separated.

    >>> [shown(v) for v in (0.9357, 0.94, 123, 2.5e-7, float("nan"), "text")]
    ['0.9357', '0.9400', '123', '2.5e-07', 'not a number', 'text']
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if math.isnan(value):
        return "not a number"
    if isinstance(value, int) or (value.is_integer() and 1e4 <= abs(value) < 1e15):
        return f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.4f}" if 1e-3 <= abs(value) < 10 else f"{value:.4g}"


def _as_yaml(config: object) -> str:
    import yaml

    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True) if config else ""
