"""The search space, from Hydra's override grammar to Optuna's distributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Sweep
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from seqloom.errors import ConfigError, did_you_mean

TAGS = ("log",)


@dataclass
class Space:
    """What is searched, what stays, and what is repeated.

    Attributes:
        fixed: overrides of all points.
        groups: distributions of choices of config groups, which decide what else applies.
        values: distributions of other keys.
        seeds: overrides, ``seed=1`` …, of the repetitions of each point; may be empty.
    """

    fixed: list[str] = field(default_factory=list)
    groups: dict[str, BaseDistribution] = field(default_factory=dict)
    values: dict[str, BaseDistribution] = field(default_factory=dict)
    seeds: list[str] = field(default_factory=list)


def read_space(overrides: Sequence[Override]) -> Space:
    """Return the search space that overrides describe; of one key the last one counts.

    Raises:
        ConfigError: a key has a range that cannot be searched, or there is nothing to search.
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
            "There is nothing to search: no key but the seed has several values. Give one a "
            "range, 'optimizer.lr=tag(log,interval(1e-4,1e-1))' say, or leave "
            "hydra/sweeper=optuna out."
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
    """Return the repetitions.

    Raises:
        ConfigError: they cannot be counted.
    """
    if not override.is_sweep_override():
        return [_as_given(override)]
    if not override.is_discrete_sweep():
        raise _fault(override, "seeds repeat each point and are never searched; name them: 1,2,3")
    return list(dict.fromkeys(f"seed={text}" for text in override.sweep_string_iterator()))


def _distribution(override: Override) -> BaseDistribution:
    """Return the distribution of a key.

    Raises:
        ConfigError: it cannot be searched.
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
            raise ValueError("a list has no logarithmic scale; give an interval")
        return CategoricalDistribution(texts)
    except ValueError as fault:
        raise _fault(override, str(fault)) from fault


def _is_log(override: Override, sweep: Sweep) -> bool:
    for tag in sweep.tags:
        if tag not in TAGS:
            raise _fault(override, f"unknown tag {tag!r}. {did_you_mean(tag, TAGS)}")
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
    if low is None or high is None or low >= high:
        raise ValueError("the interval is empty; give the smaller bound first")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def _fault(override: Override, problem: str) -> ConfigError:
    return ConfigError(f"{override.input_line} cannot be searched: {problem}")
