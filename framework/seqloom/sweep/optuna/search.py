"""The loop of a search: get suggested points, run their trials, report their outcomes."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from seqloom.errors import plural
from seqloom.sweep.directions import contradictions
from seqloom.sweep.folder import Plan, PlannedTrial, SweepFolder
from seqloom.sweep.optuna.settings import Settings, build_sampler
from seqloom.sweep.optuna.space import Point, Suggester, Suggestion, read_space
from seqloom.sweep.optuna.study import Outcome, best_points, outcomes, rebuild
from seqloom.sweep.sweeper import PlannedSweeper
from seqloom.sweep.trials import read_trial

log = logging.getLogger("seqloom")

REPEATS = 50
"""Minimum number of repeated suggestions after which the space counts as exhausted."""

Launch = Callable[[Sequence[PlannedTrial]], None]


def search(
    sweeper: PlannedSweeper, settings: Settings, arguments: list[str], resuming: bool, at_once: int
) -> None:
    """Search until there are enough points, and log the best one.

    Args:
        sweeper: Sweeper with the plan, which launches trials.
        settings: Settings of the search.
        arguments: Overrides to search over.
        resuming: Whether another process started the search; its unfinished trials run first.
        at_once: Number of trials that run at the same time.

    Raises:
        SeqloomError: The settings or the space are not valid, or trials cannot be launched.
    """
    settings.check()
    space = read_space(sweeper.parse(arguments))
    if settings.pruner != "none":
        space.fixed.append(pruning_override(settings))
    suggester = Suggester(space, sweeper.override_filter)
    suggester.refuse_unused()
    if resuming and (todo := sweeper.unfinished()):
        sweeper.launch(todo)
    loop = Search(sweeper.plan, settings, suggester, sweeper.launch, at_once)
    loop.run()
    for message in sweeper.override_filter.messages():
        log.info("%s", message)
    if len(settings.objectives) < 2:  # else the leaderboard shows the Pareto front
        log.info("%s", best_points(sweeper.plan, loop.study, settings))


def pruning_override(settings: Settings) -> str:
    """Return the override that adds the pruning callback to a trial."""
    section: dict[str, Any] = {
        "_target_": "seqloom.sweep.optuna.pruning.Pruning",
        "pruner": settings.pruner,
        "pruner_params": dict(settings.pruner_params),
    }
    for metric, direction in settings.objectives.items():
        section |= {"metric": metric, "direction": direction}
    return f"++callbacks.pruning={Override._get_value_element_as_str(section)}"


class Search:
    """Tries points until there are enough.

    Args:
        plan: Plan of the sweep, to which each point's trials are added before they run.
        settings: Settings of the search.
        suggester: Suggester of points.
        launch: Function that runs trials and returns when all of them have ended.
        at_once: Number of trials that run at the same time.
    """

    def __init__(
        self,
        plan: Plan,
        settings: Settings,
        suggester: Suggester,
        launch: Launch,
        at_once: int = 1,
    ) -> None:
        self.plan, self.settings, self.suggester, self.launch = plan, settings, suggester, launch
        self.batch = -(-at_once // max(1, len(suggester.space.seeds)))
        plan.expected = settings.n_trials * max(1, len(suggester.space.seeds))
        self.study = rebuild(plan)
        self.points: dict[Point, list[PlannedTrial]] = {}
        for one in plan.trials:
            self.points.setdefault(_point(one), []).append(one)
        self.exhausted = False
        self.checked = False

    def run(self) -> None:
        """Run suggested points until there are as many as wanted, or no new ones."""
        while not self.exhausted and (room := self.settings.n_trials - len(self.points)) > 0:
            new, pending = self._suggest(min(self.batch, room))
            if self.exhausted:
                self.plan.expected = len(self.plan.trials)
            self.plan.save()
            if new:
                self.launch(new)
            results = outcomes(
                self.plan.folder,
                [self.points[suggestion.point] for suggestion in pending],
                self.settings.objectives,
            )
            for suggestion, outcome in zip(pending, results, strict=True):
                self._tell(suggestion, outcome)
        if self._repeated():
            log.info(
                "Optuna suggested a point that had been tried %d %s; it got the known outcome.",
                self._repeated(),
                plural(self._repeated(), "time"),
            )

    def _suggest(self, wanted: int) -> tuple[list[PlannedTrial], list[Suggestion]]:
        """Return the trials of new points, and the suggestions whose outcomes are pending."""
        new: list[PlannedTrial] = []
        pending: list[Suggestion] = []
        for _ in range(wanted):
            while (suggestion := self._next()).point in self.points:
                self._repeat(suggestion, pending)
                if self.exhausted:
                    return new, pending
            self.points[suggestion.point] = self._planned(suggestion)
            new += self.points[suggestion.point]
            pending.append(suggestion)
        return new, pending

    def _next(self) -> Suggestion:
        count = len(self.study.get_trials(deepcopy=False))
        settings = self.settings
        self.study.sampler = build_sampler(
            settings.sampler, settings.sampler_params, settings.seed, count
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self.suggester.suggest(self.study)

    def _planned(self, suggestion: Suggestion) -> list[PlannedTrial]:
        seeds = [[seed] for seed in self.suggester.space.seeds] or [[]]
        return [self.plan.add([*suggestion.point, *seed], dict(suggestion.note)) for seed in seeds]

    def _repeat(self, suggestion: Suggestion, pending: list[Suggestion]) -> None:
        """Report the outcome of a point that was suggested before, instead of running it again."""
        planned = self.points[suggestion.point]
        for one in planned:
            one.extra.setdefault("again", []).append(suggestion.note)
        if suggestion.point in {other.point for other in pending}:
            pending.append(suggestion)
        else:
            (outcome,) = outcomes(self.plan.folder, [planned], self.settings.objectives)
            self._tell(suggestion, outcome)
        if self._repeated() >= max(self.settings.n_trials, REPEATS) and not self.exhausted:
            self.exhausted = True
            log.info("Optuna suggests only points that have been tried; the search ends here.")

    def _repeated(self) -> int:
        return len(self.study.get_trials(deepcopy=False)) - len(self.points)

    def _tell(self, suggestion: Suggestion, outcome: Outcome) -> None:
        if outcome.state == TrialState.RUNNING:
            return  # in another process
        self._check_directions(self.points[suggestion.point], outcome)
        for epoch, value in outcome.reports.items():
            suggestion.trial.report(value, epoch)
        try:
            self.study.tell(suggestion.trial, outcome.values or None, outcome.state)
        except RuntimeError as error:
            # Raised by a sampler that has nothing left, after the outcome was stored.
            if "Study.stop" not in str(error):
                raise
            self.exhausted = True
            log.info("All points have been tried; the search ends here.")

    def _check_directions(self, planned: Sequence[PlannedTrial], outcome: Outcome) -> None:
        """Warn once of directions that are against those of the metrics."""
        if self.checked or outcome.state != TrialState.COMPLETE:
            return
        self.checked = True
        trial = read_trial(SweepFolder(self.plan.folder).trial(planned[0].number).path)
        for message in contradictions(trial, self.settings.objectives):
            log.warning("%s", message)


def _point(one: PlannedTrial) -> Point:
    return tuple(word for word in one.overrides if not word.startswith("seed="))
