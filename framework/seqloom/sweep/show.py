"""Print the leaderboard of a sweep: the table alone to standard output, notes to the other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from seqloom.sweep.formats import FORMATS, left_out
from seqloom.sweep.front import front, has_several_objectives
from seqloom.sweep.index import write_index
from seqloom.sweep.leaderboard import best_trial, boards
from seqloom.sweep.ledger import Trial, open_sweep, read_trials
from seqloom.sweep.ordering import sort, top
from seqloom.sweep.standing import standing
from seqloom.train.folder import RunFolder

FAULTS = 5


def show(
    folder: Path,
    form: str = "table",
    *,
    by: Sequence[str] | None = None,
    metric: str | None = None,
    order: str | None = None,
    most: int | None = None,
) -> None:
    """Print the leaderboard of a sweep.

    Args:
        folder: of the sweep.
        form: one of `FORMATS`.
        by: the keys to group by; None: each point is a row.
        metric: another than the monitored one.
        order: the column to sort by; None: the mean on validation, the best first.
        most: rows to show; None: all.

    Raises:
        SeqloomError: it is no sweep, or has no such key, metric or column.
    """
    trials = open_sweep(folder)
    several = has_several_objectives(folder)
    made = boards(trials, by, metric, compared=not several)
    if order is not None:
        sort(made, order)
    if most is not None:
        top(made, most)
    print(FORMATS[form](made), flush=True)
    notes = list(dict.fromkeys(note for board in made for note in board.notes))
    if form == "table" and (names := left_out(made)):
        notes.append(f"No room for: {', '.join(names)}. --format markdown, csv or json has them.")
    notes += front(folder) if several else []
    for line in [f"{standing(folder, trials)}.", *notes, *faults(trials)]:
        print(line, file=sys.stderr)


def faults(trials: Sequence[Trial]) -> list[str]:
    """Return a sentence for each of the first trials that failed or are damaged."""
    bad = [trial for trial in trials if trial.state in {"failed", "damaged"}]
    told = [
        f"Trial {trial.number} {'is' if trial.state == 'damaged' else 'has'} {trial.state}: "
        f"{str(trial.record.get('error') or 'its record does not say why').splitlines()[0]}"
        for trial in bad[:FAULTS]
    ]
    more = len(bad) - len(told)
    return [*told, f"… and {more} more."] if more else told


def sum_up(folder: Path) -> None:
    """Write a sweep's index and print its leaderboard, where its best model is, and where it is."""
    write_index(folder)
    sys.stdout.write("\n")
    show(folder)
    top = None if has_several_objectives(folder) else best_trial(read_trials(folder))
    if top:
        sys.stdout.write(f"\nbest   {RunFolder(top.folder).bundle}")
    sys.stdout.write(f"\nsweep  {folder}\n")
