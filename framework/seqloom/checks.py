"""Checks of parameters and features, with the same messages for all components.

This module does not import torch, so schemas may use it.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from seqloom.errors import Cause, ConfigError, did_you_mean

if TYPE_CHECKING:
    from seqloom.interfaces import Features

__all__ = [
    "check_count",
    "check_features",
    "check_option",
    "check_probability",
    "warn_of_similar_names",
]

log = logging.getLogger("seqloom")
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,9})?")


def check_count(key: str, value: int) -> None:
    """Reject a value that is not a positive integer.

    Args:
        key: Full name of the parameter: ``encoder.num_layers``.
        value: Value of the parameter.

    Raises:
        ConfigError: The value is not an integer of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(
            f"{key} is {value!r}; it must be a whole number, 1 or more.", cause=Cause.wrong_value
        )


def check_probability(key: str, value: float) -> None:
    """Reject a value that is not in [0, 1), such as a probability of dropout.

    Args:
        key: Full name of the parameter.
        value: Value of the parameter.

    Raises:
        ConfigError: The value is outside [0, 1).
    """
    if not 0.0 <= value < 1.0:
        raise ConfigError(f"{key}={value!r}: expected a number in [0, 1).", cause=Cause.wrong_value)


def check_option(key: str, value: str, options: type[StrEnum]) -> None:
    """Reject a value that is not the name of an option.

    Args:
        key: Full name of the parameter.
        value: Value of the parameter.
        options: Options to choose from.

    Raises:
        ConfigError: The value is not an option.
    """
    if value not in list(options):
        known = did_you_mean(str(value), [option.value for option in options])
        raise ConfigError(f"{key} is {str(value)!r}. {known}", cause=Cause.wrong_value)


def check_features(features: Features) -> bool:
    """Reject a batch without sequences, or with an empty sequence, as every encoder must.

    Returns:
        Whether no sequence is padded.

    Raises:
        ValueError: The batch is empty, or the length of a sequence is wrong.
    """
    rows, size = features.values.shape[:2]
    if rows == 0:
        raise ValueError("The batch is empty; an encoder needs at least one sequence.")
    lengths: list[int] = features.lengths.tolist()
    shortest, longest = min(lengths), max(lengths)
    if shortest < 1:
        row = lengths.index(shortest)
        raise ValueError(
            f"Sequence {row} of the batch has length {shortest}; an encoder needs at least one "
            "step of each. Leave empty examples out of the data."
        )
    if longest > size:
        row = lengths.index(longest)
        raise ValueError(
            f"Sequence {row} of the batch has length {longest}, but the features have only "
            f"{size} steps; the frontend's lengths and values disagree."
        )
    return shortest == size


SHOWN = 10
"""Number of sets of similar names that a warning lists."""


def warn_of_similar_names(what: str, counts: Mapping[str, int]) -> None:
    """Log a warning for names that differ only in case, Unicode form, blanks or invisible signs.

    So do numbers that are written in several ways, as 1 and 1.0.

    They are probably one name, spelled in several ways.

    Args:
        what: What has these names, for the message: ``head=classification: the classes``.
        counts: Number of examples by name.
    """
    alike = [
        ", ".join(f"{_told_apart(name, names)} ({counts[name]})" for name in names)
        for names in similar_names(counts)
    ]
    if alike:
        more = f"; and {len(alike) - SHOWN} more" if len(alike) > SHOWN else ""
        log.warning(
            "%s %s%s differ only in how they are written, but are treated as different. If they "
            "mean the same, unify them in the data.",
            what,
            "; ".join(alike[:SHOWN]),
            more,
        )


def similar_names(names: Iterable[str]) -> list[list[str]]:
    """Return the names that differ only in how they are written, together."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for name in names:
        spellings[_bare(name)].append(name)
    return [found for found in spellings.values() if len(found) > 1]


def _bare(name: str) -> str:
    """Return a name without what may differ between spellings of it."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    kept = [one for one in folded if not one.isspace() and unicodedata.category(one) != "Cf"]
    bare = unicodedata.normalize("NFKC", "".join(kept))
    return str(float(bare)) if _NUMBER.fullmatch(bare) else bare  # 1, 1.0 and 01


def _told_apart(name: str, names: list[str]) -> str:
    """Return a name in quotes; with escapes if another one may look the same."""
    looks = [unicodedata.normalize("NFKC", one) for one in names]
    alike = looks.count(unicodedata.normalize("NFKC", name)) > 1
    return ascii(name) if alike else repr(name)
