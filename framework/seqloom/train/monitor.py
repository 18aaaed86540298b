"""The monitored metric of a run: which one it is, and whether higher or lower values are better.

The direction belongs to the metric: a head says it for each of its metrics (`HeadMetric.modes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqloom.errors import ConfigError, did_you_mean

if TYPE_CHECKING:  # commands of sweeps import this module, and not torch
    from seqloom.interfaces import Head
    from seqloom.interfaces.head import Mode

SPLIT = "val/"
LOSSES: Mapping[str, Mode] = {"val/loss": "min", "train/loss": "min"}


@dataclass(frozen=True)
class Monitor:
    """The metric that selects the best checkpoint.

    Attributes:
        name: Name without its split: ``f1``.
        mode: Whether higher or lower values are better.
    """

    name: str
    mode: Mode

    @property
    def key(self) -> str:
        """The name under which it is logged: ``val/f1``."""
        return SPLIT + self.name

    @property
    def higher_is_better(self) -> bool:
        """Whether higher values are better."""
        return self.mode == "max"


def modes(head: Head) -> dict[str, Mode]:
    """Return the mode of each metric that can be monitored, by the name under which it is logged.

    >>> modes(head)  # doctest: +SKIP
    {'val/f1': 'max', 'val/ill_formed': 'min', 'val/loss': 'min', 'train/loss': 'min'}
    """
    return {**{SPLIT + name: mode for name, mode in head.metrics().modes.items()}, **LOSSES}


def recorded_modes(head: Head) -> dict[str, str]:
    """Return the mode of each metric of a head by its name, for the record of a run."""
    return {**head.metrics().modes, "loss": "min"}


def chosen_monitor(head: Head, name: str | None, mode: Mode | None = None) -> Monitor:
    """Return the metric that ``monitor=NAME`` chooses, or the head's own.

    Args:
        head: Head of the model.
        name: Metric, with or without its split; None: the head's own.
        mode: Direction that replaces that of the metric.

    Raises:
        ConfigError: The head does not have the metric, or it is not one of validation.
    """
    if name is None:
        return Monitor(head.monitor, mode or head.mode)
    key = name if "/" in name else SPLIT + name
    known = {one: found for one, found in modes(head).items() if one.startswith(SPLIT)}
    if key not in known:
        raise ConfigError(f"monitor={name}: {_no_such(key, known)}")
    return Monitor(key.removeprefix(SPLIT), mode or known[key])


def mode_of(head: Head, key: str, where: str) -> Mode:
    """Return the mode of a metric that a callback or a schedule names.

    Args:
        head: Head of the model.
        key: Metric with its split: ``val/f1``.
        where: Config key that names it, for the message.

    Raises:
        ConfigError: The head does not have the metric.
    """
    known = modes(head)
    if key not in known:
        hint = "" if key.startswith(SPLIT) else f" For a metric of your own, also set {where}.mode."
        raise ConfigError(f"{where}.monitor={key}: {_no_such(key, known)}{hint}")
    return known[key]


def _no_such(key: str, known: Mapping[str, Mode]) -> str:
    return f"the head does not have this metric. {did_you_mean(key, known)}"
