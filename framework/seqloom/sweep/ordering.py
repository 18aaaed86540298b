"""In which order a leaderboard stands, and how much of it."""

from __future__ import annotations

import math
from collections.abc import Callable

from seqloom.errors import ConfigError, did_you_mean
from seqloom.sweep.columns import meant_p
from seqloom.sweep.leaderboard import Board, Row, rank
from seqloom.sweep.points import ABSENT


def _up(value: float | None) -> float:
    return math.inf if value is None else value


def _down(value: float | None) -> float:
    return math.inf if value is None else -value


WIDE = 30
"""A span by this factor and more is shown by its logarithm, as learning rates are."""

COLUMNS: dict[str, Callable[[Row, Board], float]] = {
    "val": lambda row, board: rank(row.val, board.higher_is_better),
    "test": lambda row, board: rank(row.test, board.higher_is_better),
    "n": lambda row, _: _down(row.val.n if row.val else None),
    "p": lambda row, _: -1.0 if row.best else _up(meant_p(row)),
    "parameters": lambda row, _: _up(row.parameters),
    "epochs": lambda row, _: _up(row.epochs),
    "time": lambda row, _: _up(row.seconds),
    "speed": lambda row, _: _down(row.speed),
}
"""What a leaderboard can be sorted by, besides its keys: the best, fewest or fastest first."""


def sort(boards: list[Board], key: str) -> None:
    """Sort the rows of leaderboards by one of `COLUMNS`, or by the values of a key.

    Raises:
        ConfigError: there is no such column.
    """
    known = {name for board in boards for name in board.keys}
    if key not in COLUMNS and key not in known:
        raise ConfigError(f"--sort {key}: no such column. {did_you_mean(key, {*COLUMNS, *known})}")
    for board in boards:
        _sort(board, key)


def _sort(board: Board, key: str) -> None:
    column = COLUMNS.get(key)
    if column is not None:
        board.rows.sort(key=lambda row: column(row, board))
    else:
        board.rows.sort(key=lambda row: natural(row.group.values.get(key, ABSENT)))


def natural(text: str) -> tuple[int, float, str]:
    """Return what sorts numbers by size, before texts; the sign of an absent value comes last.

    >>> sorted(["lstm", "–", "10", "1e-3"], key=natural)
    ['1e-3', '10', 'lstm', '–']
    """
    value = number(text)
    if value is not None:
        return 0, value, text
    return (2 if text == ABSENT else 1), 0.0, text


def number(text: str) -> float | None:
    """Return the finite number that a text is; None if it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def spans_widely(low: float, high: float) -> bool:
    """Return whether numbers from low to high are told apart by their logarithms only."""
    return low > 0 and high / low > WIDE


def top(boards: list[Board], count: int) -> None:
    """Keep the first rows of each leaderboard; a note says how many were left out.

    Raises:
        ConfigError: that is less than one row.
    """
    if count < 1:
        raise ConfigError(f"--top {count}: give a whole number from 1 up.")
    for board in boards:
        left_out = len(board.rows) - count
        if left_out > 0:
            board.notes.append(f"Not shown of {len(board.rows)} rows: {left_out} (--top {count}).")
            board.rows = board.rows[:count]
