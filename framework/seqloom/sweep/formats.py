"""A leaderboard as a table, Markdown, CSV or JSON. Only the first two round their numbers."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Sequence
from typing import Any

from seqloom.files import finite
from seqloom.sweep.columns import cells
from seqloom.sweep.leaderboard import Board, Row
from seqloom.sweep.ledger import STATES

WIDTH = 100
"""Characters in a line of a table, at most, if it can; more if the terminal has more."""


def aligned(rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> str:
    """Return rows as lines of text, their cells below one another.

    >>> print(aligned([["name", "n"], ["lstm", "12"]], right=[False, True]))
    name   n
    lstm  12
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [*right, *[False] * (len(widths) - len(right))]
    lines = (
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, sides, strict=True)
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def table(boards: Sequence[Board]) -> str:
    """Return leaderboards as plain text; `left_out` tells which columns had no room."""
    return "\n\n".join(_fitting(board)[0] for board in boards)


def left_out(boards: Sequence[Board]) -> list[str]:
    """Return the columns that `table` leaves out so that its lines are not too long."""
    return list(dict.fromkeys(name for board in boards for name in _fitting(board)[1]))


def _fitting(board: Board) -> tuple[str, list[str]]:
    """Return a table that fits, if one does, and the columns that it is without."""
    width = max(WIDTH, shutil.get_terminal_size((WIDTH, 0)).columns)
    every = cells(board)[0]
    for count in range(-1, len(_DISPENSABLE) + 1):
        names, rows = cells(board, frozenset(_DISPENSABLE[: max(count, 0)]))
        right = [name not in (*board.keys, "not done") for name in names]
        header = names if count < 0 else [*last_words(board.keys), *names[len(board.keys) :]]
        text = aligned([header, *rows], right)
        if max(map(len, text.splitlines())) <= width:
            break
    return text, [name for name in every if name not in names]


_DISPENSABLE = ("units/s", "test range", "val range", "epochs", "parameters", "time")
"""The columns that are left out one after another until a table fits; keys are shortened first."""


def last_words(keys: Sequence[str]) -> list[str]:
    """Return keys by their last words, where these tell them apart."""
    last = [key.rpartition(".")[2] for key in keys]
    return [word if last.count(word) == 1 else key for key, word in zip(keys, last, strict=True)]


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
    """Return a row by the names of the columns of the CSV."""
    spreads = {"val": row.val, "test": row.test}
    measured = {
        f"{split}_{name}": getattr(found, name) if found else None
        for split, found in spreads.items()
        for name in ("n", "mean", "error", "low", "high")
    }
    return {
        **row.group.values,
        "metric": board.metric,
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
    """Return leaderboards as JSON, with all there is to know of them."""
    return json.dumps(finite([_plain(board) for board in boards]), indent=2, ensure_ascii=False)


def _plain(board: Board) -> dict[str, Any]:
    return {
        "metric": board.metric,
        "higher_is_better": board.higher_is_better,
        "keys": board.keys,
        "tested_on": board.tested_on or None,
        "notes": board.notes,
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
"""What ``seqloom sweep show --format`` knows."""
