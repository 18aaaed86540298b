"""How often a checkpoint is written, ``save_every=200`` steps or ``10m``, and limits of time."""

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


def parse_limit(key: str, text: str) -> float:
    """Return the seconds of a limit of time.

    Args:
        key: Key of the config, for messages.
        text: Number of seconds, or a number with ``s``, ``m`` or ``h``, or ``HH:MM:SS``, or
            ``DD:HH:MM:SS``.

    Raises:
        ConfigError: It is something else, or not positive.

    >>> [parse_limit("time_limit", text) for text in ("90", "1.5h", "01:30:00", "1:00:00:00")]
    [90.0, 5400.0, 5400.0, 86400.0]
    """
    total = 0.0
    if found := re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smh]?)", text.strip()):
        total = float(found[1]) * UNITS[found[2] or "s"]
    elif found := re.fullmatch(r"(?:([0-9]{1,4}):)?([0-9]{1,2}):([0-9]{2}):([0-9]{2})", text):
        days, hours, minutes, rest = (int(part or 0) for part in found.groups())
        total = float(((days * 24 + hours) * 60 + minutes) * 60 + rest)
    if total > 0:
        return total
    raise ConfigError(
        f"{key}={text}: expected a time, such as 90s, 30m or 23.5h, HH:MM:SS or DD:HH:MM:SS, more "
        "than 0; a number alone counts seconds.",
        cause=Cause.wrong_value,
    )
