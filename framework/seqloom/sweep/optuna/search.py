"""The loop of a search: ask for points, run their trials, tell what came of them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence

from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from seqloom.sweep.optuna.asking import Asked, Asker, Point
from seqloom.sweep.optuna.outcome import Outcome
from seqloom.sweep.optuna.samplers import build_sampler
from seqloom.sweep.optuna.settings import Settings
from seqloom.sweep.optuna.study import outcomes, rebuild
from seqloom.sweep.plan import Plan, Planned

log = logging.getLogger("seqloom")

REPEATS = 50
"""How often, at least, a sampler may ask for points that were tried before it is at its end."""

Launch = Callable[[Sequence[Planned]], None]


class Search:
    """Tries points until there were enough.

    Args:
        plan: gets each point's trials before they run.
        settings: of the search.
        asker: knows the space.
        launch: runs trials, and returns when all of them have ended.
        at_once: how many trials run at once, if there are so many.
    """

    def __init__(
        self, plan: Plan, settings: Settings, asker: Asker, launch: Launch, at_once: int = 1
    ) -> None:
        self.plan, self.settings, self.asker, self.launch = plan, settings, asker, launch
        self.batch = -(-at_once // max(1, len(asker.space.seeds)))
        plan.expected = settings.n_trials * max(1, len(asker.space.seeds))
        self.study = rebuild(plan)
        self.points: dict[Point, list[Planned]] = {}
        for one in plan.trials:
            self.points.setdefault(_point(one), []).append(one)
        self.exhausted = False

    def run(self) -> None:
        """Ask, run and tell until there were as many points as wanted, or no other ones came."""
        while not self.exhausted and (room := self.settings.n_trials - len(self.points)) > 0:
            new, pending = self._ask(min(self.batch, room))
            if self.exhausted:
                self.plan.expected = len(self.plan.trials)
            self.plan.save()
            if new:
                self.launch(new)
            results = outcomes(
                self.plan.folder,
                [self.points[asked.point] for asked in pending],
                self.settings.objectives,
            )
            for asked, outcome in zip(pending, results, strict=True):
                self._tell(asked, outcome)
        if self._repeated():
            log.info(
                "%d times Optuna asked for a point that was tried already, and was told what had "
                "come of it.",
                self._repeated(),
            )

    def _ask(self, wanted: int) -> tuple[list[Planned], list[Asked]]:
        """Return the trials of so many new points, and the questions that they answer."""
        new: list[Planned] = []
        pending: list[Asked] = []
        for _ in range(wanted):
            while (asked := self._next()).point in self.points:
                self._note_again(asked, pending)
                if self.exhausted:
                    return new, pending
            self.points[asked.point] = self._planned(asked)
            new += self.points[asked.point]
            pending.append(asked)
        return new, pending

    def _next(self) -> Asked:
        asked = len(self.study.get_trials(deepcopy=False))
        settings = self.settings
        self.study.sampler = build_sampler(
            settings.sampler, settings.sampler_params, settings.seed, asked
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self.asker.ask(self.study)

    def _planned(self, asked: Asked) -> list[Planned]:
        seeds = [[seed] for seed in self.asker.space.seeds] or [[]]
        return [self.plan.add([*asked.point, *seed], dict(asked.note)) for seed in seeds]

    def _note_again(self, asked: Asked, pending: list[Asked]) -> None:
        """Tell of a point that was asked for before what came of it, rather than run it again."""
        planned = self.points[asked.point]
        for one in planned:
            one.extra.setdefault("again", []).append(asked.note)
        if asked.point in {other.point for other in pending}:
            pending.append(asked)
        else:
            (outcome,) = outcomes(self.plan.folder, [planned], self.settings.objectives)
            self._tell(asked, outcome)
        if self._repeated() >= max(self.settings.n_trials, REPEATS) and not self.exhausted:
            self.exhausted = True
            log.info("Optuna asks only for points that were tried; the search ends here.")

    def _repeated(self) -> int:
        return len(self.study.get_trials(deepcopy=False)) - len(self.points)

    def _tell(self, asked: Asked, outcome: Outcome) -> None:
        if outcome.state == TrialState.RUNNING:
            return  # by another process
        for epoch, value in outcome.reports.items():
            asked.trial.report(value, epoch)
        try:
            self.study.tell(asked.trial, outcome.values or None, outcome.state)
        except RuntimeError as fault:
            # How a sampler says that it has nothing left; the trial is told all the same.
            if "Study.stop" not in str(fault):
                raise
            self.exhausted = True
            log.info("All points were tried; the search ends here.")


def _point(one: Planned) -> Point:
    return tuple(word for word in one.overrides if not word.startswith("seed="))
