"""The recipes count steps: as many on few examples as on their own data."""

from __future__ import annotations

import functools
import math

import pytest

from seqloom.config.compose import compose_run
from seqloom.config.run_config import RunConfig
from seqloom.train.limits import choose_epochs


@functools.cache
def _recipe(experiment: str) -> RunConfig:
    return compose_run([f"experiment={experiment}", "run_dir=x"])


def _steps(experiment: str, examples: int) -> tuple[int, int]:
    """Return the epochs and the steps of a recipe's run on so many training examples."""
    cfg = _recipe(experiment)
    assert cfg.trainer["max_epochs"] is None
    steps = math.ceil(examples / cfg.batch.max_examples)
    epochs = choose_epochs(cfg.budget, steps)
    return epochs, epochs * steps


@pytest.mark.parametrize(
    ("experiment", "examples", "epochs"),
    [
        ("peraire", 2069, 32),
        ("peraire_small", 2069, 13),
        ("digit_lines", 3000, 8),
        ("pendigits", 5996, 20),
        ("pendigits_strings", 3999, 20),
        ("snips_slots", 13084, 7),
        ("snips_intent", 13084, 6),
        ("bc5cdr", 4560, 12),
    ],
)
def test_recipes_train_for_the_same_steps_on_fewer_examples(
    experiment: str, examples: int, epochs: int
) -> None:
    own, steps = _steps(experiment, examples)
    assert own == epochs
    fewer, again = _steps(experiment, examples // 4)
    assert fewer >= 3 * epochs
    assert 0.9 * steps <= again <= 1.1 * steps


@pytest.mark.parametrize("experiment", ["handwriting", "handwriting_small"])
def test_hundred_lines_get_thousands_of_steps(experiment: str) -> None:
    assert _steps(experiment, 100)[1] >= 3000
