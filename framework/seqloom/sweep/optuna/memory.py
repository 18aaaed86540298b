"""Studies that live in memory: a sweep's folder is what lasts."""

from __future__ import annotations

from collections.abc import Sequence

from optuna import Study, create_study, logging
from optuna.pruners import BasePruner
from optuna.samplers import RandomSampler
from optuna.study import StudyDirection


def study_in_memory(directions: Sequence[str], pruner: BasePruner | None = None) -> Study:
    """Return an empty study; Optuna does not tell the user of it.

    Args:
        directions: ``maximize`` or ``minimize``, one for each objective.
        pruner: of the study; None: none.
    """
    before = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        return create_study(
            # The name has a part in hyperband's choice of a bracket: it must not be a random one.
            study_name="sweep",
            directions=[StudyDirection[direction.upper()] for direction in directions],
            sampler=RandomSampler(0),
            pruner=pruner,
        )
    finally:
        logging.set_verbosity(before)
