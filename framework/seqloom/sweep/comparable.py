"""Tell which rows of a leaderboard were evaluated on the same data."""

from __future__ import annotations

from collections.abc import Sequence

from seqloom.sweep.points import Group
from seqloom.sweep.trials import Trial

UNLIKE = (
    "The trials were evaluated on different val or test data, so their scores cannot be compared. "
    "There is one table for each data set; its best row is the best of that table only."
)


def evaluated_on(trial: Trial) -> str:
    """Return what identifies the val and test data of a finished trial; empty if not recorded."""
    splits = trial.record.get("splits")
    if not trial.done or not isinstance(splits, dict):
        return ""
    digests = [
        facts.get("values") if isinstance(facts := splits.get(split), dict) else None
        for split in ("val", "test")
    ]
    return "/".join(str(one)[:8] for one in digests) if all(digests) else ""


def by_data(groups: Sequence[Group]) -> list[tuple[str, list[int]]]:
    """Return the positions of groups that were evaluated on the same data, with its name.

    Groups with several data sets belong together if they have one in common. Groups without a
    finished trial are with the first ones, those with the first trial.
    """
    parts: list[tuple[set[str], list[int]]] = []
    unknown = []
    for place, group in enumerate(groups):
        own = {data for trial in group.trials if (data := evaluated_on(trial))}
        if not own:
            unknown.append(place)
            continue
        joined = [part for part in parts if part[0] & own]
        parts = [part for part in parts if not part[0] & own]
        names = own.union(*(names for names, _ in joined))
        parts.append((names, sorted([place, *(one for _, places in joined for one in places)])))
    parts = parts or [(set(), [])]
    parts.sort(key=lambda part: min((_first(groups[place]) for place in part[1]), default=0))
    parts[0][1].extend(unknown)
    return [(" ".join(sorted(names)), sorted(places)) for names, places in parts]


def _first(group: Group) -> int:
    """Return the number of a group's first trial."""
    return min(trial.number for trial in group.trials)
