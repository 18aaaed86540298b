"""What settings may be that no schema bounds."""

from __future__ import annotations

from typing import Any

from seqloom.errors import ConfigError

LEAST = {
    "seed": 0,
    "threads": 1,
    "batch.max_examples": 1,
    "batch.max_cost": 1,
    "batch.workers": 0,
    "trainer.accumulate_grad_batches": 1,
    "trainer.check_val_every_n_epoch": 1,
    "trainer.log_every_n_steps": 1,
}

KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "trainer.max_epochs": ((int,), "a whole number"),
    "trainer.max_steps": ((int,), "a whole number"),
    "trainer.limit_train_batches": ((int, float), "a number"),
    "trainer.limit_val_batches": ((int, float), "a number"),
    "trainer.gradient_clip_val": ((int, float), "a number"),
    "optimizer.lr": ((int, float), "a number"),
}
"""What settings of Lightning and torch must be, which have no schema."""


def refuse_out_of_range(config: dict[str, Any]) -> None:
    """Refuse numbers that make no sense.

    Raises:
        ConfigError: a number is below the least that it may be, or is none.

    >>> refuse_out_of_range({"threads": 0})
    Traceback (most recent call last):
    seqloom.errors.ConfigError: threads=0: expected 1 or more.
    """
    for key, least in LEAST.items():
        value = _at(config, key)
        if isinstance(value, int) and value < least:
            raise ConfigError(f"{key}={value}: expected {least} or more.")
    for key, (kinds, words) in KINDS.items():
        value = _at(config, key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
            raise ConfigError(f"{key}={value}: expected {words}.")


def _at(config: dict[str, Any], key: str) -> Any:
    section, _, name = key.rpartition(".")
    return (config.get(section) or {}).get(name) if section else config.get(name)
