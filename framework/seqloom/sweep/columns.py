"""The columns of a leaderboard: what each shows of a row, and how rows are sorted by it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from seqloom.errors import ConfigError, did_you_mean, plural, printable
from seqloom.sweep.board import Board, Row, Spread
from seqloom.sweep.leaderboard import rank
from seqloom.sweep.points import ABSENT
from seqloom.sweep.trials import states_text

Raw = str | float | None
Cell = tuple[str, Raw]
"""A cell as text, and the value behind it, by which a page sorts."""


class Column(NamedTuple):
    """A column of measured values.

    Attributes:
        name: Name in the header.
        show: Returns the text for a row; empty if the row does not have the value.
        raw: Returns the value behind the text.
    """

    name: str
    show: Callable[[Row], str]
    raw: Callable[[Row], Raw]


LONGEST = 24
"""Length to which a key's values are shortened, if they stay different."""

GAP = "  "
"""What stands between two columns."""

WIDE = 30
"""Ratio of the highest to the lowest value from which numbers are shown on a logarithmic scale."""


def cells(board: Board) -> tuple[list[str], list[list[str]]]:
    """Return the names of a leaderboard's columns, and its rows as text with rounded numbers."""
    made = columns(board)
    texts = ([text for text, _ in column] for _, column in made)
    return [name for name, _ in made], [list(row) for row in zip(*texts, strict=True)]


def columns(board: Board, omit: frozenset[str] = frozenset()) -> list[tuple[str, list[Cell]]]:
    """Return the name of each column of a leaderboard with its cells.

    Args:
        board: Leaderboard.
        omit: Columns to omit, such as "test range"; empty columns are always omitted.
    """
    keyed: list[tuple[str, list[Cell]]] = []
    for key in board.keys:
        values = [row.group.values[key] for row in board.rows]
        keyed.append((key, [*zip(shortened(values), values, strict=True)]))
    if all(row.group.points == 1 for row in board.rows):
        omit |= {"points", "trials"}  # they say nothing about single points
    shown: list[tuple[str, list[Cell]]] = [
        (_heading(column.name, board), [(column.show(row), column.raw(row)) for row in board.rows])
        for column in _COLUMNS
        if column.name not in omit
    ]
    return [*keyed, *((name, cells) for name, cells in shown if any(text for text, _ in cells))]


def _heading(name: str, board: Board) -> str:
    if name in {"val", "test"}:
        return f"{name} {board.metric}".rstrip()
    if name == "p":
        return f"p ({board.tested_on})" if board.tested_on else ""
    return name


def shortened(values: Sequence[str]) -> list[str]:
    """Return values with the middle of long ones, such as a whole section, cut out.

    >>> shortened(["sum", "{_target_:package.module.Class,patience:3}"])
    ['sum', '{_target_:pa…patience:3}']
    """
    short = [_shortened(value) for value in values]
    return short if len(set(short)) == len(set(values)) else list(values)


def _shortened(value: str) -> str:
    half = LONGEST // 2
    return value if len(value) <= LONGEST else f"{value[:half]}…{value[1 - half :]}"


def _mean(found: Spread | None) -> str:
    if found is None:
        return ""
    if found.error is None and found.sampling_error is not None:
        return f"{found.mean:.4f} ± {found.sampling_error:.4f}*"
    error = "" if found.error is None else f" ± {found.error:.4f}"
    return f"{found.mean:.4f}{error}"


def _range(found: Spread | None) -> str:
    return "" if found is None or found.n < 2 else f"{found.low:.4f}…{found.high:.4f}"


def _p(row: Row) -> str:
    if row.best or row.mark:
        return "best" if row.best else row.mark
    if row.p is None:
        return ""
    return "<0.0001" if row.p < 1e-4 else f"{row.p:.4f}"


def _shown_p(row: Row) -> float | None:
    return None if row.mark else row.p


def _epochs(row: Row) -> str:
    return "" if row.epochs is None else f"{row.epochs:.1f}".removesuffix(".0")


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Return a time in its two largest units.

    >>> [duration(s) for s in (0.5, 59.96, 200, 3900)]
    ['0.5 s', '1 min 00 s', '3 min 20 s', '1 h 05 min']
    """
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def not_done(row: Row) -> str:
    """Return the numbers of a row's trials that are not done: ``1 failed, 2 running``."""
    return states_text({state: n for state, n in row.counts.items() if state != "done"})


def _n(row: Row) -> int:
    return row.val.n if row.val else 0


