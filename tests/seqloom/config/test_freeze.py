"""Numbers that make no sense are refused by name."""

from __future__ import annotations

import pytest

from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("threads=0", "threads=0: expected 1 or more"),
        ("batch.max_length=0", "batch.max_length=0: expected 1 or more"),
        ("max_restarts=-1", "max_restarts=-1: expected 0 or more"),
        ("trainer.num_nodes=0", "trainer.num_nodes=0: expected 1 or more"),
        ("trainer.num_nodes=two", "trainer.num_nodes=two: expected a whole number"),
        ("trainer.accumulate_grad_batches=1.5", "expected a whole number"),
        ("trainer.log_every_n_steps=true", "expected a whole number"),
        ("batch.workers=-1", "batch.workers=-1: expected 0 or more"),
        ("trainer.accumulate_grad_batches=0", "expected 1 or more"),
        ("trainer.max_epochs=1.5", "trainer.max_epochs=1.5: expected a whole number"),
        ("trainer.limit_train_batches=foo", "expected a number"),
        ("+trainer.max_time=5", "trainer.max_time=5: expected a time as DD:HH:MM:SS"),
        ("optimizer.lr=fast", "optimizer.lr=fast: expected a number"),
    ],
)
def test_refused(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        compose_run([override])
