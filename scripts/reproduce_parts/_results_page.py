"""The page of results, from the records of the runs, and the table of floors and aims."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _models import TABLES, Model, Table

COLUMNS = ("model", "val", "test", "seeds", "parameters", "seconds")
SEEDS = COLUMNS.index("seeds")
MARKS = ("<!-- floors and aims -->", "<!-- end of floors and aims -->")


def page(before: str) -> Iterator[str]:
    """Yield the lines of the page.

    Args:
        before: The page as it was. A row with more seeds there than runs here keeps its scores, and
            takes its time from the runs.
    """
    yield from (
        "# Results",
        "",
        "`scripts/reproduce` writes this page from the records of the runs. Every model is trained",
        "on the train split only, without pretrained vectors; the epoch is selected on the",
        "validation split. Scores are in percent: the mean over the seeds and, in brackets, the",
        "range, which the plots show as a line. Seconds are processor time of the whole command,",
        "including the report, on one thread. Compare them only within a table, since tables may",
        "come from different machines. [Speed](speed.md) has other times, and",
        "[Contributing](contributing.md) lists the floor and the aim of each row.",
    )
    for table in TABLES:
        yield from _section(table, _rows(before, table.title))


def _rows(page: str, title: str) -> dict[str, list[str]]:
    """Return the cells of each row of a table, by its first cell."""
    section = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: [*row, ""][: len(COLUMNS)] for row in rows}


def _section(table: Table, before: dict[str, list[str]]) -> Iterator[str]:
    runs = {model: _finished(model) for model in table.models}
    alone = len({model.experiment for model in table.models}) == 1
    rows: list[list[str]] = []
    commands: list[str] = []
    for model, folders in runs.items():
        name = model.name if alone else f"{model.experiment}: {model.name}"
        files = {name: "metrics.json"}
        if model.tuned:
            files[f"{name}, n-gram model and beam"] = "tuned.json"
        for row, file in files.items():
            known = before.get(row)
            if known and len(folders) < int(known[SEEDS]):
                timed = any(runs.values())  # the time of before may be of another machine
                rows.append([*known[:-1], _seconds(folders, file) if timed else known[-1]])
            elif folders:
                rows.append(_row(row, folders, file, table.key))
        if folders or name in before:
            commands += _commands(model)
    yield from ("", f"## {table.title}", "", f"Measure: {table.measure}. {table.remark}", "")
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield from ("", "```bash", *commands, "```")


def _finished(model: Model) -> list[Path]:
    return [path for path in sorted(model.folder.glob("*")) if record(path).get("state") == "done"]


def _commands(model: Model) -> list[str]:
    run_dir = Path("runs") / model.place
    tuned = (
        f"seqloom tune {run_dir} --its-data --out tuned",
        "seqloom evaluate tuned --its-data",
    )
    return [" ".join(model.command(1, run_dir)), *(tuned if model.tuned else ())]


def _row(name: str, runs: list[Path], file: str, key: str) -> list[str]:
    metrics = [read_json(path / file) for path in runs]
    return [
        name,
        *(_spread([one[split][key] for one in metrics]) for split in ("val", "test")),
        str(len(runs)),
        f"{record(runs[0])['parameters']:,}",
        _seconds(runs, file),
    ]


def _seconds(runs: list[Path], file: str) -> str:
    """Return the mean time of trainings, if all have one; that of tuning is not measured."""
    times = [sum(read_json(path / "seconds.json").get("attempts", [])) for path in runs]
    measured = file == "metrics.json" and times and all(times)
    return f"{statistics.mean(times):.0f}" if measured else ""


def targets() -> Iterator[str]:
    """Yield the lines of the table of floors and aims."""
    yield from ("| data | model | floor | aim |", "|---|---|---|---|")
    for table in TABLES:
        for model in table.models:
            name = f"{model.experiment or 'apples'}: {model.name}"
            if model.floor is not None:
                yield _target(table, name, (model.floor, model.aim))
            if model.tuned:
                yield _target(table, f"{name}, n-gram model and beam", model.tuned)


def _target(table: Table, name: str, wanted: tuple[float | None, float | None]) -> str:
    numbers = ("" if value is None else f"{value:.1f}" for value in wanted)
    return f"| {' | '.join((table.title.partition(':')[0], name, *numbers))} |"


def with_targets(text: str) -> str:
    """Return the text of CONTRIBUTING.md with the present table between its two marks."""
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return "\n".join([before + MARKS[0], "", *targets(), "", MARKS[1] + after])


def _spread(values: list[float]) -> str:
    mean, low, high = (100 * value for value in (statistics.mean(values), min(values), max(values)))
    return f"{mean:.2f} ({low:.2f}–{high:.2f})"


def record(run_dir: Path) -> dict[str, Any]:
    """Return the record of a run."""
    return read_json(run_dir / "run.json")


def read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found
