"""The leaderboard: a row for each point, with what its seeds came to and how sure that is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seqloom.errors import ConfigError, did_you_mean
from seqloom.sweep.ledger import Trial, counted, is_number
from seqloom.sweep.points import Group, differing_keys, grouped, paired
from seqloom.sweep.rising import still_rising
from seqloom.sweep.significance import has_scipy, holm, paired_p

GET_SCIPY = 'Significance needs scipy: pip install "seqloom[sweep]"'
NO_TEST = "No p: no row shares two seeds or more, at equal other settings, with the best."
IN_PLACE = {
    "ahead": "ahead: better on {split}, over the seeds that both have, than the best row, which is "
    "chosen by its mean on val.",
    "constant": "constant: behind the best row by the same on every seed, so that nothing varies "
    "that a test could go by.",
    "–": "–: no test, since the row shares fewer than two seeds with the best, at equal other "
    "settings.",
}
"""What stands for p in a row where it would mislead or is none, and what that means."""


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
        lead: of the best row over this one, on the split that is tested: positive where the best
            row is better; the mean over the pairs that are tested, failing these that of all.
        p: of the paired test of the best row against this one, corrected; None: no test.
        in_place: of p, one of `IN_PLACE`; empty where p says what there is to say.
        parameters: of the model, the mean.
        epochs: of training, the mean.
        seconds: of training, the mean.
        speed: tokens or pixels a second in training, the mean.
    """

    group: Group
    counts: Mapping[str, int]
    val: Spread | None
    test: Spread | None
    best: bool = False
    lead: float | None = None
    p: float | None = None
    in_place: str = ""
    parameters: float | None = None
    epochs: float | None = None
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
        """The row with the best mean on validation; None if no trial is done, or none is best."""
        return next((row for row in self.rows if row.best), None)


def boards(
    trials: Sequence[Trial],
    by: Sequence[str] | None = None,
    metric: str | None = None,
    *,
    compared: bool = True,
) -> list[Board]:
    """Return a leaderboard for each metric that the trials monitor.

    Args:
        trials: of one sweep.
        by: the keys to group by, all others pooled; None: each point is a row.
        metric: another than the monitored one.
        compared: whether the best row is marked and tested against the others.

    Raises:
        ConfigError: no trial has this metric, or sets one of the keys.
    """
    keys = differing_keys(trials)
    if metric is not None:
        _refuse_unknown(metric, trials)
        made = [_board(metric, trials, trials, by, keys)]
    else:
        parted = by_monitor(trials)
        made = [_board(name, members, trials, by, keys) for name, members in parted.items()]
    for board in made:
        if compared and board.rows and board.rows[0].val:
            _compare(board)
    return made


def by_monitor(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    """Return trials by the metric that they monitor.

    A trial that does not know its metric yet goes with the others of its point; failing these,
    with all if they have one metric, else under the empty name.
    """
    known = list(dict.fromkeys(trial.monitor for trial in trials if trial.monitor))
    fallback = known[0] if len(known) == 1 else ""
    parts: dict[str, list[Trial]] = {name: [] for name in known}
    for group in grouped(trials):
        own = next((trial.monitor for trial in group.trials if trial.monitor), None) or fallback
        for trial in group.trials:
            parts.setdefault(trial.monitor or own, []).append(trial)
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
    return Board(metric, higher, shown, rows, notes=[assumed] if assumed else [])


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """Return the best trial of the row with the best mean on validation.

    Of equal rows and trials it is the first. None: no trial is done, or they monitor several
    metrics.
    """
    scores = {trial.number: score for trial in trials if (score := trial.score()) is not None}
    scored = [trial for trial in trials if trial.number in scores]
    monitored = {trial.monitor for trial in scored}
    if len(monitored) != 1:
        return None
    metric = monitored.pop() or ""
    higher, _ = direction(metric, scored)
    rows = sorted(
        (_row(group, metric) for group in grouped(scored)),
        key=lambda row: rank(row.val, higher),
    )
    return max(rows[0].group.trials, key=lambda trial: scores[trial.number])


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
        epochs=_mean(group, "epochs"),
        seconds=_mean(group, "training_seconds"),
        speed=_mean(group, "cost_per_second"),
    )


def _mean(group: Group, name: str) -> float | None:
    found = [trial.record.get(name) for trial in group.trials if trial.done]
    values = [value for value in found if value is not None and is_number(value)]
    return statistics.fmean(values) if values else None


def _compare(board: Board) -> None:
    """Mark the first row as the best, and test it against each other one."""
    best, *others = board.rows
    best.best = True
    note = still_rising(best.group.trials, board.metric, board.higher_is_better)
    board.notes += [note] if note else []
    split = "test" if best.test else "val"
    pairs = [paired(best.group, row.group, split, board.metric) for row in others]
    for row, found in zip(others, pairs, strict=True):
        spreads = (best.test, row.test) if split == "test" else (best.val, row.val)
        lead = _lead(found, *spreads)
        row.lead = lead if lead is None or board.higher_is_better else 0.0 - lead
    if others and not has_scipy():
        board.notes.append(GET_SCIPY)
    elif others and all(len(found) < 2 for found in pairs):
        board.notes.append(NO_TEST)
    elif others:
        board.tested_on = split
        _test(board, others, pairs)


def _lead(
    pairs: Sequence[tuple[float, float]], ours: Spread | None, theirs: Spread | None
) -> float | None:
    """Return the mean difference, without what rounding makes of none at all."""
    if pairs:
        return round(statistics.fmean(one - other for one, other in pairs), 12)
    return round(ours.mean - theirs.mean, 12) if ours and theirs else None


def _test(
    board: Board, others: Sequence[Row], pairs: Sequence[Sequence[tuple[float, float]]]
) -> None:
    """Set the p of each other row, and what stands in its place."""
    ps = holm([paired_p(found) for found in pairs])
    for row, found, p in zip(others, pairs, ps, strict=True):
        row.p = p
        row.in_place = _in_place(row, len(found))
    used = {row.in_place for row in others}
    board.notes += [
        note.format(split=board.tested_on) for word, note in IN_PLACE.items() if word in used
    ]


def _in_place(row: Row, pairs: int) -> str:
    if not row.val:
        return ""
    if row.lead is not None and row.lead < 0:
        return "ahead"
    if row.p is not None:
        return ""
    return "constant" if pairs > 1 else "–"


def direction(metric: str, trials: Sequence[Trial]) -> tuple[bool, str]:
    """Return whether more of a metric is better, and a note if that had to be assumed."""
    for trial in trials:
        if trial.monitor == metric:
            return trial.record.get("higher_is_better") is not False, ""
    higher = not (metric.endswith(("loss", "error")) or metric in {"cer", "wer"})
    better = "higher" if higher else "lower"
    return higher, f"No trial monitors {metric}: taken as better the {better}." if metric else ""


def _refuse_unknown(metric: str, trials: Sequence[Trial]) -> None:
    known = {name for t in trials if t.done for values in t.metrics.values() for name in values}
    if metric not in known:
        raise ConfigError(f"No trial that is done has {metric!r}. {did_you_mean(metric, known)}")