def _middle(found: Spread | None) -> float | None:
    return found.mean if found else None


def _width(found: Spread | None) -> float | None:
    return found.high - found.low if found else None


def _time(row: Row) -> str:
    return "" if row.seconds is None else duration(row.seconds)


_COLUMNS = (
    Column("points", lambda row: str(row.group.points), lambda row: row.group.points),
    Column("trials", lambda row: str(len(row.group.trials)), lambda row: len(row.group.trials)),
    Column("n", lambda row: str(_n(row)), _n),
    Column("val", lambda row: _mean(row.val), lambda row: _middle(row.val)),
    Column("val range", lambda row: _range(row.val), lambda row: _width(row.val)),
    Column("test", lambda row: _mean(row.test), lambda row: _middle(row.test)),
    Column("test range", lambda row: _range(row.test), lambda row: _width(row.test)),
    Column("p", _p, lambda row: -1 if row.best else _shown_p(row)),
    Column("parameters", lambda row: _count(row.parameters), lambda row: row.parameters),
    Column("epochs", _epochs, lambda row: row.epochs),
    Column("time", _time, lambda row: row.seconds),
    Column("units/s", lambda row: _count(row.speed), lambda row: row.speed),
    Column("not done", not_done, not_done),
)


def _up(value: float | None) -> float:
    return math.inf if value is None else value


def _down(value: float | None) -> float:
    return math.inf if value is None else -value


SORT_KEYS: dict[str, Callable[[Row, Board], float]] = {
    "val": lambda row, board: rank(row.val, board.higher_is_better),
    "test": lambda row, board: rank(row.test, board.higher_is_better),
    "n": lambda row, _: _down(row.val.n if row.val else None),
    "p": lambda row, _: -1.0 if row.best else _up(_shown_p(row)),
    "parameters": lambda row, _: _up(row.parameters),
    "epochs": lambda row, _: _up(row.epochs),
    "time": lambda row, _: _up(row.seconds),
    "speed": lambda row, _: _down(row.speed),
}
"""Sort keys of a leaderboard besides the values of its keys: best, fewest or fastest first."""


def sort(boards: list[Board], key: str) -> None:
    """Sort the rows of leaderboards by one of `SORT_KEYS`, or by the values of a key.

    Raises:
        ConfigError: There is no such column.
    """
    known = {name for board in boards for name in board.keys}
    if key not in SORT_KEYS and key not in known:
        raise ConfigError(
            f"--sort {key}: no such column. {did_you_mean(key, {*SORT_KEYS, *known})}"
        )
    for board in boards:
        _sort(board, key)


def _sort(board: Board, key: str) -> None:
    column = SORT_KEYS.get(key)
    if column is not None:
        board.rows.sort(key=lambda row: column(row, board))
    else:
        board.rows.sort(key=lambda row: natural(row.group.values.get(key, ABSENT)))


def natural(text: str) -> tuple[int, float, str]:
    """Return a sort key: numbers by size, then texts, then the mark of an absent value.

    >>> sorted(["lstm", "–", "10", "1e-3"], key=natural)
    ['1e-3', '10', 'lstm', '–']
    """
    value = number(text)
    if value is not None:
        return 0, value, text
    return (2 if text == ABSENT else 1), 0.0, text


def number(text: str) -> float | None:
    """Return a text as a finite number; None if it is not one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def spans_widely(low: float, high: float) -> bool:
    """Return whether numbers from low to high need a logarithmic scale."""
    return low > 0 and high / low > WIDE


def top(boards: list[Board], count: int) -> None:
    """Keep the first rows of each leaderboard; a note says how many are not shown.

    Raises:
        ConfigError: The count is less than 1.
    """
    if count < 1:
        raise ConfigError(f"--top {count}: expected an integer of 1 or more.")
    for board in boards:
        hidden = len(board.rows) - count
        if hidden > 0:
            board.notes.append(
                f"{hidden} of {len(board.rows)} rows {plural(hidden, 'is', 'are')} not shown "
                f"(--top {count})."
            )
            board.rows = board.rows[:count]


def aligned(rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> str:
    """Return rows as lines of text with aligned columns.

    >>> print(aligned([["name", "n"], ["lstm", "12"]], right=[False, True]))
    name   n
    lstm  12
    """
    rows = [[printable(cell) for cell in row] for row in rows]  # an override may be any text
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [*right, *[False] * (len(widths) - len(right))]
    lines = (
        GAP.join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, sides, strict=True)
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
