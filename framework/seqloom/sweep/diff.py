"""The differences between two sweeps, or between two runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqloom.errors import ConfigError, DataError, printable, shortened
from seqloom.sweep.columns import aligned
from seqloom.sweep.folder import SweepFolder
from seqloom.sweep.leaderboard import spread
from seqloom.sweep.points import ABSENT, Group, differing_keys, grouped, point_of
from seqloom.sweep.trials import BROKEN, Trial, open_sweep, read_trial
from seqloom.train.folder import RunFolder

log = logging.getLogger("seqloom")

NO_SETTINGS = frozenset({"run_dir", "resume", "title", "threads"})
"""Keys of a config that do not affect a result."""


@dataclass(frozen=True)
class Section:
    """A table of differences.

    Attributes:
        title: Title of the table.
        header: Names of the columns.
        rows: Rows of text.
    """

    title: str
    header: list[str]
    rows: list[list[str]]

    def __str__(self) -> str:
        return f"{self.title}\n{aligned([self.header, *self.rows])}"


def diff(first: Path, second: Path, metric: str | None = None) -> list[Section]:
    """Return the differences between two sweeps, or two runs, with their metrics side by side.

    Args:
        first: Folder of a sweep or of a run.
        second: Folder of another one of the same kind.
        metric: Metric to compare sweeps by; None: the monitored one.

    Raises:
        DataError: A folder holds neither, or the folders are of different kinds.
        ConfigError: Two sweeps monitor different metrics, and ``metric`` is None.
    """
    kinds = [_kind(folder) for folder in (first, second)]
    if kinds[0] != kinds[1]:
        raise DataError(
            f"{first} is a {kinds[0]} and {second} is a {kinds[1]}. Pass two sweeps or two "
            f"runs. The runs of a sweep are its numbered folders, such as "
            f"{(first if kinds[0] == 'sweep' else second) / '0'}."
        )
    if kinds[0] == "sweep":
        return _of_sweeps(open_sweep(first), open_sweep(second), metric)
    return _of_runs(read_trial(first), read_trial(second))


def _kind(folder: Path) -> str:
    if SweepFolder(folder).is_sweep():
        return "sweep"
    if RunFolder(folder).record.is_file():
        return "run"
    what = "holds neither a sweep nor a run" if folder.is_dir() else "is not a folder"
    raise DataError(f"{folder} {what}. Pass the folders of two sweeps, or of two runs.")


def _of_sweeps(a: Sequence[Trial], b: Sequence[Trial], metric: str | None) -> list[Section]:
    for one in (*a, *b):
        if one.state in BROKEN:
            log.warning("%s The trial is left out.", one.record.get("error") or one.folder)
    name = metric or _monitored([*a, *b])
    # Keys that are constant in each sweep would keep all points apart: they get their own table.
    keys = list(dict.fromkeys([*differing_keys(a), *differing_keys(b)]))
    left, right = ({_values(g): g for g in grouped(one, keys=keys)} for one in (a, b))
    both = [_compared(left[values], right[values], name) for values in left if values in right]
    means = [f"{split} {name} {side}" for split in ("val", "test") for side in ("A", "B", "B - A")]
    sections = [
        Section("Constant settings that differ", ["key", "A", "B"], _constants(a, b, keys)),
        Section("Points in both", [*keys, *means], both),
        *(
            Section(
                f"Points only in {side}",
                [*keys, f"val {name}", f"test {name}"],
                [
                    [*values, *(_text(_mean(group, split, name)) for split in ("val", "test"))]
                    for values, group in own.items()
                    if values not in other
                ],
            )
            for side, own, other in (("A", left, right), ("B", right, left))
        ),
    ]
    return [section for section in sections if section.rows]


def _monitored(trials: Sequence[Trial]) -> str:
    names = list(dict.fromkeys(trial.monitor for trial in trials if trial.monitor))
    if len(names) > 1:
        listed = printable(shortened(", ".join(names), 200))
        raise ConfigError(
            f"The trials monitor different metrics: {listed}. Choose one: --metric NAME"
        )
    return names[0] if names else ""


def _values(group: Group) -> tuple[str, ...]:
    return tuple(group.values.values())


def _constants(a: Sequence[Trial], b: Sequence[Trial], keys: Sequence[str]) -> list[list[str]]:
    left, right = (point_of(trials[0]) if trials else {} for trials in (a, b))
    return [row for row in _rows(left, right) if row[0] not in keys]


def _compared(left: Group, right: Group, metric: str) -> list[str]:
    cells = list(left.values.values())
    for split in ("val", "test"):
        one, other = (_mean(group, split, metric) for group in (left, right))
        difference = "" if one is None or other is None else f"{other - one:+.4f}"
        cells += [_text(one), _text(other), difference]
    return cells


def _mean(group: Group, split: str, metric: str) -> float | None:
    found = spread([*group.samples(split, metric).values()])
    return found.mean if found else None


def _of_runs(a: Trial, b: Trial) -> list[Section]:
    for one in (a, b):
        if one.state in BROKEN:
            raise DataError(f"{one.record.get('error') or one.folder} It cannot be compared.")
    config_a, config_b = (
        {key: value for key, value in _mapping(one, "config").items() if key not in NO_SETTINGS}
        for one in (a, b)
    )
    sections = [
        Section("Config", ["key", "A", "B"], _rows(_flat(config_a), _flat(config_b))),
        Section("Metrics", ["metric", "A", "B", "B - A"], _metrics(a, b)),
        Section("Versions", ["", "A", "B"], _rows(_origin(a), _origin(b))),
    ]
    return [section for section in sections if section.rows]


def _origin(trial: Trial) -> dict[str, str]:
    """Return the versions and the state behind a run's result."""
    plugins = trial.record.get("plugins")
    listed = [one for one in plugins if isinstance(one, dict)] if isinstance(plugins, list) else []
    git = _mapping(trial, "git")
    return {
        "state": trial.state,
        **_flat(_mapping(trial, "versions")),
        **{f"plugin {one.get('name')}": str(one.get("version")) for one in listed},
        **_flat({"git": git} if git else {}),
        **_flat({"machine": _mapping(trial, "machine")}),
    }


def _metrics(a: Trial, b: Trial) -> list[list[str]]:
    left, right = (
        {
            f"{split} {name}": value
            for split, one in t.metrics.items()
            for name, value in one.items()
        }
        for t in (a, b)
    )
    rows = []
    for name in dict.fromkeys([*left, *right]):
        one, other = left.get(name), right.get(name)
        difference = "" if one is None or other is None else f"{other - one:+.4f}"
        rows.append([name, _text(one), _text(other), difference])
    return rows


def _mapping(trial: Trial, name: str) -> dict[str, Any]:
    found = trial.record.get(name)
    return found if isinstance(found, dict) else {}


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested values as text, by dotted keys."""
    return dict(_pairs(value, prefix))


def _pairs(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, one in value.items():
        if isinstance(one, dict) and one:
            yield from _pairs(one, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", "null" if one is None else str(one)


def _rows(a: Mapping[str, str], b: Mapping[str, str]) -> list[list[str]]:
    keys = dict.fromkeys([*a, *b])
    return [
        [key, a.get(key, ABSENT), b.get(key, ABSENT)] for key in keys if a.get(key) != b.get(key)
    ]


def _text(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.4f}"
