"""Random examples and features for conformance checks: small, seeded, of any standard kind."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, get_type_hints

import numpy as np
import torch

from seqloom.interfaces import Example, Features, Origin
from seqloom.plugins import Component

LENGTHS = (5, 1, 9, 3)
"""Ragged and unsorted, with a sequence of one step."""

LONG = 400
"""Steps of a very long example."""

OPENING = "<script>"
MARKUP = f"{OPENING}alert(1)</script>"

INPUTS = ("text", "tokens")
"""Fields with what frontends read that can have markup."""

Make = Callable[[int, np.random.Generator], Any]


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(list(string.ascii_letters), size=rng.integers(1, 8)))


def _tokens(length: int, rng: np.random.Generator) -> list[str]:
    return [_word(rng) for _ in range(length)]


def _tags(length: int, rng: np.random.Generator) -> list[str]:
    starts = rng.integers(0, 3, size=length)
    tags: list[str] = []
    for position, start in enumerate(starts):
        inside = position > 0 and tags[-1] != "O" and start == 2
        tags.append(f"I-{tags[-1][2:]}" if inside else ("O", "B-X", "B-Y")[start])
    return tags


MAKERS: dict[str, Make] = {
    "tokens": _tokens,
    "text": lambda length, rng: " ".join(_tokens(length, rng)),
    "tags": _tags,
    "label": lambda _, rng: str(rng.choice(["left", "right", "up"])),
    "image": lambda length, rng: rng.integers(0, 256, (20, 8 * length), dtype=np.uint8),
    "strokes": lambda length, rng: [
        [tuple(point) for point in rng.normal(size=(length, 2)).cumsum(0).tolist()]
    ],
    "features": lambda length, rng: rng.normal(size=(length, 3)).astype(np.float32),
    "texts": lambda length, rng: [" ".join(_tokens(length, rng)) for _ in range(1 + length % 2)],
    "labels": lambda _, rng: [label for label in ("left", "right", "up") if rng.random() < 0.5],
}
"""Functions that make a value of each kind for an example of a given length.

Plugins may add kinds.
"""


def examples(kinds: Mapping[str, str], lengths: Sequence[int] = LENGTHS) -> list[Example]:
    """Return an example for each length.

    Args:
        kinds: Field → kind.
        lengths: Number of tokens, or the like, of each example.

    >>> examples({"tokens": "tokens"}, [2])[0].fields["tokens"]
    ['XTAWYY', 'x']
    """
    rng = np.random.default_rng(4)
    return [
        Example(
            f"example-{number}",
            {name: MAKERS[kind](length, rng) for name, kind in kinds.items()},
        )
        for number, length in enumerate(lengths)
    ]


def features(size: int, lengths: Sequence[int] = LENGTHS) -> Features:
    """Return random features (B, T, D) whose padding is NaN."""
    generator = torch.Generator().manual_seed(7)
    values = torch.randn(len(lengths), max(lengths), size, generator=generator)
    for row, length in enumerate(lengths):
        values[row, length:] = torch.nan
    return Features(values, torch.tensor(lengths))


def variants(component: Component, fixed: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return parameters to check a component with: its defaults, and each other enum option.

    Args:
        component: Component whose schema has the options.
        fixed: Parameters that stay at their defaults.
    """
    plain = {
        name: str(value) if isinstance(value, StrEnum) else value
        for name, value in component.defaults().items()
    }
    return [{**plain, **option} for option in ({}, *options(component, fixed))]


def options(component: Component, fixed: Sequence[str] = ()) -> list[dict[str, str]]:
    """Return each option of an enum parameter that is not the default: ``{"merge": "sum"}``."""
    default = component.defaults()
    return [
        {name: str(member)}
        for name, kind in get_type_hints(component.schema).items()
        if isinstance(kind, type) and issubclass(kind, StrEnum) and name not in fixed
        for member in kind
        if member != default[name]
    ]


def inputs_with_markup(example: Example) -> Example:
    """Return the example with markup in its inputs, its id, its origin and its meta data.

    A text may be what a head predicts, so its codec must not see this.
    """
    for name in INPUTS:
        example = with_markup(example, name)
    meta = {**example.meta, "note": MARKUP}
    return replace(example, id=example.id + MARKUP, origin=Origin(MARKUP), meta=meta)


def with_markup(example: Example, name: str) -> Example:
    """Return the example with markup in a field, if that is a text or a list of texts."""
    if name not in example.fields:
        return example
    return replace(example, fields={**example.fields, name: _markup(example.fields[name])})


def _markup(value: Any) -> Any:
    if isinstance(value, str):
        # The letter O marks a token as outside, whatever the classes are.
        return value if value == "O" else value + MARKUP
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return [_markup(one) for one in value]
    return value
