"""Ask Optuna for a point: first the choices, then only the values that apply to them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from optuna import Study, Trial
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

from seqloom.sweep.optuna.space import Space

Point = tuple[str, ...]
"""The overrides of a point, its seed left out."""


class Applicable(Protocol):
    """Knows which keys a config has."""

    def applying(self, overrides: Sequence[str]) -> list[str]:
        """Return the overrides without those of keys that their config lacks."""

    def check(self, overrides: Sequence[str]) -> None:
        """Refuse what cannot be composed."""


@dataclass(frozen=True)
class Asked:
    """A point that Optuna asked for.

    Attributes:
        trial: in the study; it runs until it is told what came of it.
        point: its overrides.
        note: what the study is rebuilt from, as plain data.
    """

    trial: Trial
    point: Point
    note: dict[str, Any]


class Asker:
    """Asks a study for points of a space."""

    def __init__(self, space: Space, applicable: Applicable) -> None:
        self.space, self.applicable = space, applicable
        self._searched: dict[Point, list[str]] = {}

    def ask(self, study: Study) -> Asked:
        """Return the next point.

        Raises:
            ConfigError: the point cannot be composed.
        """
        trial = study.ask()
        chosen = [_suggested(trial, *item) for item in self.space.groups.items()]
        values = [
            _suggested(trial, key, self.space.values[key]) for key in self.searched(tuple(chosen))
        ]
        point = tuple(self.applicable.applying([*self.space.fixed, *chosen, *values]))
        self.applicable.check(point)
        return Asked(trial, point, _note(study, trial))

    def searched(self, chosen: Point) -> list[str]:
        """Return the keys of values that apply to some choices."""
        if chosen not in self._searched:
            sample = {key: f"{key}={_any(one)}" for key, one in self.space.values.items()}
            kept = set(self.applicable.applying([*self.space.fixed, *chosen, *sample.values()]))
            self._searched[chosen] = [key for key, text in sample.items() if text in kept]
        return self._searched[chosen]

    def refuse_useless(self) -> None:
        """Refuse a key that applies to no point: it was mistyped.

        Raises:
            ConfigError: says what its config knows.
        """
        combination: Point = ()
        unused = dict.fromkeys(self.space.values)
        for combination in itertools.product(*map(_texts, self.space.groups.items())):
            for key in self.searched(combination):
                unused.pop(key, None)
            if not unused:
                return
        wrong = [f"{key}={_any(self.space.values[key])}" for key in unused]
        self.applicable.check([*self.space.fixed, *combination, *wrong])


def _texts(item: tuple[str, BaseDistribution]) -> list[str]:
    key, distribution = item
    if isinstance(distribution, CategoricalDistribution):
        return [f"{key}={choice}" for choice in distribution.choices]
    return [f"{key}={_any(distribution)}"]


def _any(distribution: BaseDistribution) -> Any:
    """Return some value of a distribution, to see whether its key takes one."""
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
    return f"{key}={value:.5g}"  # no model can tell the digits behind that, but people read them


def _note(study: Study, trial: Trial) -> dict[str, Any]:
    frozen = study.get_trials(deepcopy=False)[trial.number]
    return {
        "ask": trial.number,
        "params": dict(frozen.params),
        "distributions": {
            key: json.loads(distribution_to_json(one)) for key, one in frozen.distributions.items()
        },
        # Generations of genetic samplers are numbers. CMA-ES leaves pickles, which are not kept:
        # nothing in a sweep's folder is to be executed.
        "attributes": {k: v for k, v in frozen.system_attrs.items() if isinstance(v, int)},
    }
