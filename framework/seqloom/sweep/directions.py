"""Whether higher or lower values are better, as reported by the heads of the trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqloom.errors import ConfigError
from seqloom.sweep.trials import Trial

AUTO = "auto"
"""Direction of an objective that is taken from the head of the model."""

DIRECTIONS = ("maximize", "minimize", AUTO)

RECORDED: Mapping[str, bool] = {
    "parameters": False,
    "epochs": False,
    "steps": False,
    "training_seconds": False,
    "seconds": False,
    "cost_per_second": True,
    "batch_fill": True,
}
"""Numbers of a trial's record, besides its metrics, and whether higher values are better."""


def recorded(record: Mapping[str, Any], metric: str) -> bool | None:
    """Return whether higher values of a metric are better; None if a run's record does not say.

    Args:
        record: Content of ``run.json``.
        metric: Name without its split: ``f1``.
    """
    if record.get("monitor") == metric:
        return record.get("higher_is_better") is not False  # mode= in the config may have set it
    modes = record.get("modes")
    if isinstance(modes, dict) and metric in modes:
        return bool(modes[metric] == "max")
    return False if metric == "loss" else None


def direction(metric: str, trials: Sequence[Trial]) -> tuple[bool, str]:
    """Return whether higher values of a metric are better, and a note if that is assumed.

    Trials of seqloom 0.1 record the direction of the metric that they monitor only.
    """
    # How a trial monitors the metric counts more than what another says of all of its metrics.
    for trial in sorted(trials, key=lambda one: one.monitor != metric):
        if (found := recorded(trial.record, metric)) is not None:
            return found, ""
    higher = not (metric.endswith(("loss", "error")) or metric in {"cer", "wer"})
    better = "higher" if higher else "lower"
    return (
        higher,
        f"No trial says whether higher values of {metric} are better: {better} values are assumed "
        "to be better."
        if metric
        else "",
    )


def objective_is_better_higher(trial: Trial, name: str) -> bool | None:
    """Return whether higher values of an objective are better; None if the trial does not say.

    Args:
        trial: Trial of the search.
        name: ``val/f1``, or one of `RECORDED`.
    """
    return RECORDED[name] if name in RECORDED else recorded(trial.record, name.partition("/")[2])


def sign(trial: Trial, name: str, direction: str) -> int:
    """Return what an objective is multiplied by for Optuna: those of `AUTO` are maximized.

    Raises:
        ConfigError: The direction is `AUTO`, and the trial does not say it.
    """
    if direction != AUTO:
        return 1
    higher = objective_is_better_higher(trial, name)
    if higher is None:
        raise ConfigError(
            f"hydra.sweeper.objectives: trial {trial.number} does not say whether higher values of "
            f"{name} are better. Set maximize or minimize in place of {AUTO}."
        )
    return 1 if higher else -1


def contradictions(trial: Trial, objectives: Mapping[str, str]) -> list[str]:
    """Return a sentence for each objective whose direction is against its head's."""
    lines = []
    for name, chosen in objectives.items():
        higher = objective_is_better_higher(trial, name)
        if chosen != AUTO and higher is not None and (chosen == "maximize") != higher:
            lines.append(
                f"hydra.sweeper.objectives: {name} is {chosen}d, but "
                f"{'higher' if higher else 'lower'} values of it are better. {name}: {AUTO} takes "
                "the direction of the metric."
            )
    return lines
