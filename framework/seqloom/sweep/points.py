"""The points of a sweep: settings without the seed. Trials of one point are its repetitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from statistics import fmean

from seqloom.errors import ConfigError, did_you_mean
from seqloom.sweep.trials import Trial

ABSENT = "–"
"""Shown for the value of a key that does not apply to a point."""

Values = tuple[str, ...]


@dataclass
class Group:
    """The trials of one row: those of a point, or of several pooled points.

    Attributes:
        values: Values of the row's keys.
        trials: Trials in the order of their numbers.
        rest: Values of the other keys that differ, for each trial.
    """

    values: Mapping[str, str]
    trials: list[Trial] = field(default_factory=list)
    rest: list[Values] = field(default_factory=list)

    @property
    def points(self) -> int:
        """The number of pooled points."""
        return len(set(self.rest))

    @property
    def name(self) -> str:
        """The row's values as text: ``encoder=lstm encoder.merge=sum``."""
        pairs = [f"{key}={value}" for key, value in self.values.items() if value != ABSENT]
        return " ".join(pairs) or "all"

    @property
    def label(self) -> str:
        """A shorter name: choices by their names, parameters by the last word of their keys.

        >>> Group({"encoder": "bilstm", "encoder.merge": "sum", "optimizer.lr": "–"}).label
        'bilstm merge=sum'
        >>> Group({"encoder.dropout": "0.1", "head.dropout": "0.2"}).label
        'encoder.dropout=0.1 head.dropout=0.2'
        """
        words = [
            f"{word}={value}" if "." in key else value
            for (key, value), word in zip(
                self.values.items(), last_words(list(self.values)), strict=True
            )
            if value != ABSENT
        ]
        return " ".join(words) or "all"

    def samples(self, split: str, metric: str) -> dict[tuple[Values, str], float]:
        """Return a metric of the finished trials, by the values of the pooled keys and the seed.

        Of trials with equal values and seed, the last one counts.
        """
        return {
            (rest, trial.seed or f"trial {trial.number}"): value
            for trial, rest in zip(self.trials, self.rest, strict=True)
            if (value := trial.value(split, metric)) is not None
        }


def last_words(keys: Sequence[str]) -> list[str]:
    """Return the last word of each key, or the whole key where two last words are equal."""
    last = [key.rpartition(".")[2] for key in keys]
    return [word if last.count(word) == 1 else key for key, word in zip(keys, last, strict=True)]


def paired(a: Group, b: Group, split: str, metric: str) -> list[tuple[float, float]]:
    """Return a metric of two groups in pairs with equal seeds and equal values of the pooled keys.

    For a pooled key that applies to only one of the groups, such as the merge of bidirectional
    encoders, the mean over its values is used.
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
    """Return the overrides of a trial without the seed."""
    return {key: value for key, value in trial.overrides().items() if key != "seed"}


def differing_keys(trials: Iterable[Trial]) -> list[str]:
    """Return the keys in which the points of trials differ, in order of their appearance."""
    points = [point_of(trial) for trial in trials]
    keys = dict.fromkeys(key for point in points for key in point)
    return [key for key in keys if len({point.get(key) for point in points}) > 1]


def grouped(
    trials: Sequence[Trial], by: Sequence[str] | None = None, keys: Sequence[str] | None = None
) -> list[Group]:
    """Return trials grouped by the values of some keys, in the order of their first trials.

    Args:
        trials: Trials of one sweep.
        by: Keys to group by; None: all that differ, so that each group is a point.
        keys: Keys that differ; None: those that differ between these trials.

    Raises:
        ConfigError: No trial sets one of the keys.
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
                f"Available keys: {', '.join(sorted(known))}."
            )
        if key not in known:
            raise ConfigError(f"No trial sets {key!r}. {did_you_mean(key, known)}")
    return by
