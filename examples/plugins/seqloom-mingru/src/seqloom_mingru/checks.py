"""What the encoders refuse, in words."""

from __future__ import annotations

from enum import StrEnum

from seqloom.errors import ConfigError, did_you_mean
from seqloom.interfaces import Features


def check_count(key: str, value: int) -> None:
    """Refuse what is not a whole number of 1 or more.

    Raises:
        ConfigError: with the key.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"encoder.{key} is {value!r}; it must be a whole number, 1 or more.")


def check_probability(key: str, value: float) -> None:
    """Refuse what is not a probability below 1.

    Raises:
        ConfigError: with the key.
    """
    if not 0.0 <= value < 1.0:
        raise ConfigError(f"encoder.{key} is {value!r}; it must be 0 or more, and below 1.")


def check_option(key: str, value: str, options: type[StrEnum]) -> None:
    """Refuse what is not the name of an option.

    Raises:
        ConfigError: with the key, and the names that there are.
    """
    if value not in list(options):
        known = did_you_mean(str(value), [option.value for option in options])
        raise ConfigError(f"encoder.{key} is {str(value)!r}. {known}")


def check_features(features: Features) -> None:
    """Refuse a batch without sequences, or with a sequence without steps.

    Raises:
        ValueError: says which.
    """
    if len(features.lengths) == 0:
        raise ValueError("The batch is empty; an encoder needs at least one sequence.")
    if int(features.lengths.min()) < 1:
        row = int(features.lengths.argmin())
        raise ValueError(f"Sequence {row} of the batch has no step; an encoder needs at least one.")
