"""The columns of a leaderboard: how each shows a row, and what it is sorted by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from seqloom.sweep.leaderboard import Board, Row, Spread

Raw = str | float | None
Cell = tuple[str, Raw]
"""A cell as text, and the value that it is sorted by."""


class Column(NamedTuple):
    """A column of measured values.

    Attributes:
        name: in the header.
        show: a row as text; empty if it has no such value.
        raw: the value behind the text.
    """

    name: str
    show: Callable[[Row], str]
    raw: Callable[[Row], Raw]


LONGEST = 24
"""Characters of a key's value that are shown of a long one, if they tell it apart."""


def cells(board: Board, but: frozenset[str] = frozenset()) -> tuple[list[str], list[list[str]]]:
    """Return the names of a leaderboard's columns, and its rows as rounded text.

    Args:
        board: the leaderboard.
        but: columns to leave out, such as "test range"; those that are empty are left out anyway.
    """
    made = columns(board, but)
    texts = ([text for text, _ in column] for _, column in made)
    return [name for name, _ in made], [list(row) for row in zip(*texts, strict=True)]


def columns(board: Board, but: frozenset[str] = frozenset()) -> list[tuple[str, list[Cell]]]:
    """Return the name of each column of a leaderboard with its cells; the empty ones left out."""
    keyed: list[tuple[str, list[Cell]]] = []
    for key in board.keys:
        values = [row.group.values[key] for row in board.rows]
        keyed.append((key, [*zip(shortened(values), values, strict=True)]))
    if all(row.group.points == 1 for row in board.rows):
        but |= {"points", "trials"}  # of single points they say nothing
    shown: list[tuple[str, list[Cell]]] = [
        (_heading(column.name, board), [(column.show(row), column.raw(row)) for row in board.rows])
        for column in _COLUMNS
        if column.name not in but
    ]
    return [*keyed, *((name, cells) for name, cells in shown if any(text for text, _ in cells))]


def _heading(name: str, board: Board) -> str:
    if name in {"val", "test"}:
        return f"{name} {board.metric}".rstrip()
    if name == "p":
        return f"p ({board.tested_on})" if board.tested_on else ""
    return name


def shortened(values: Sequence[str]) -> list[str]:
    """Return values without the middle of those that are long, such as a whole section.

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
    error = "" if found.error is None else f" ± {found.error:.4f}"
    return f"{found.mean:.4f}{error}"


def _range(found: Spread | None) -> str:
    return "" if found is None or found.n < 2 else f"{found.low:.4f}…{found.high:.4f}"


def _p(row: Row) -> str:
    if row.best or row.in_place:
        return "best" if row.best else row.in_place
    if row.p is None:
        return ""
    return "<0.0001" if row.p < 1e-4 else f"{row.p:.4f}"


def meant_p(row: Row) -> float | None:
    """Return the p of a row, unless something else stands in its place."""
    return None if row.in_place else row.p


def _epochs(row: Row) -> str:
    return "" if row.epochs is None else f"{row.epochs:.1f}".removesuffix(".0")


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Return a time in the two units that say enough.

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
    """Return in words how many of a row's trials are not done: ``1 failed, 2 running``."""
    return states({state: n for state, n in row.counts.items() if state != "done"})


def states(counts: Mapping[str, int]) -> str:
    """Return numbers of trials by state in words.

    >>> states({"done": 4, "failed": 1})
    '4 done, 1 failed'
    """
    return ", ".join(f"{count} {state}" for state, count in counts.items())


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
    Column("p", _p, lambda row: -1 if row.best else meant_p(row)),
    Column("parameters", lambda row: _count(row.parameters), lambda row: row.parameters),
    Column("epochs", _epochs, lambda row: row.epochs),
    Column("time", _time, lambda row: row.seconds),
    Column("units/s", lambda row: _count(row.speed), lambda row: row.speed),
    Column("not done", not_done, not_done),
)
