"""Scores of the encoders: from the tables of docs/results.md, and from docs/measured."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

_MODEL = re.compile(r"^(?:\w+: )?(\w+)(?: (\w+))?$")
_SCORE = re.compile(r"^([\d.]+) \(([\d.]+)–([\d.]+)\)$")
_DEFAULT = "concat"
MERGES = (_DEFAULT, "sum", "average", "multiply")
WIDTH = 150


@dataclass(frozen=True)
class Score:
    """What an encoder reached on the test split of a data set, in percent.

    Attributes:
        mean: Mean over the seeds.
        low: Smallest score of a seed.
        high: Largest one.
        seeds: Number of seeds.
    """

    mean: float
    low: float
    high: float
    seeds: int

    def __str__(self) -> str:
        span = f" ({self.low:.2f}–{self.high:.2f})" if self.seeds > 1 else " (one seed)"
        return f"{self.mean:.2f}{span}"


@dataclass(frozen=True)
class Table:
    """The scores on one data set.

    Attributes:
        title: Heading in docs/results.md.
        measure: What is measured.
        scores: Score by encoder and merge; no merge where there is one direction.
    """

    title: str
    measure: str
    scores: dict[tuple[str, str], Score]

    @property
    def lower_is_better(self) -> bool:
        """Whether the measure is an error rate."""
        return "CER" in self.measure

    @property
    def anchor(self) -> str:
        """The heading's anchor in the page of results."""
        return re.sub(r"[^\w -]", "", self.title.lower()).replace(" ", "-")

    def of(self, encoder: str) -> Score | None:
        """Return the score of an encoder, if it reads in two directions with ``concat``."""
        return self.scores.get((encoder, "")) or self.scores.get((encoder, _DEFAULT))


def read(page: Path, measured: dict[str, Any]) -> list[Table]:
    """Return the tables of a page of results, with the scores of other encoders added.

    Args:
        page: Markdown, as scripts/reproduce writes it.
        measured: Scores by encoder and start of a title, as the part ``encoder_scores`` returns.
    """
    sections = page.read_text(encoding="utf-8").split("\n## ")[1:]
    tables = [_table(section, measured) for section in sections]
    return [table for table in tables if table.scores]


def _table(section: str, measured: dict[str, Any]) -> Table:
    lines = section.splitlines()
    said = next((line for line in lines if line.startswith("Measure: ")), "")
    table = Table(lines[0].strip(), _measure(said), {})
    for model, score in _models(lines):
        found = _MODEL.match(model)
        if found and _is_encoder(found[1], found[2] or ""):
            table.scores[found[1], found[2] or ""] = score
    for encoder, by_data in measured.items():
        for title, found_here in by_data.items():
            if table.title.startswith(title):
                table.scores.setdefault((encoder, ""), _score(found_here["test"]))
    return table


def models(page: Path) -> dict[str, Score]:
    """Return the score of every model of a page of results by ``title/model``."""
    sections = page.read_text(encoding="utf-8").split("\n## ")[1:]
    return {
        f"{section.splitlines()[0].strip()}/{model}": score
        for section in sections
        for model, score in _models(section.splitlines())
    }


def mean(page: Path, wanted: str) -> float | None:
    """Return the score of a model of a page of results, or the mean of several.

    Args:
        page: The page.
        wanted: ``title/model``; with ``*``, all models that match it. None if there is none.
    """
    found = [one.mean for name, one in models(page).items() if fnmatchcase(name, wanted)]
    return statistics.mean(found) if found else None


def _models(lines: Iterable[str]) -> Iterator[tuple[str, Score]]:
    """Yield the models of a table of Markdown with their scores on the test split."""
    columns: list[str] = []
    for line in lines:
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if line.startswith("| model "):
            columns = cells
        elif columns and line.startswith("| "):
            row = dict(zip(columns, cells, strict=False))
            if score := _SCORE.match(row["test"]):
                values = (float(value) for value in score.groups())
                yield row["model"], Score(*values, int(row["seeds"]))


def _measure(line: str) -> str:
    """Return the measure that a line of the page names, without its split and decoding."""
    return line.removeprefix("Measure: ").split(". ")[0].split(",")[0].removesuffix(" on test")


def _is_encoder(name: str, merge: str) -> bool:
    return (name, merge) in {("rnn", ""), ("lstm", "")} or (name == "bilstm" and merge in MERGES)


def _score(values: Sequence[float]) -> Score:
    return Score(statistics.mean(values), min(values), max(values), len(values))


def rows(tables: Iterable[Table], encoder: str) -> list[str]:
    """Return the rows of a Markdown table of an encoder's scores; each links to the results."""
    made = []
    tables = list(tables)
    for table in tables:
        score = table.of(encoder)
        if score is None:
            continue
        lstm = table.of("lstm")
        ahead = f"{score.mean - lstm.mean:+.2f}".replace("-", "−") if lstm else ""
        better = "↓" if table.lower_is_better else "↑"
        made.append(
            f"| {_link(table, tables)} | {table.measure} {better} | {score} "
            f"| {'–' if encoder == 'lstm' else ahead} | {strip(table, encoder)} |"
        )
    return made


def merge_rows(tables: Iterable[Table]) -> list[str]:
    """Return the rows of a Markdown table of a BiLSTM's scores by merge."""
    made = []
    tables = list(tables)
    for table in tables:
        cells = [table.scores.get(("bilstm", merge)) for merge in MERGES]
        if all(cells):
            made.append(f"| {_link(table, tables)} | {' | '.join(map(str, cells))} |")
    return made


def _link(table: Table, tables: Sequence[Table]) -> str:
    """Return a link to a table, by the first word of its title if there is one such."""
    first = table.title.partition(":")[0]
    alone = sum(one.title.startswith(f"{first}:") for one in tables) == 1
    return f"[{first if alone else table.title}](../results.md#{table.anchor})"


def strip(table: Table, encoder: str) -> str:
    """Return a small SVG: a dot for each encoder, this one's with the range of its seeds."""
    shown = {
        name: score for (name, merge), score in table.scores.items() if merge in {"", _DEFAULT}
    }
    low = min(score.low for score in shown.values())
    high = max(score.high for score in shown.values())
    span = (high - low) or 1.0

    def x(value: float) -> float:
        share = (value - low) / span
        return 8 + (WIDTH - 16) * (1 - share if table.lower_is_better else share)

    dots = []
    for name, score in sorted(shown.items(), key=lambda pair: pair[0] == encoder):
        kind = "own" if name == encoder else "other"
        if kind == "own":
            dots.append(f'<path d="M{x(score.low):.1f} 9H{x(score.high):.1f}" class="range"/>')
        title = f"<title>{name} {score.mean:.2f}</title>"
        dots.append(
            f'<circle cx="{x(score.mean):.1f}" cy="9" r="4" class="{kind}">{title}</circle>'
        )
    label = f"{encoder} among {', '.join(shown)}; better is to the right"
    return (
        f'<svg class="score-strip" viewBox="0 0 {WIDTH} 18" width="{WIDTH}" role="img" '
        f'aria-label="{label}">{"".join(dots)}</svg>'
    )
