"""The leaderboard: a row for each point, with means over its seeds, compared with the best."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from seqloom.errors import ConfigError, did_you_mean
from seqloom.extras import install_command
from seqloom.sweep.board import Board, Row, Spread
from seqloom.sweep.comparable import UNLIKE, by_data
from seqloom.sweep.directions import direction
from seqloom.sweep.points import Group, differing_keys, grouped, paired
from seqloom.sweep.significance import has_scipy, holm, paired_p
from seqloom.sweep.trials import Trial, counted, is_finite
from seqloom.sweep.verdict import verdict
from seqloom.train.notes import still_improves

NO_TEST = (
    "No p: no row shares two or more seeds with the best row at equal other settings. For a test, "
    "repeat each point: seed=1,2,3."
)
SAMPLED = (
    "*: one seed, so there is no spread over seeds; ± is the standard error due to the examples of "
    "the split."
)
MARKS = {
    "ahead": "ahead: better than the best row on {split} over their common seeds. The best row is "
    "chosen by its mean on val.",
    "constant": "constant: worse than the best row by the same amount on every seed, so there is "
    "no variance to test.",
    "–": "–: no test, because the row shares fewer than two seeds with the best row at equal other "
    "settings. For a test, repeat each point: seed=1,2,3.",
}
"""Marks that replace p in a row without a meaningful test, and their explanations."""


def boards(
    trials: Sequence[Trial],
    by: Sequence[str] | None = None,
    metric: str | None = None,
    *,
    compared: bool = True,
) -> list[Board]:
    """Return a leaderboard for each metric that the trials monitor, and for each data.

    Args:
        trials: Trials of one sweep.
        by: Keys to group by, the others being pooled; None: each point is a row.
        metric: Metric to compare by; None: the monitored one.
        compared: Whether the best row is marked and tested against the others.

    Raises:
        ConfigError: No trial has this metric, or sets one of the keys.
    """
    keys = differing_keys(trials)
    if metric is not None:
        metric = metric.removeprefix("val/")  # monitor= takes both names too
        _refuse_unknown(metric, trials)
        made = _boards(metric, trials, trials, by, keys)
    else:
        monitored = by_monitor(trials)
        made = [
            board
            for name, members in monitored.items()
            for board in _boards(name, members, trials, by, keys)
        ]
    for board in made:
        if compared and board.rows and board.rows[0].val:
            _compare(board)
            board.verdict = verdict(board)
            board.notes += _beside_baselines(board)
        spreads = [found for row in board.rows for found in (row.val, row.test) if found]
        if any(found.sampling_error is not None for found in spreads):
            board.notes.append(SAMPLED)
    return made


def by_monitor(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    """Return trials by their monitored metric.

    A trial whose metric is not known yet is counted with the others of its point; without such,
    with all trials if these have one metric, else under the empty name.
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
    """Return the mean and the spread of values; None if there are none.

    >>> spread([0.5, 0.75])
    Spread(n=2, mean=0.625, error=0.125, low=0.5, high=0.75, sampling_error=None)
    """
    if not values:
        return None
    n = len(values)
    error = statistics.stdev(values) / math.sqrt(n) if n > 1 else None
    return Spread(n, statistics.fmean(values), error, min(values), max(values))


def _boards(
    metric: str,
    members: Sequence[Trial],
    trials: Sequence[Trial],
    by: Sequence[str] | None,
    keys: Sequence[str],
) -> list[Board]:
    """Return a board for the rows of each val and test data: scores on others say nothing."""
    if by is not None:
        grouped(trials, by, keys)  # a key may be set only by trials with another metric
        shown = [key for key in by if any(key in trial.overrides() for trial in members)]
        groups = grouped(members, shown, keys)
    else:
        own = differing_keys(members)
        groups = grouped(members, keys=own)
        shown = list(own)
    higher, assumed = direction(metric, trials)
    rows = [_row(group, metric) for group in groups]
    rows.sort(key=lambda row: rank(row.val, higher))
    notes = [assumed] if assumed else []
    parts = by_data([row.group for row in rows])
    if len(parts) < 2:
        return [Board(metric, higher, shown, rows, notes=notes)]
    return [
        Board(metric, higher, shown, [rows[n] for n in places], notes=[*notes, UNLIKE], data=data)
        for data, places in parts
    ]


def best_trial(trials: Sequence[Trial], metric: str | None = None) -> Trial | None:
    """Return the best trial of the row with the best mean on validation.

    Of equal rows and trials it is the first. None if no trial is done, or they monitor different
    metrics or were evaluated on different data.

    Args:
        trials: Trials of one sweep.
        metric: Metric to compare by; None: the monitored one.
    """
    values = {
        trial.number: value
        for trial in trials
        if (value := trial.value("val", metric or trial.monitor or "")) is not None
    }
    scored = [trial for trial in trials if trial.number in values]
    compared = {metric or trial.monitor or "" for trial in scored}
    if len(compared) != 1:
        return None
    metric = compared.pop()
    higher, _ = direction(metric, scored)
    groups = grouped(scored)
    if len(by_data(groups)) > 1:
        return None
    rows = [_row(group, metric) for group in groups]
    rows.sort(key=lambda row: rank(row.val, higher))
    first = max if higher else min
    return first(rows[0].group.trials, key=lambda trial: values[trial.number])


