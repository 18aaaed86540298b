"""How a sweep stands, told while it runs."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from seqloom.sweep.leaderboard import best_trial
from seqloom.sweep.ledger import Trial, read_trials
from seqloom.sweep.plan import Plan

INTERVAL = 2.0
"""Seconds between two looks at the trials' records."""

ENDED = frozenset({"done", "pruned", "failed", "damaged"})


@contextmanager
def following(plan: Plan, interval: float = INTERVAL) -> Iterator[None]:
    """Print a line to stderr whenever trials of the plan have ended, while the block runs.

    A search that is to go on after the block gets a last line.
    """
    over, before = threading.Event(), _ended(read_trials(plan.folder))
    thread = threading.Thread(target=_follow, args=(plan, before, over, interval), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _follow(plan: Plan, before: int, over: threading.Event, interval: float) -> None:
    start, told = time.monotonic(), before
    is_over = False
    while not is_over:
        is_over = over.wait(interval)
        trials = read_trials(plan.folder)
        now = _ended(trials)
        if now != told and not (is_over and now >= plan.expected):
            said = line(trials, now - before, time.monotonic() - start, plan.expected)
            print(said, file=sys.stderr, flush=True)
            told = now


def _ended(trials: Sequence[Trial]) -> int:
    return sum(trial.state in ENDED for trial in trials)


def line(trials: Sequence[Trial], ended_here: int, seconds: float, expected: int = 0) -> str:
    """Return how a sweep stands: counts, the best so far, the time left.

    Args:
        trials: all that are planned.
        ended_here: how many of them have ended in the last ``seconds``.
        seconds: see there.
        expected: how many there will be, where more are to be planned.
    """
    total = max(len(trials), expected)
    states = Counter(trial.state for trial in trials)
    counts = [f"{states['done']} of {total} done"]
    counts += [f"{states[s]} {s}" for s in ("running", "failed", "pruned") if states[s]]
    parts = [f"Sweep: {', '.join(counts)}"]
    top = best_trial(trials)
    if top and top.monitor:
        value = top.metrics["val"][top.monitor]
        parts.append(f"best: trial {top.number} with val/{top.monitor} {value:.4f}")
    left = total - _ended(trials)
    if left and ended_here > 0:  # a trial that failed and is tried again has not ended any more
        parts.append(f"about {_duration(seconds / ended_here * left)} left")
    return "; ".join(parts)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
