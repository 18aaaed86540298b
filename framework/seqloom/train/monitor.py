"""The monitored metric of a run: which one it is, and whether higher or lower values are better.

The direction belongs to the metric: a head says it for each of its metrics (`HeadMetric.modes`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqloom.errors import ConfigError, did_you_mean

if TYPE_CHECKING:  # commands of sweeps import this module, and not torch
    from seqloom.interfaces import Head
    from seqloom.interfaces.head import Mode

log = logging.getLogger("seqloom")

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
        warn_of_mode("mode", SPLIT + head.monitor, mode, head.mode)
        return Monitor(head.monitor, mode or head.mode)
    key = name if "/" in name else SPLIT + name
    known = {one: found for one, found in modes(head).items() if one.startswith(SPLIT)}
    if key not in known:
        raise ConfigError(f"monitor={name}: {_no_such(key, known)}")
    warn_of_mode("mode", key, mode, known[key])
    return Monitor(key.removeprefix(SPLIT), mode or known[key])


def warn_of_mode(where: str, key: str, mode: str | None, own: str) -> None:
    """Log a warning if a config sets another mode than a metric's own.

    Args:
        where: Config key of the mode.
        key: Metric with its split.
        mode: Mode that is set; None: none.
        own: Mode of the metric.
    """
    if mode is not None and mode != own:
        better = "higher" if own == "max" else "lower"
        log.warning(
            "%s=%s: of %s, %s values are better, so the worst is taken for the best. Leave the "
            "mode out, unless this is meant.",
            where,
            mode,
            key,
            better,
        )


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
