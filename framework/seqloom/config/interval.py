"""How often a checkpoint is written: ``save_every=200`` steps, or ``save_every=10m``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seqloom.errors import Cause, ConfigError

UNITS = {"s": 1, "m": 60, "h": 3600}
"""Seconds in each unit of time."""


@dataclass(frozen=True)
class Interval:
    """An interval of training: a number of steps, or of seconds.

    Attributes:
        steps: Number of optimizer steps; None: it is one of time.
        seconds: Number of seconds; None: it is one of steps.
    """

    steps: int | None = None
    seconds: float | None = None


def parse_interval(key: str, text: str) -> Interval:
    """Return the interval that a text describes.

    Args:
        key: Key of the config, for messages.
        text: Number of steps, or a number with ``s``, ``m`` or ``h``.

    Raises:
        ConfigError: It is neither, or not positive.

    >>> parse_interval("save_every", "200"), parse_interval("save_every", "1.5m").seconds
    (Interval(steps=200, seconds=None), 90.0)
    """
    found = re.fullmatch(r"(\d{1,9})|(\d{1,9}(?:\.\d{1,9})?)([smh])", text.strip())
    steps, number, unit = found.groups() if found else (None, None, None)
    if steps is not None and int(steps) > 0:
        return Interval(steps=int(steps))
    if number and unit and float(number) > 0:
        return Interval(seconds=float(number) * UNITS[unit])
    raise ConfigError(
        f"{key}={text}: expected a positive number of steps, such as 200, or a time, such as 30s, "
        "10m or 1h.",
        cause=Cause.wrong_value,
    )
