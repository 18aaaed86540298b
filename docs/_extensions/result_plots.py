"""Plots above each table of docs/results.md; the table and its commands fold away below them.

The page itself stays plain Markdown that ``scripts/reproduce`` writes. A table is plotted if its
first columns are ``model``, ``val`` and ``test``, with cells such as ``93.54 (92.68–94.26)``. Where
two rows or more have ``seconds``, a second plot shows the score against the time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from measured.drawings import dots, points

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PAGE = "results"
_SCORE = re.compile(r"([\d.]+) \(([\d.]+)–([\d.]+)\)")
_ERROR_RATES = ("CER", "WER")


def plot(title: str, measure: str, rows: list[tuple[str, str]]) -> str:
    """Return the plot of scores on test, (name, cell); the best one has its own colour.

    Raises:
        ValueError: A cell is not a mean with its range in brackets.
    """
    found = _scores(title, measure, rows)
    best = next(row for row in found if "series" in row)
    said = f"{title}: the best is {best['name']} with {best['value']}"
    return dots.draw({"title": said, "x": {"label": _label(measure)}, "rows": found})


def plot_times(title: str, measure: str, rows: list[tuple[str, str, str]]) -> str | None:
    """Return the plot of scores over seconds, (name, score, seconds), if two rows have a time.

    Raises:
        ValueError: A score is not a mean with its range in brackets.
    """
    timed = [row for row in rows if row[2]]
    if len(timed) < 2:
        return None
    found = _scores(title, measure, [row[:2] for row in timed])
    for row, (_, _, seconds) in zip(found, timed, strict=True):
        row["x"] = float(seconds.replace(",", ""))
    fastest = min(found, key=lambda row: row["x"])
    said = (
        f"{title}: the fastest is {fastest['name']} with {fastest['value']} in {fastest['x']:g} s"
    )
    axes = {"x": {"label": "processor time, seconds"}, "y": {"label": _label(measure)}}
    return points.draw({"title": said, "rows": found, **axes})


def _scores(title: str, measure: str, rows: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return rows of a drawing; the best has a series of its own."""
    found = []
    for name, cell in rows:
        score = _SCORE.fullmatch(cell)
        if score is None:
            raise ValueError(f"{title}: expected a score such as 93.54 (92.68–94.26), got {cell!r}")
        value, low, high = map(float, score.groups())
        found.append({"name": name, "value": value, "low": low, "high": high})
    best = (min if _lower_is_better(measure) else max)(found, key=lambda row: row["value"])
    best["series"] = 2
    return found


def _lower_is_better(measure: str) -> bool:
    return any(rate in measure for rate in _ERROR_RATES)


def _label(measure: str) -> str:
    return f"{measure}, %; {'lower' if _lower_is_better(measure) else 'higher'} is better"


def _add_plots(app: Sphinx, tree: nodes.document) -> None:
    if app.env.docname != PAGE:
        return
    for section in tree.findall(nodes.section):
        for table in [child for child in section.children if isinstance(child, nodes.table)]:
            _plot_above(section, table)


def _plot_above(section: nodes.section, table: nodes.table) -> None:
    heads, *rows = [
        [entry.astext() for entry in row.findall(nodes.entry)] for row in table.findall(nodes.row)
    ]
    if heads[:3] != ["model", "val", "test"]:
        return
    title = section.next_node(nodes.title).astext()
    said = next(
        child.astext()
        for child in section.children
        if isinstance(child, nodes.paragraph) and child.astext().startswith("Measure: ")
    )
    measure = said.removeprefix("Measure: ").split(". ")[0].split(",")[0]
    figure = nodes.container(classes=["measured"])
    drawn = [plot(title, measure, [(row[0], row[2]) for row in rows])]
    if heads[-1] == "seconds":
        drawn.append(plot_times(title, measure, [(row[0], row[2], row[-1]) for row in rows]) or "")
    figure += [nodes.raw("", each, format="html") for each in drawn]
    start = section.index(table)
    fold = nodes.raw("", "<details><summary>Numbers and commands</summary>", format="html")
    section.insert(start, [figure, fold])
    section.append(nodes.raw("", "</details>", format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform; the drawings' style comes with the extension `measured`."""
    app.setup_extension("measured")
    app.connect("doctree-read", _add_plots)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
