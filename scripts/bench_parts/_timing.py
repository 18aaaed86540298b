"""Time functions in turn, and compare them: what all parts of the benchmark share."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

Run = Callable[[], Any]
Clock = Callable[[], float]


class Settings:
    """What the command line asks of all parts.

    Attributes:
        quick: Whether to take a sixth of the rounds.
    """

    quick = False


def rounds(full: int) -> int:
    """Return the number of rounds: all of them, or at least three with ``--quick``."""
    return max(3, full // 6) if Settings.quick else full


def interleaved(
    *runs: Run, rounds: int, warm_up: int = 1, calls: int = 1, clock: Clock = time.process_time
) -> list[list[float]]:
    """Return the seconds that each of several functions, which are run in turn, takes in a round.

    Args:
        runs: Functions.
        rounds: Number of rounds.
        warm_up: Rounds before them.
        calls: Number of calls of each function in a round.
        clock: Clock; by default that of the processor, which other programs disturb less.
    """
    times: list[list[float]] = [[] for _ in runs]
    for turn in range(rounds + warm_up):
        for run, kept in zip(runs, times, strict=True):
            started = clock()
            for _ in range(calls):
                run()
            if turn >= warm_up:
                kept.append((clock() - started) / calls)
    return times


def row(
    key: str,
    what: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    target: float | str | None,
    *,
    speed: bool = False,
) -> dict[str, Any]:
    """Return a comparison.

    Args:
        key: Id.
        what: What was compared, in words.
        ours: Our seconds by round.
        theirs: Their seconds in the same rounds.
        target: Number that the ratio must not exceed, a text ``>= 2.7`` where it must reach it, or
            None.
        speed: Whether the ratio is that of the speeds, not of the times.

    Returns:
        The ratio of the medians; its spread, the quartiles of the ratios by round; the seconds.
    """
    upper, lower = (theirs, ours) if speed else (ours, theirs)
    pairs = [one / other for one, other in zip(upper, lower, strict=True)]
    low, _, high = statistics.quantiles(pairs, n=4) if len(pairs) > 1 else pairs * 3
    return {
        "id": key,
        "what": what,
        "ratio": statistics.median(upper) / statistics.median(lower),
        "spread": [low, high],
        "target": target,
        "ours": statistics.median(ours),
        "theirs": statistics.median(theirs),
    }


def skipped(key: str, what: str, target: float | str | None, reason: str) -> dict[str, Any]:
    """Return the row of a comparison that cannot be made here."""
    return {"id": key, "what": what, "ratio": None, "target": target, "skipped": reason}