def rank(found: Spread | None, higher_is_better: bool) -> float:
    """Return a sort key: the best mean first, rows without a mean last."""
    if found is None:
        return math.inf
    return -found.mean if higher_is_better else found.mean


def _row(group: Group, metric: str) -> Row:
    return Row(
        group,
        counted(group.trials),
        _spread(group, "val", metric),
        _spread(group, "test", metric),
        parameters=_mean(group, "parameters"),
        epochs=_mean(group, "epochs"),
        seconds=_mean(group, "training_seconds"),
        speed=_mean(group, "cost_per_second"),
    )


def _spread(group: Group, split: str, metric: str) -> Spread | None:
    found = spread([*group.samples(split, metric).values()])
    if found is None or found.n > 1:
        return found
    errors = [trial.sampling_error(split, metric) for trial in group.trials if trial.done]
    return replace(found, sampling_error=errors[-1] if errors else None)


def _mean(group: Group, name: str) -> float | None:
    found = [trial.record.get(name) for trial in group.trials if trial.done]
    values = [value for value in found if value is not None and is_finite(value)]
    return statistics.fmean(values) if values else None


def _compare(board: Board) -> None:
    """Mark the first row as the best, and test it against every other row."""
    best, *others = board.rows
    best.best = True
    note = convergence_note(best.group.trials, board.metric, board.higher_is_better)
    board.notes += [note] if note else []
    split = "test" if best.test else "val"
    pairs = [paired(best.group, row.group, split, board.metric) for row in others]
    for row, found in zip(others, pairs, strict=True):
        spreads = (best.test, row.test) if split == "test" else (best.val, row.val)
        lead = _lead(found, *spreads)
        row.lead = lead if lead is None or board.higher_is_better else 0.0 - lead
    if others and not has_scipy():
        board.notes.append(f"Significance tests need SciPy: {install_command('sweep')}")
    elif others and all(len(found) < 2 for found in pairs):
        board.notes.append(NO_TEST)
    elif others:
        board.tested_on = split
        _test(board, others, pairs)


def _lead(
    pairs: Sequence[tuple[float, float]], ours: Spread | None, theirs: Spread | None
) -> float | None:
    """Return the mean difference, rounded so that equal values give exactly 0."""
    if pairs:
        return round(statistics.fmean(one - other for one, other in pairs), 12)
    return round(ours.mean - theirs.mean, 12) if ours and theirs else None


def _test(
    board: Board, others: Sequence[Row], pairs: Sequence[Sequence[tuple[float, float]]]
) -> None:
    """Set p or a mark for each other row."""
    ps = holm([paired_p(found) for found in pairs])
    for row, found, p in zip(others, pairs, ps, strict=True):
        row.p = p
        row.mark = _mark(row, len(found))
    used = {row.mark for row in others}
    board.notes += [
        note.format(split=board.tested_on) for word, note in MARKS.items() if word in used
    ]


def _mark(row: Row, pairs: int) -> str:
    if not row.val:
        return ""
    if row.lead is not None and row.lead < 0:
        return "ahead"
    if row.p is not None:
        return ""
    return "constant" if pairs > 1 else "–"


def _beside_baselines(board: Board) -> list[str]:
    """Return a note of what simple models reach on the data of the best row, if it is known."""
    best = board.rows[0]
    records = [trial.baselines for trial in best.group.trials if trial.done]
    said, as_good = [], []
    for name in dict.fromkeys(name for record in records for name in record):
        means = {
            split: statistics.fmean(found)
            for split in ("val", "test")
            if (found := _scores(records, name, split, board.metric))
        }
        if means:
            scores = (f"{split} {mean:.4f}" for split, mean in means.items())
            said.append(f"{name} {', '.join(scores)}")
        if best.val and "val" in means:
            lead = best.val.mean - means["val"]
            as_good += [name] if (lead if board.higher_is_better else -lead) <= 0 else []
    end = f" On val, the best row is not better than {', '.join(as_good)}." if as_good else ""
    return [f"Simple models, {board.metric}: {'; '.join(said)}.{end}"] if said else []


def _scores(
    records: Sequence[Mapping[str, Mapping[str, Mapping[str, float]]]],
    name: str,
    split: str,
    metric: str,
) -> list[float]:
    found = [record.get(name, {}).get(split, {}).get(metric) for record in records]
    return [score for score in found if score is not None]


def convergence_note(trials: Sequence[Trial], metric: str, higher_is_better: bool) -> str:
    """Return a note if the last epoch of most trials was better than all before it; else nothing.

    Args:
        trials: Trials of the best row; those that are not done do not count.
        metric: Name of the metric on the validation split.
        higher_is_better: Whether higher values of the metric are better.
    """
    curves = [trial.curve(f"val/{metric}") for trial in trials if trial.done]
    improving = [
        still_improves([curve[epoch] for epoch in sorted(curve)], higher_is_better=higher_is_better)
        for curve in curves
    ]
    if 2 * sum(improving) <= len(improving):
        return ""
    verb = "rose" if higher_is_better else "fell"
    return (
        f"The best row's val {metric} still {verb} in its last epoch: train for more epochs before "
        "you choose."
    )


def _refuse_unknown(metric: str, trials: Sequence[Trial]) -> None:
    known = {name for t in trials if t.done for values in t.metrics.values() for name in values}
    if metric not in known:
        raise ConfigError(
            f"No finished trial has the metric {metric!r}. {did_you_mean(metric, known)}"
        )
