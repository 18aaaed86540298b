"""How much each key matters to the monitored metric, by fANOVA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqloom.sweep.ordering import number, spans_widely
from seqloom.sweep.points import ABSENT, Group

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

GET_OPTUNA = (
    'To see which keys matter, install optuna and scikit-learn: pip install "seqloom[sweep]"'
)
FEWEST = 10
"""Points that are needed to tell."""


def importances(
    groups: Sequence[Group], keys: Sequence[str], metric: str
) -> tuple[dict[str, float], str]:
    """Return the share of the metric's variance that each key explains, the greatest first.

    Each trial counts, so that what the seeds do is noise.

    Args:
        groups: the points.
        keys: that tell them apart.
        metric: on the validation split.

    Returns:
        The shares by key, which sum to 1; and what to say where there are none.
    """
    scored = [group for group in groups if group.samples("val", metric)]
    if len(scored) < FEWEST:
        return {}, f"Which keys matter cannot be told of fewer than {FEWEST} points that are done."
    samples = [
        (group.values, value) for group in scored for value in group.samples("val", metric).values()
    ]
    varied = [key for key in keys if len({group.values[key] for group in scored}) > 1]
    if len({value for _, value in samples}) == 1:
        return {}, "All trials came to the same, so no key matters."
    try:
        import optuna
        import sklearn  # noqa: F401
    except ImportError:
        return {}, GET_OPTUNA
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return _fanova(samples, varied), ""
    finally:
        optuna.logging.set_verbosity(before)


def _fanova(samples: Sequence[tuple[Any, float]], keys: Sequence[str]) -> dict[str, float]:
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    spaces = {key: distribution([values[key] for values, _ in samples]) for key in keys}
    study = optuna.create_study()
    for values, value in samples:
        params = {
            key: values[key]
            if isinstance(space, optuna.distributions.CategoricalDistribution)
            else float(values[key])
            for key, space in spaces.items()
        }
        study.add_trial(optuna.trial.create_trial(params=params, distributions=spaces, value=value))
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def distribution(values: Sequence[str]) -> BaseDistribution:
    """Return the space of a key: a range if its values are numbers, else a choice.

    A range that spans widely is taken by its logarithm.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    found = [number(value) for value in values]
    numbers = [value for value in found if value is not None]
    if len(numbers) < len(found) or ABSENT in values:
        return CategoricalDistribution(sorted(set(values)))
    low, high = min(numbers), max(numbers)
    return FloatDistribution(low, high, log=spans_widely(low, high))
