"""Print a leaderboard as a table, Markdown, CSV or JSON. Only the first two round their numbers."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seqloom.errors import RunError, printable
from seqloom.files import finite
from seqloom.sweep.board import Board, Row
from seqloom.sweep.columns import GAP, aligned, cells, sort, top
from seqloom.sweep.folder import SweepFolder, read_plan
from seqloom.sweep.points import last_words
from seqloom.sweep.ranking import best_of, ranked_boards
from seqloom.sweep.summary import pareto_front, write_index
from seqloom.sweep.trials import STATES, Trial, open_sweep, read_trials, status
from seqloom.train.folder import RunFolder

WIDTH = 100
"""Preferred maximum length of a table's lines; more if the terminal is wider."""

FAILURES = 5
"""Number of failed trials whose errors are printed."""


def show(
    folder: Path,
    form: str = "table",
    *,
    by: Sequence[str] | None = None,
    metric: str | None = None,
    order: str | None = None,
    most: int | None = None,
) -> None:
    """Print the leaderboard of a sweep: the table to stdout, status and notes to stderr.

    A table for people begins with a verdict in words.

    Args:
        folder: Folder of the sweep.
        form: One of `FORMATS`.
        by: Keys to group by; None: each point is a row.
        metric: Metric to compare by; None: the objective of a search, or the monitored one.
        order: Column to sort by; None: the mean on validation, the best first.
        most: Maximum number of rows; None: all.

    Raises:
        SeqloomError: If the folder is not a sweep, or a key, metric or column is unknown.
    """
    trials = open_sweep(folder)
    plan = read_plan(folder, strict=False)
    made = ranked_boards(plan, trials, by, metric)
    if order is not None:
        sort(made, order)
    if most is not None:
        top(made, most)
    verdicts = [board.verdict for board in made if board.verdict]
    if verdicts and form in {"table", "markdown"}:
        print("\n".join(verdicts), end="\n\n")
    print(FORMATS[form](made), flush=True)
    notes = list(dict.fromkeys(note for board in made for note in board.notes))
    if form == "table" and (names := omitted(made)):
        notes.append(
            f"Columns that do not fit: {', '.join(names)}. Use --format markdown, csv or json."
        )
    notes += pareto_front(folder) if plan.has_several_objectives else []
    for line in [f"{status(folder, trials)}.", *lost_plan(folder), *notes, *failures(trials)]:
        print(line, file=sys.stderr)


def lost_plan(folder: Path) -> list[str]:
    """Return a sentence if the plan of a sweep cannot be read: there may be more trials."""
    path = SweepFolder(folder).plan
    if not os.path.lexists(path):  # of a sweep that wrote none
        return []
    try:
        read_plan(folder)
    except RunError as error:
        return [f"Trials that have not started are not known. {printable(str(error))}"]
    return []


def failures(trials: Sequence[Trial]) -> list[str]:
    """Return a sentence for each of the first trials that failed, were killed or cannot be read.

    It ends with the number of the trial's job and its log file, if it was a job of a cluster.
    """
    failed = [trial for trial in trials if trial.state in _SENTENCES]
    lines = [
        f"Trial {trial.number} {_SENTENCES[trial.state]}: {_error(trial)}{_job(trial)}"
        for trial in failed[:FAILURES]
    ]
    more = len(failed) - len(lines)
    return [*lines, f"… and {more} more."] if more else lines


_SENTENCES = {
    "damaged": "is damaged",
    "unreadable": "is unreadable",
    "failed": "failed",
    "killed": "was killed",
}


def _error(trial: Trial) -> str:
    silent = "its process left no error" if trial.state == "killed" else ""
    said = trial.record.get("error") or silent or "its record does not say why"
    return printable(str(said).splitlines()[0])


def _job(trial: Trial) -> str:
    """Return what is known of the job of a trial's last attempt, in brackets."""
    last = (trial.history or [{}])[-1]
    number, logs = str(last.get("job") or "").partition("@")[0], last.get("logs")
    parts = [f"job {number}"] if number else []
    if isinstance(logs, dict) and (log := logs.get("stderr") or logs.get("stdout")):
        parts.append(f"log {log}")
    return printable(f" ({', '.join(parts)})") if parts else ""


def finish(folder: Path) -> None:
    """Write a sweep's index, and print its leaderboard, its best model's folder and its own."""
    write_index(folder)
    sys.stdout.write("\n")
    show(folder)
    best = best_of(read_plan(folder, strict=False), read_trials(folder))
    if best:
        sys.stdout.write(f"\nbest   {RunFolder(best.folder).bundle}")
    sys.stdout.write(f"\nsweep  {folder}\n")


