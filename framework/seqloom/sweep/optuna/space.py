"""The search space: read from Hydra's override grammar, and sampled point by point with Optuna."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Sweep
from optuna import Study, Trial
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

from seqloom.errors import ConfigError, did_you_mean
from seqloom.sweep.override_filter import OverrideFilter

TAGS = ("log",)

Point = tuple[str, ...]
"""The overrides of a point, without its seed."""


@dataclass
class Space:
    """The search space.

    Attributes:
        fixed: Overrides of all points.
        groups: Distributions of config groups, whose choices decide which other keys apply.
        values: Distributions of other keys.
        seeds: Overrides ``seed=1`` … of the repetitions of each point; may be empty.
    """

    fixed: list[str] = field(default_factory=list)
    groups: dict[str, BaseDistribution] = field(default_factory=dict)
    values: dict[str, BaseDistribution] = field(default_factory=dict)
    seeds: list[str] = field(default_factory=list)


def read_space(overrides: Sequence[Override]) -> Space:
    """Return the search space of overrides; if a key is repeated, the last one counts.

    Raises:
        ConfigError: A range cannot be searched, or there is nothing to search.
    """
    space = Space()
    for override in _last_of_each_key(overrides):
        key = override.get_key_element()
        if key == "seed":
            space.seeds = _seeds(override)
        elif not override.is_sweep_override():
            space.fixed.append(_as_given(override))
        elif _is_group(override):
            space.groups[key] = _distribution(override)
        else:
            space.values[key] = _distribution(override)
    if not space.groups and not space.values:
        raise ConfigError(
            "There is nothing to search: no key except the seed has several values. Set a range, "
            "such as 'optimizer.lr=tag(log,interval(1e-4,1e-1))', or remove hydra/sweeper=optuna."
        )
    return space


def _last_of_each_key(overrides: Sequence[Override]) -> list[Override]:
    last: dict[str, Override] = {}
    for override in overrides:
        last.pop(override.get_key_element().lstrip("+"), None)
        last[override.get_key_element().lstrip("+")] = override
    return list(last.values())


def _as_given(override: Override) -> str:
    if override.is_delete():
        return str(override.input_line)
    return f"{override.get_key_element()}={override.get_value_element_as_str()}"


def _is_group(override: Override) -> bool:
    loader = override.config_loader
    return loader is not None and bool(loader.get_group_options(override.key_or_group))


def _seeds(override: Override) -> list[str]:
    """Return the seeds of the repetitions.

    Raises:
        ConfigError: They are an interval.
    """
    if not override.is_sweep_override():
        return [_as_given(override)]
    if not override.is_discrete_sweep():
        raise _error(override, "seeds are repetitions of each point; list them: 1,2,3")
    return list(dict.fromkeys(f"seed={text}" for text in override.sweep_string_iterator()))


def _distribution(override: Override) -> BaseDistribution:
    """Return the distribution of a key.

    Raises:
        ConfigError: It cannot be searched.
    """
    sweep = override.value()
    log = _is_log(override, sweep) if isinstance(sweep, Sweep) else False
    try:
        if isinstance(sweep, RangeSweep):
            return _of_range(sweep, log)
        if isinstance(sweep, IntervalSweep):
            return _of_interval(sweep, log)
        texts = tuple(dict.fromkeys(override.sweep_string_iterator()))
        if log:
            raise ValueError("a list has no logarithmic scale; use an interval")
        return CategoricalDistribution(texts)
    except ValueError as error:
        raise _error(override, str(error)) from error


def _is_log(override: Override, sweep: Sweep) -> bool:
    for tag in sweep.tags:
        if tag not in TAGS:
            raise _error(override, f"unknown tag {tag!r}. {did_you_mean(tag, TAGS)}")
    return "log" in sweep.tags


def _of_range(sweep: RangeSweep, log: bool) -> BaseDistribution:
    values = list(sweep.range())
    if not values:
        raise ValueError("the range is empty")
    low, high, step = min(values), max(values), abs(sweep.step)
    if all(isinstance(value, int) for value in values):
        return IntDistribution(int(low), int(high), log=log, step=int(step))
    return FloatDistribution(low, high, log=log, step=float(step))


def _of_interval(sweep: IntervalSweep, log: bool) -> BaseDistribution:
    low, high = sweep.start, sweep.end
    if low is None or high is None or not math.isfinite(high - low):
        raise ValueError("both bounds must be finite numbers")
    if low >= high:
        raise ValueError("the interval is empty; write the lower bound first")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def _error(override: Override, problem: str) -> ConfigError:
    return ConfigError(f"{override.input_line} cannot be searched: {problem}")


@dataclass(frozen=True)
class Suggestion:
    """A point that Optuna suggested.

    Attributes:
        trial: Trial of the study, which runs until the study is told its outcome.
        point: Overrides of the point.
        note: Plain data from which the study is rebuilt.
    """

    trial: Trial
    point: Point
    note: dict[str, Any]


class Suggester:
    """Suggests points of a space: first the config groups, then only values that apply to them."""

    def __init__(self, space: Space, override_filter: OverrideFilter) -> None:
        self.space, self.override_filter = space, override_filter
        self._searched: dict[Point, list[str]] = {}

    def suggest(self, study: Study) -> Suggestion:
        """Return the next point.

        Raises:
            ConfigError: The point cannot be composed.
        """
        trial = study.ask()
        chosen = [_suggested(trial, *item) for item in self.space.groups.items()]
        values = [
            _suggested(trial, key, self.space.values[key]) for key in self.searched(tuple(chosen))
        ]
        point = tuple(self.override_filter.apply([*self.space.fixed, *chosen, *values]))
        self.override_filter.check(point)
        return Suggestion(trial, point, _note(study, trial))

    def searched(self, chosen: Point) -> list[str]:
        """Return the keys of values that apply to chosen config groups."""
        if chosen not in self._searched:
            sample = {key: f"{key}={_example(one)}" for key, one in self.space.values.items()}
            kept = set(self.override_filter.apply([*self.space.fixed, *chosen, *sample.values()]))
            self._searched[chosen] = [key for key, text in sample.items() if text in kept]
        return self._searched[chosen]

    def refuse_unused(self) -> None:
        """Refuse a key that does not apply to any point, such as a mistyped one.

        Raises:
            ConfigError: The key is not valid in its config.
        """
        combination: Point = ()
        unused = dict.fromkeys(self.space.values)
        for combination in itertools.product(*map(_texts, self.space.groups.items())):
            for key in self.searched(combination):
                unused.pop(key, None)
            if not unused:
                return
        wrong = [f"{key}={_example(self.space.values[key])}" for key in unused]
        self.override_filter.check([*self.space.fixed, *combination, *wrong])


def _texts(item: tuple[str, BaseDistribution]) -> list[str]:
    key, distribution = item
    if isinstance(distribution, CategoricalDistribution):
        return [f"{key}={choice}" for choice in distribution.choices]
    return [f"{key}={_example(distribution)}"]


def _example(distribution: BaseDistribution) -> Any:
    """Return some value of a distribution, to test whether its key applies."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    return distribution.low


def _suggested(trial: Trial, key: str, distribution: BaseDistribution) -> str:
    """Return an override with the value that the sampler suggests."""
    if isinstance(distribution, CategoricalDistribution):
        return f"{key}={trial.suggest_categorical(key, distribution.choices)}"
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high, log = distribution.low, distribution.high, distribution.log
    if isinstance(distribution, IntDistribution):
        return (
            f"{key}={trial.suggest_int(key, int(low), int(high), step=distribution.step, log=log)}"
        )
    value = trial.suggest_float(key, low, high, step=distribution.step, log=log)
    return f"{key}={value:.5g}"  # more digits do not matter, and people read them


def _note(study: Study, trial: Trial) -> dict[str, Any]:
    frozen = study.get_trials(deepcopy=False)[trial.number]
    return {
        "ask": trial.number,
        "params": dict(frozen.params),
        "distributions": {
            key: json.loads(distribution_to_json(one)) for key, one in frozen.distributions.items()
        },
        # Generations of genetic samplers are integers. The pickles of CMA-ES are not stored:
        # nothing in a sweep's folder may be executable.
        "attributes": {k: v for k, v in frozen.system_attrs.items() if isinstance(v, int)},
    }
