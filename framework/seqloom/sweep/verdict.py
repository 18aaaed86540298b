"""The verdict of a leaderboard in words: whether a row wins, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seqloom.errors import plural
from seqloom.sweep.board import Board, Row, Spread

LEVEL = 0.05
"""Level of significance: a lead with a smaller p is not chance."""

ENOUGH_SEEDS = 5
"""From this number of seeds on, rows that cannot be told apart are chosen by their cost."""


def verdict(board: Board) -> str:
    """Return whether the best row wins, by how much and how surely, and what to do next.

    The best row is chosen on validation, and its lead is judged on the test split if there is one:
    by the corrected paired tests of the leaderboard, or else by the errors of the two means.

    Returns:
        One to three sentences; empty if there is nothing to compare.
    """
    best = board.best
    others = [row for row in board.rows if row is not best and row.lead is not None]
    if best is None or not others:
        return ""
    waiting = sum(n for row in board.rows for state, n in row.counts.items() if state != "done")
    unfinished = f" {_trials(waiting)} not done." if waiting else ""
    if board.higher_is_better and all(_is_zero(row) for row in (best, *others)):
        return (
            f"No winner: {board.metric} is 0 in every row, so no model has learned anything yet. "
            f"Next: train for more epochs.{unfinished}"
        )
    rivals = [row for row in others if not _is_beaten(board, best, row)]
    said = _tie(board, best, rivals) if rivals else _win(board, best, others)
    return f"{said}{unfinished}"


def _win(board: Board, best: Row, others: Sequence[Row]) -> str:
    closest = min(others, key=_lead)
    leads = (
        f"{best.group.label} leads {closest.group.label}"
        f"{' and all others' if len(others) > 1 else ''} by {_lead(closest):.3g}"
        f"{' or more' if len(others) > 1 else ''} on {_split(best)}"
    )
    if _n(best) < 2:
        return (
            f"{leads}, over twice the error due to the examples, but one seed does not show how "
            "much seeds differ. Next: seed=1,2,3."
        )
    if not board.tested_on:
        return f"{leads}, over twice the error of the means (n = {_n(best)})."
    ps = [row.p for row in others if row.p is not None and not row.mark]
    sure = f"p {'≤' if len(others) > 1 else '='} {max(ps):.2g}" if ps else "on every seed alike"
    unpaired = any(row.mark == "–" for row in others)
    sure += " where rows share seeds, elsewhere twice the error of the means" if unpaired else ""
    bias = "" if best.test else " It was also chosen on val: confirm the lead on a test split."
    return f"Clear winner: {leads} ({sure}, n = {_n(best)}).{bias}"


def _tie(board: Board, best: Row, rivals: Sequence[Row]) -> str:
    closest = min(rivals, key=_lead)
    ours, theirs, lead, split = best.group.label, closest.group.label, _lead(closest), _split(best)
    n = f"n = {_n(best)}"
    if lead < 0:
        said = f"{ours} is the best on val, but {theirs} is ahead of it by {-lead:.3g} on {split}"
        said += f" ({n})"
    elif lead == 0:
        said = f"{ours} and {theirs} are equal on {split} ({n})"
    else:
        p = f"p = {closest.p:.2g}, " if closest.p is not None and not closest.mark else ""
        said = f"{ours} leads {theirs} by {lead:.3g} on {split}, within noise ({p}{n})"
    more = [_lead(row) for row in rivals if row is not closest]
    ahead, level = sum(one < 0 for one in more), sum(one >= 0 for one in more)
    others = f" {ahead} more {plural(ahead, 'row is', 'rows are')} ahead, too." if ahead else ""
    if level:
        others += f" {level} more {plural(level, 'row')} cannot be told apart from {ours}."
    return f"No clear winner: {said}.{others} {_next(board, best, rivals)}"


def _next(board: Board, best: Row, rivals: Sequence[Row]) -> str:
    if _n(best) < ENOUGH_SEEDS:
        return f"Next: seed={','.join(str(i + 1) for i in range(ENOUGH_SEEDS))}."
    if any(_lead(row) < 0 and _is_apart(board, best, row) for row in rivals):
        return (
            "That is more than chance: val and test disagree. Next: check whether they come from "
            "the same source, or choose on a larger val split."
        )
    timed = [row for row in (best, *rivals) if row.seconds is not None]
    if not timed:
        return "Next: choose by cost."
    fastest = min(timed, key=lambda row: row.seconds or 0.0)
    return f"Next: choose by cost; {fastest.group.label} trains fastest."


def _is_zero(row: Row) -> bool:
    """Return whether all of its scores are 0."""
    return all(found is None or found.low == found.high == 0 for found in (row.val, row.test))


def _is_beaten(board: Board, best: Row, row: Row) -> bool:
    """Return whether the best row leads by more than chance."""
    return _lead(row) > 0 and _is_apart(board, best, row)


def _is_apart(board: Board, best: Row, row: Row) -> bool:
    """Return whether the distance of a row to the best one is more than chance."""
    if board.tested_on and row.mark != "–":
        return row.mark == "constant" or (row.p is not None and row.p < LEVEL)
    errors = [_error(row.test if best.test else row.val), _error(best.test or best.val)]
    return abs(_lead(row)) > 2 * math.hypot(*errors)


def _error(found: Spread | None) -> float:
    """Return the standard error of a mean; infinite if it is not known."""
    if found is None:
        return math.inf
    error = found.sampling_error if found.error is None else found.error
    return math.inf if error is None else error


def _lead(row: Row) -> float:
    return row.lead or 0.0


def _split(best: Row) -> str:
    return "test" if best.test else "val"


def _n(best: Row) -> int:
    return best.val.n if best.val else 0


def _trials(n: int) -> str:
    return f"{n} {plural(n, 'trial is', 'trials are')}"
