"""The leaderboard: a row for each point, with what its seeds came to and how sure that is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seqloom.errors import ConfigError, did_you_mean
from seqloom.sweep.ledger import Trial, counted, is_number
from seqloom.sweep.points import Group, differing_keys, grouped, paired
from seqloom.sweep.significance import has_scipy, holm, paired_p

GET_SCIPY = 'Significance needs scipy: pip install "seqloom[sweep]"'
NO_TEST = "No p: no row shares two seeds or more, at equal other settings, with the best."


@dataclass(frozen=True)
class Spread:
    """How a metric is spread over the seeds.

    Attributes:
        n: how many values there are, at least 1.
        mean: of them.
        error: the standard error of the mean, sd/√n; None of a single value.
        low: the lowest.
        high: the highest.
    """

    n: int
    mean: float
    error: float | None
    low: float
    high: float


@dataclass
class Row:
    """A row of the leaderboard.

    Attributes:
        group: its trials, and the values of its keys.
        counts: how many trials there are of each state.
        val: the metric on the validation split; None without a trial that has it.
        test: the same on the test split.
        best: whether it has the best mean on validation.
        p: of the paired test of the best row against this one, corrected; None: no test.
        parameters: of the model, the mean.
        seconds: of training, the mean.
        speed: tokens or pixels a second in training, the mean.
    """

    group: Group
    counts: Mapping[str, int]
    val: Spread | None
    test: Spread | None
    best: bool = False
    p: float | None = None
    parameters: float | None = None
    seconds: float | None = None
    speed: float | None = None


@dataclass
class Board:
    """The rows that one metric compares.

    Attributes:
        metric: its name; empty if no trial is done, so that none is known.
        higher_is_better: of the metric.
        keys: whose values tell the rows apart.
        rows: the best mean on validation first, unless sorted otherwise.
        tested_on: the split that p is of; empty without a test.
        notes: what a reader should know besides.
    """

    metric: str
    higher_is_better: bool
    keys: list[str]
    rows: list[Row]
    tested_on: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def best(self) -> Row | None:
        """The row with the best mean on validation; None if no trial is done."""
        return next((row for row in self.rows if row.best), None)


def boards(
    trials: Sequence[Trial], by: Sequence[str] | None = None, metric: str | None = None
) -> list[Board]:
    """Return a leaderboard for each metric that the trials watch.

    Args:
        trials: of one sweep.
        by: the keys to group by, all others pooled; None: each point is a row.
        metric: another than the watched one.

    Raises:
        ConfigError: no trial has this metric, or sets one of the keys.
    """
    keys = differing_keys(trials)
    if metric is not None:
        _refuse_unknown(metric, trials)
        return [_board(metric, trials, trials, by, keys)]
    parted = by_watch(trials)
    return [_board(name, members, trials, by, keys) for name, members in parted.items()]


def by_watch(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    """Return trials by the metric that they watch.

    A trial that does not know its metric yet goes with the others of its point; failing these,
    with all if they have one metric, else under the empty name.
    """
    known = list(dict.fromkeys(trial.watch for trial in trials if trial.watch))
    fallback = known[0] if len(known) == 1 else ""
    parts: dict[str, list[Trial]] = {name: [] for name in known}
    for group in grouped(trials):
        own = next((trial.watch for trial in group.trials if trial.watch), None) or fallback
        for trial in group.trials:
            parts.setdefault(trial.watch or own, []).append(trial)
    return {name: sorted(part, key=lambda trial: trial.number) for name, part in parts.items()}


def spread(values: Sequence[float]) -> Spread | None:
    """Return how values are spread; None of none.

    >>> spread([0.5, 0.75])
    Spread(n=2, mean=0.625, error=0.125, low=0.5, high=0.75)
    """
    if not values:
        return None
    n = len(values)
    error = statistics.stdev(values) / math.sqrt(n) if n > 1 else None
    return Spread(n, statistics.fmean(values), error, min(values), max(values))


def _board(
    metric: str,
    members: Sequence[Trial],
    trials: Sequence[Trial],
    by: Sequence[str] | None,
    keys: Sequence[str],
) -> Board:
    if by is not None:
        grouped(trials, by, keys)  # a key that only trials of another metric set is no mistake
        shown = [key for key in by if any(key in trial.overrides() for trial in members)]
        groups = grouped(members, shown, keys)
    else:
        own = differing_keys(members)
        groups = grouped(members, keys=own)
        shown = list(own)
    higher, assumed = direction(metric, trials)
    rows = [_row(group, metric) for group in groups]
    rows.sort(key=lambda row: rank(row.val, higher))
    board = Board(metric, higher, shown, rows, notes=[assumed] if assumed else [])
    if rows and rows[0].val:
        rows[0].best = True
        _test(board)
    return board


def rank(found: Spread | None, higher_is_better: bool) -> float:
    """Return what sorts the best mean first, and what has none last."""
    if found is None:
        return math.inf
    return -found.mean if higher_is_better else found.mean


def _row(group: Group, metric: str) -> Row:
    return Row(
        group,
        counted(group.trials),
        spread([*group.samples("val", metric).values()]),
        spread([*group.samples("test", metric).values()]),
        parameters=_mean(group, "parameters"),
        seconds=_mean(group, "training_seconds"),
        speed=_mean(group, "cost_per_second"),
    )


def _mean(group: Group, name: str) -> float | None:
    found = [trial.record.get(name) for trial in group.trials if trial.done]
    values = [value for value in found if value is not None and is_number(value)]
    return statistics.fmean(values) if values else None


def _test(board: Board) -> None:
    """Test the best row against each other one, on the test split if there is one."""
    best, *others = board.rows
    split = "test" if best.test else "val"
    if not others:
        return
    if not has_scipy():
        board.notes.append(GET_SCIPY)
        return
    tests = [paired_p(paired(best.group, row.group, split, board.metric)) for row in others]
    for row, p in zip(others, holm(tests), strict=True):
        row.p = p
    if any(p is not None for p in tests):
        board.tested_on = split
    else:
        board.notes.append(NO_TEST)


def direction(metric: str, trials: Sequence[Trial]) -> tuple[bool, str]:
    """Return whether more of a metric is better, and a note if that had to be assumed."""
    for trial in trials:
        if trial.watch == metric:
            return trial.record.get("higher_is_better") is not False, ""
    higher = not (metric.endswith(("loss", "error")) or metric in {"cer", "wer"})
    better = "higher" if higher else "lower"
    return higher, f"No trial watches {metric}: taken as better the {better}." if metric else ""


def _refuse_unknown(metric: str, trials: Sequence[Trial]) -> None:
    known = {name for t in trials if t.done for values in t.metrics.values() for name in values}
    if metric not in known:
        raise ConfigError(f"No trial that is done has {metric!r}. {did_you_mean(metric, known)}")