def table(boards: Sequence[Board]) -> str:
    """Return leaderboards as plain text; `omitted` returns the columns that do not fit."""
    return "\n\n".join(_fitting(board)[0] for board in boards)


def omitted(boards: Sequence[Board]) -> list[str]:
    """Return the columns that `table` omits to keep its lines short."""
    return list(dict.fromkeys(name for board in boards for name in _fitting(board)[1]))


def _fitting(board: Board) -> tuple[str, list[str]]:
    """Return the table with the most columns that fits, and the columns that it omits."""
    width = max(WIDTH, shutil.get_terminal_size((WIDTH, 0)).columns)
    every, rows = cells(board)
    keys = len(board.keys)
    short = [*last_words(board.keys), *every[keys:]]
    longest = [max((len(printable(row[i])) for row in rows), default=0) for i in range(len(every))]
    for count in range(-1, len(_OPTIONAL) + 1):
        header = every if count < 0 else short
        omit = _OPTIONAL[: max(count, 0)]
        kept = [i for i, name in enumerate(every) if i < keys or name not in omit]
        lengths = [max(longest[i], len(printable(header[i]))) for i in kept]
        if sum(lengths) + len(GAP) * (len(kept) - 1) <= width:
            break
    text = aligned(
        [[row[i] for i in kept] for row in (header, *rows)],
        [i >= keys and every[i] != "not done" for i in kept],
    )
    return text, [name for i, name in enumerate(every) if i not in kept]


_OPTIONAL = ("units/s", "test range", "val range", "epochs", "parameters", "time")
"""Columns that are omitted one after another until a table fits; keys are shortened first."""


def markdown(boards: Sequence[Board]) -> str:
    """Return leaderboards as tables in Markdown, with all columns."""
    return "\n\n".join(_markdown(board) for board in boards)


def _markdown(board: Board) -> str:
    header, rows = cells(board)
    rule = [":---" if name in (*board.keys, "not done") else "---:" for name in header]
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in (header, rule, *rows))
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)


def csv_text(boards: Sequence[Board]) -> str:
    """Return leaderboards as one CSV with raw numbers; a cell without a value is empty."""
    rows = [flat(board, row) for board in boards for row in board.rows]
    file = io.StringIO()
    writer = csv.DictWriter(file, dict.fromkeys(name for row in rows for name in row))
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().rstrip("\r\n").replace("\r\n", "\n")


def flat(board: Board, row: Row) -> dict[str, Any]:
    """Return the values of a row by CSV column."""
    spreads = {"val": row.val, "test": row.test}
    measured = {
        f"{split}_{name}": getattr(found, name) if found else None
        for split, found in spreads.items()
        for name in ("n", "mean", "error", "low", "high")
    }
    return {
        **row.group.values,
        "metric": board.metric,
        **({"data": board.data} if board.data else {}),
        **measured,
        "best": row.best,
        "lead": row.lead,
        "p": row.p,
        "points": row.group.points,
        "trials": len(row.group.trials),
        **{f"trials_{state}": row.counts.get(state, 0) for state in STATES},
        "parameters": row.parameters,
        "epochs": row.epochs,
        "training_seconds": row.seconds,
        "cost_per_second": row.speed,
    }


def json_text(boards: Sequence[Board]) -> str:
    """Return leaderboards as JSON, with all values and notes."""
    return json.dumps(finite([_plain(board) for board in boards]), indent=2, ensure_ascii=False)


def _plain(board: Board) -> dict[str, Any]:
    return {
        "metric": board.metric,
        "higher_is_better": board.higher_is_better,
        "keys": board.keys,
        "tested_on": board.tested_on or None,
        "verdict": board.verdict or None,
        "notes": board.notes,
        "data": board.data or None,
        "rows": [_plain_row(row) for row in board.rows],
    }


def _plain_row(row: Row) -> dict[str, Any]:
    return {
        "values": dict(row.group.values),
        "trials": [trial.number for trial in row.group.trials],
        "points": row.group.points,
        "states": dict(row.counts),
        "val": vars(row.val) if row.val else None,
        "test": vars(row.test) if row.test else None,
        "best": row.best,
        "lead": row.lead,
        "p": row.p,
        "parameters": row.parameters,
        "epochs": row.epochs,
        "training_seconds": row.seconds,
        "cost_per_second": row.speed,
    }


FORMATS: dict[str, Callable[[Sequence[Board]], str]] = {
    "table": table,
    "markdown": markdown,
    "csv": csv_text,
    "json": json_text,
}
"""The values of ``seqloom sweep show --format``."""
