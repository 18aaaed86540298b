"""Cut validation and test examples out of one set of examples, without leaks.

The schemas of plugins import this module: it must not import torch or numpy.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqloom.errors import Cause, ConfigError, did_you_mean

if TYPE_CHECKING:
    from seqloom.interfaces.example import Example

Unit = list[int]
"""Positions of the examples that must stay together."""


@dataclass
class SplitConfig:
    """Which part of the training file is kept for validation and for testing.

    Attributes:
        val: Fraction of the examples that becomes ``val``, in [0, 1). If both fractions are null
            and no files are set for ``val`` and ``test``, a run keeps a tenth for each.
            Example: ``0.1``.
        test: Fraction of the examples that becomes ``test``, in [0, 1). Example: ``0.1``.
        stratify: Field each of whose values is split by the same fractions, so that val and test
            have the classes of train; null: none. Example: ``label``.
        group: Field, or entry of the examples' ``meta``, whose equal values stay on one side, such
            as the sentences of a document; null: none. Example: ``document``.
        seed: Seed of the random choice.
        automatic: Set by seqloom if it chose the fractions: few examples are then all used for
            training, and the only example of a class is too. Since 0.2.
    """

    val: float | None = None
    test: float | None = None
    stratify: str | None = None
    group: str | None = None
    seed: int = 0
    automatic: bool = False


FEWEST = 10
"""Number of examples below which an automatic split keeps all for training."""


def split(examples: Sequence[Example], config: SplitConfig) -> dict[str, list[Example]]:
    """Return ``train``, ``val`` and ``test``: every example once, each part in the given order.

    The result is a function of the examples and the config. Examples with equal fields stay on one
    side, and so do those of a group. Of each value of ``stratify``, each part gets its fraction to
    within one example, or as near as duplicates and groups allow.

    Raises:
        ConfigError: The fractions leave nothing for ``train``, an example lacks a field, or a part
            would be empty.
    """
    return {part: [examples[i] for i in at] for part, at in places(examples, config).items()}


def places(examples: Sequence[Example], config: SplitConfig) -> dict[str, Sequence[int]]:
    """Return the positions of the examples of each part; see `split`."""
    _check_fractions(config)
    parts: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    if config.automatic and len(examples) < FEWEST:
        return {"train": range(len(examples)), "val": [], "test": []}
    for part, position in sorted(_assign(examples, config), key=lambda pair: pair[1]):
        parts[part].append(position)
    val, test = _fractions(config)
    for part, fraction in {"train": 1.0 - val - test, "val": val, "test": test}.items():
        if fraction > 0 and not parts[part] and not config.automatic:
            raise ConfigError(
                _empty_part(part, fraction, len(examples), config), cause=Cause.bad_split
            )
    return {**parts}


def _fractions(config: SplitConfig) -> tuple[float, float]:
    return config.val or 0.0, config.test or 0.0


def _check_fractions(config: SplitConfig) -> None:
    val, test = _fractions(config)
    for name, fraction in (("val", val), ("test", test)):
        if not 0 <= fraction < 1:
            raise ConfigError(
                f"split.{name}={fraction}: expected a number in [0, 1).", cause=Cause.bad_split
            )
    if val + test >= 1:
        raise ConfigError(
            f"split.val={val} and split.test={test} are {val + test:g} together and leave nothing "
            "to train on; their sum must be below 1.",
            cause=Cause.bad_split,
        )


def _empty_part(part: str, fraction: float, count: int, config: SplitConfig) -> str:
    tied = "" if config.group is None else f" in groups by {config.group!r}"
    return (
        f"The {part} part would be empty: {fraction:g} of {count} examples{tied}. Change split.val "
        "and split.test, or use more examples."
    )


def _assign(examples: Sequence[Example], config: SplitConfig) -> list[tuple[str, int]]:
    """Return a part for each position."""
    rng = random.Random(config.seed)
    strata: dict[Hashable, list[Unit]] = defaultdict(list)
    # Of an automatic split nobody asks why a text with two labels is in two parts.
    without = config.stratify if config.automatic else None
    for unit in _units(examples, config.group, without):
        strata[_stratum(examples[unit[0]], config)].append(unit)
    names = list(strata)
    rng.shuffle(names)
    assigned = []
    for rank, name in enumerate(names):
        # Each stratum rounds at another point, evenly spread, so that the roundings of many small
        # strata cancel out; one point for both fractions keeps every part within one example.
        point = (rank + 0.5) / len(names)
        assigned += _fill(strata[name], config, point, rng)
    return assigned


def _fill(
    units: list[Unit], config: SplitConfig, point: float, rng: random.Random
) -> list[tuple[str, int]]:
    count = sum(map(len, units))
    if config.automatic and config.stratify is not None and count == 1:
        return [("train", position) for position in units[0]]
    val_fraction, test_fraction = _fractions(config)
    test = int(count * test_fraction + point)
    wanted = {"test": test, "val": int(count * (test_fraction + val_fraction) + point) - test}
    rng.shuffle(units)
    assigned = []
    for unit in units:
        # A unit is assigned if that brings the part nearer to its number, even beyond it.
        part = next((p for p, need in wanted.items() if len(unit) < 2 * need), "train")
        if part in wanted:
            wanted[part] -= len(unit)
        assigned += [(part, position) for position in unit]
    return assigned


def _stratum(example: Example, config: SplitConfig) -> Hashable:
    name = config.stratify
    if name is None or (config.automatic and name not in {**example.meta, **example.fields}):
        return None
    return _key(_look_up(example, name, "stratify"))


def _units(
    examples: Sequence[Example], group: str | None, without: str | None = None
) -> list[Unit]:
    """Return positions in units: tied by equal fields or by the same group, also in a chain.

    Args:
        examples: Examples.
        group: Field by which examples are tied, if any.
        without: Field in which tied examples may differ, if any.
    """
    contents = _contents(examples, without)
    units: dict[Hashable, Unit] = defaultdict(list)
    if group is None:
        for position, content in enumerate(contents):
            units[content].append(position)
        return list(units.values())
    parent: dict[Hashable, Hashable] = {}

    def root(node: Hashable) -> Hashable:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for content, example in zip(contents, examples, strict=True):
        parent[root(content)] = root(("group", _key(_look_up(example, group, "group"))))
    for position, content in enumerate(contents):
        units[root(content)].append(position)
    return list(units.values())


def _contents(examples: Sequence[Example], without: str | None) -> list[Hashable]:
    """Return something for each example that is equal for those with equal fields.

    The fields themselves would take much memory: only where their hashes are equal they decide.
    """
    hashes = [hash(_content(example, without)) for example in examples]
    twice = {one for one, count in Counter(hashes).items() if count > 1}
    return [
        ("fields", _content(examples[place], without)) if one in twice else place
        for place, one in enumerate(hashes)
    ]


def _look_up(example: Example, name: str, option: str) -> Any:
    known = {**example.meta, **example.fields}
    if name in known:
        return known[name]
    raise ConfigError(
        f"split.{option}={name}: {example.origin or example.id} has no such field. "
        f"{did_you_mean(name, known)}",
        cause=Cause.bad_split,
    )


def _content(example: Example, without: str | None) -> Hashable:
    left_out = {"id", without}
    return _key({name: value for name, value in example.fields.items() if name not in left_out})


def _key(value: Any) -> Hashable:
    """Return something hashable that is equal for equal values, arrays included."""
    if isinstance(value, Mapping):
        return tuple((name, _key(value[name])) for name in sorted(value))
    if isinstance(value, list | tuple):
        return tuple(value) if set(map(type, value)) == {str} else tuple(map(_key, value))
    if hasattr(value, "tobytes"):
        return (str(getattr(value, "dtype", "")), getattr(value, "shape", ()), value.tobytes())
    return value if isinstance(value, Hashable) else repr(value)
