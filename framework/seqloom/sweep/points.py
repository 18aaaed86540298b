"""The points of a sweep: what was set but for the seed. Trials of one point repeat one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from statistics import fmean

from seqloom.errors import ConfigError, did_you_mean
from seqloom.sweep.ledger import Trial

ABSENT = "–"
"""Stands for the value of a key that a point lacks, since it does not apply there."""

Values = tuple[str, ...]


@dataclass
class Group:
    """Trials that belong in one row: those of a point, or of several points pooled.

    Attributes:
        values: of the row's keys.
        trials: in the order of their numbers.
        rest: the values of all other keys that differ, for each trial.
    """

    values: Mapping[str, str]
    trials: list[Trial] = field(default_factory=list)
    rest: list[Values] = field(default_factory=list)

    @property
    def points(self) -> int:
        """How many points are pooled."""
        return len(set(self.rest))

    @property
    def name(self) -> str:
        """The row in words: ``encoder=lstm encoder.merge=sum``."""
        pairs = [f"{key}={value}" for key, value in self.values.items() if value != ABSENT]
        return " ".join(pairs) or "all"

    def samples(self, split: str, metric: str) -> dict[tuple[Values, str], float]:
        """Return a metric of the trials that are done, by what they can be paired by.

        That is the values of the pooled keys and the seed. Of trials that are equal in all, which
        say no more than one of them, the last counts.
        """
        return {
            (rest, trial.seed or f"trial {trial.number}"): value
            for trial, rest in zip(self.trials, self.rest, strict=True)
            if (value := trial.value(split, metric)) is not None
        }


def paired(a: Group, b: Group, split: str, metric: str) -> list[tuple[float, float]]:
    """Return a metric of two groups in pairs: of equal seeds and equal values of the pooled keys.

    A pooled key that applies to one of the groups alone, such as the merge to bidirectional
    encoders, cannot be equal: the mean over its values is taken.
    """
    applies = [
        any(rest[i] != ABSENT for rest in a.rest) and any(rest[i] != ABSENT for rest in b.rest)
        for i in range(len(a.rest[0]))
    ]
    left, right = (_means(group.samples(split, metric), applies) for group in (a, b))
    return [(left[key], right[key]) for key in left if key in right]


def _means(
    samples: Mapping[tuple[Values, str], float], applies: Sequence[bool]
) -> dict[tuple[Values, str], float]:
    found: dict[tuple[Values, str], list[float]] = {}
    for (rest, seed), value in samples.items():
        found.setdefault((tuple(compress(rest, applies)), seed), []).append(value)
    return {key: fmean(values) for key, values in found.items()}


def point_of(trial: Trial) -> dict[str, str]:
    """Return what was set for a trial but for the seed."""
    return {key: value for key, value in trial.overrides().items() if key != "seed"}


def differing_keys(trials: Iterable[Trial]) -> list[str]:
    """Return the keys in which the points of trials differ, in the order in which they came."""
    points = [point_of(trial) for trial in trials]
    keys = dict.fromkeys(key for point in points for key in point)
    return [key for key in keys if len({point.get(key) for point in points}) > 1]


def grouped(
    trials: Sequence[Trial], by: Sequence[str] | None = None, keys: Sequence[str] | None = None
) -> list[Group]:
    """Return trials grouped by the values of some keys, in the order of their first trials.

    Args:
        trials: of one sweep.
        by: the keys; None: all that differ, so that each group is a point.
        keys: those that differ; None: those that differ between these trials.

    Raises:
        ConfigError: no trial sets one of the keys.
    """
    keys = differing_keys(trials) if keys is None else keys
    by = keys if by is None else _known(by, trials)
    others = [key for key in keys if key not in by]
    groups: dict[Values, Group] = {}
    for trial in trials:
        point = point_of(trial)
        values = tuple(point.get(key, ABSENT) for key in by)
        group = groups.setdefault(values, Group(dict(zip(by, values, strict=True))))
        group.trials.append(trial)
        group.rest.append(tuple(point.get(key, ABSENT) for key in others))
    return list(groups.values())


def _known(by: Sequence[str], trials: Sequence[Trial]) -> Sequence[str]:
    known = dict.fromkeys(key for trial in trials for key in point_of(trial))
    for key in by:
        if key == "seed":
            raise ConfigError(
                "The trials cannot be grouped by seed: seeds are the repetitions of a point. "
                f"There are: {', '.join(sorted(known))}."
            )
        if key not in known:
            raise ConfigError(f"No trial sets {key!r}. {did_you_mean(key, known)}")
    return by
