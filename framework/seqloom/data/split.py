"""Cut validation and test examples out of one set of examples, without leaks.

The schemas of plugins import this module: it must not import torch or numpy.
"""

from __future__ import annotations

import random
from array import array
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from seqloom.errors import Cause, ConfigError, did_you_mean, plural

if TYPE_CHECKING:
    from seqloom.interfaces.example import Example

PARTS = ("train", "val", "test")
TRAIN, VAL, TEST = range(3)


@dataclass
class SplitConfig:
    """Which part of the training file is held out for validation and for testing.

    Attributes:
        val: Fraction of the examples that becomes ``val``, in [0, 1). If both fractions are null
            and no files are set for ``val`` and ``test``, a run holds out a tenth for each.
            Example: ``0.1``.
        test: Fraction of the examples that becomes ``test``, in [0, 1). Example: ``0.1``.
        stratify: Field whose values are split by the same fractions, so that val and test have the
            class proportions of train; null: none. Example: ``label``.
        group: Field, or entry of the examples' ``meta``, whose equal values stay in one split, such
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


def places(
    examples: Sequence[Example], config: SplitConfig, hashes: Sequence[int] | None = None
) -> dict[str, Sequence[int]]:
    """Return the positions of the examples of each part; see `split`.

    Args:
        examples: Examples.
        config: How to split them.
        hashes: What `content_hash` returns for each of them, if that is known.
    """
    _check_fractions(config)
    if config.automatic and len(examples) < FEWEST:
        return {"train": range(len(examples)), "val": [], "test": []}
    if hashes is None:
        hashes = [content_hash(one, config) for one in examples]
    part_of = _assign(examples, config, hashes)
    parts = {
        part: array("q", (at for at, own in enumerate(part_of) if own == number))
        for number, part in enumerate(PARTS)
    }
    val, test = _fractions(config)
    for part, fraction in {"train": 1.0 - val - test, "val": val, "test": test}.items():
        if fraction > 0 and not parts[part] and not config.automatic:
            raise ConfigError(_empty_part(part, fraction, hashes, config), cause=Cause.bad_split)
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


def _empty_part(part: str, fraction: float, hashes: Sequence[int], config: SplitConfig) -> str:
    count, different = len(hashes), len(set(hashes))
    tied = "" if config.group is None else f" in groups by {config.group!r}"
    equal = f", of which {different} differ: equal ones stay in one part" * (different < count)
    return (
        f"The {part} part would be empty: {fraction:g} of {count} "
        f"{plural(count, 'example')}{tied}{equal}. Change "
        f"split.val and split.test, or use more{' different' * bool(equal)} examples."
    )


def _assign(examples: Sequence[Example], config: SplitConfig, hashes: Sequence[int]) -> bytearray:
    """Return the number of the part in `PARTS` for each position."""
    rng = random.Random(config.seed)
    strata: dict[Hashable, array[int]] = {}
    units = _units(examples, config, hashes)
    for first in units.firsts:
        stratum = None if config.stratify is None else _stratum(examples[first], config)
        strata.setdefault(stratum, array("q")).append(first)
    names = list(strata)
    rng.shuffle(names)
    assigned = bytearray(len(examples))
    for rank, name in enumerate(names):
        # Each stratum rounds at another point, evenly spread, so that the roundings of many small
        # strata cancel out; one point for both fractions keeps every part within one example.
        point = (rank + 0.5) / len(names)
        for part, position in _fill(strata[name], units.others, config, point, rng):
            assigned[position] = part
    return assigned


def _fill(
    firsts: array[int],
    others: Mapping[int, Sequence[int]],
    config: SplitConfig,
    point: float,
    rng: random.Random,
) -> Iterator[tuple[int, int]]:
    """Yield the parts and positions of the examples of a stratum."""
    count = len(firsts) + sum(len(others.get(first, ())) for first in firsts)
    if config.automatic and config.stratify is not None and count == 1:
        yield TRAIN, firsts[0]
        return
    val_fraction, test_fraction = _fractions(config)
    test = int(count * test_fraction + point)
    wanted = {TEST: test, VAL: int(count * (test_fraction + val_fraction) + point) - test}
    rng.shuffle(firsts)
    for first in firsts:
        tied = others.get(first, ())
        size = 1 + len(tied)
        # A unit is assigned if that brings the part nearer to its number, even beyond it.
        part = TEST if size < 2 * wanted[TEST] else VAL if size < 2 * wanted[VAL] else TRAIN
        if part != TRAIN:
            wanted[part] -= size
        yield part, first
        for position in tied:
            yield part, position


def _stratum(example: Example, config: SplitConfig) -> Hashable:
    name = config.stratify
    if name is None or (config.automatic and name not in {**example.meta, **example.fields}):
        return None
    return _key(_look_up(example, name, "stratify"))


class _Units(NamedTuple):
    """Positions of examples that must stay together, in little memory where few of them must.

    Attributes:
        firsts: Position of the first example of each unit.
        others: The other positions of units with several, by the first one.
    """

    firsts: array[int]
    others: Mapping[int, list[int]]


def _units(examples: Sequence[Example], config: SplitConfig, hashes: Sequence[int]) -> _Units:
    """Return units: examples tied by equal fields or by the same group, also in a chain."""
    contents = _contents(examples, config, hashes)
    if config.group is not None:
        contents = _roots(examples, config.group, contents)
    firsts, others = array("q"), defaultdict[int, list[int]](list)
    first_of: dict[Hashable, int] = {}
    for position, content in enumerate(contents):
        if content is None:  # no other has it
            firsts.append(position)
            continue
        first = first_of.setdefault(content, position)
        if first == position:
            firsts.append(position)
        else:
            others[first].append(position)
    return _Units(firsts, others)


def _roots(
    examples: Sequence[Example], group: str, contents: Iterable[Hashable | None]
) -> Iterator[Hashable]:
    """Yield something for each example that is equal for those tied by content or group."""
    parent: dict[Hashable, Hashable] = {}

    def root(node: Hashable) -> Hashable:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    nodes: list[Hashable] = []
    for position, (content, example) in enumerate(zip(contents, examples, strict=True)):
        nodes.append(position if content is None else ("fields", content))
        parent[root(nodes[-1])] = root(("group", _key(_look_up(example, group, "group"))))
    yield from map(root, nodes)


def _contents(
    examples: Sequence[Example], config: SplitConfig, hashes: Sequence[int]
) -> Iterator[Hashable | None]:
    """Yield something for each example that is equal for those with equal fields, or None.

    The fields themselves would take much memory: only where their hashes are equal they decide.
    """
    import numpy as np  # schemas of plugins import this module without it

    every, counts = np.unique(np.array(hashes, np.int64), return_counts=True)
    twice = set(every[counts > 1].tolist())
    without = _left_out(config)
    for place, one in enumerate(hashes):
        yield _content(examples[place], without) if one in twice else None


def content_hash(example: Example, config: SplitConfig) -> int:
    """Return a number that is equal for examples that a split keeps together for their fields."""
    return hash(_content(example, _left_out(config)))


def _left_out(config: SplitConfig) -> str | None:
    """Return the field in which examples that are kept together may differ, if any."""
    # Of an automatic split nobody asks why a text with two labels is in two parts.
    return config.stratify if config.automatic else None


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
