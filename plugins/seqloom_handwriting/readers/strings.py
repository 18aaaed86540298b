"""Strings composed of single characters, each string of one writer."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from seqloom.errors import Cause, ConfigError, ExampleError, did_you_mean
from seqloom.interfaces import Example
from seqloom_handwriting.readers.inkml import Strokes
from seqloom_handwriting.readers.strokes import StrokeReader


class StringReader(StrokeReader):
    """Composes strings of characters; see `StrokeStrings` for the parameters.

    The characters of a writer are shuffled and cut into strings; each is set to the right of the
    one before, at the height where it was recorded. Of the last few characters too short a string
    would be left: they go to the string before.
    """

    def __init__(
        self,
        *,
        group: str = "writer",
        min_length: int = 3,
        max_length: int = 6,
        min_gap: float = 0.05,
        max_gap: float = 0.5,
        repeats: int = 3,
        seed: int = 1,
        **strokes: Any,
    ) -> None:
        super().__init__(**strokes)
        self._group = group
        self._lengths = (min_length, max_length)
        self._gaps = (min_gap, max_gap)
        self._repeats = repeats
        self._seed = seed
        self._check()

    def _check(self) -> None:
        check_range("length", *self._lengths, least=1)
        if self._gaps[0] > self._gaps[1]:
            raise ConfigError(
                f"data.min_gap={self._gaps[0]} is above data.max_gap={self._gaps[1]}."
            )
        if self._repeats < 1:
            raise ConfigError(
                f"data.repeats={self._repeats}: expected at least 1.", cause=Cause.wrong_value
            )
        for option, name in (
            ("the characters", "label"),
            (f"data.group={self._group}", self._group),
        ):
            if name not in self._columns:
                raise ConfigError(
                    f"data.columns has no field {name!r}, which is needed for {option}; say which "
                    f"column it is, data.columns.{name}=COLUMN. {did_you_mean(name, self._columns)}"
                )

    def examples(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the strings of a split, made of its own characters; see `SplitReader.examples`.

        Raises:
            ConfigError: The split has another name than these three, or cannot be cut.
            DataError: The file is missing, malformed or empty.
        """
        writers: dict[str, list[Example]] = defaultdict(list)
        for character in super().examples(split):
            if isinstance(character, ExampleError):
                yield character
            else:
                writers[_value(character, self._group)].append(character)
        number = 0
        for writer, own in writers.items():
            for parts in self._draw(split, writer, own):
                number += 1
                yield self._compose(f"{split}:{number}", writer, parts)

    def _draw(self, split: str, writer: str, own: list[Example]) -> Iterator[list[Example]]:
        """Yield the characters of each string of a writer."""
        for repeat in range(self._repeats if split == "train" else 1):
            rng = random.Random(f"{self._seed}/{split}/{writer}/{repeat}")
            rest = rng.sample(own, len(own))
            for length in cut_lengths(len(rest), *self._lengths, rng):
                yield rest[:length]
                rest = rest[length:]

    def _compose(self, ident: str, writer: str, parts: list[Example]) -> Example:
        rng = random.Random(f"{self._seed}/{ident}")
        gaps = [rng.uniform(*self._gaps) for _ in parts]
        return Example(
            ident,
            {
                "strokes": set_in_line([part.fields["strokes"] for part in parts], gaps),
                "text": "".join(part.fields["label"] for part in parts),
            },
            parts[0].origin,
            {self._group: writer, "characters": [part.id for part in parts]},
        )


def check_range(name: str, low: int, high: int, least: int) -> None:
    """Refuse a range that is empty or starts too low.

    Raises:
        ConfigError: The range is invalid; the text names ``data.min_NAME`` and ``data.max_NAME``.
    """
    if not least <= low <= high:
        raise ConfigError(
            f"data.min_{name}={low} and data.max_{name}={high}: expected "
            f"{least} <= min_{name} <= max_{name}.",
            cause=Cause.wrong_value,
        )


def cut_lengths(total: int, low: int, high: int, rng: random.Random) -> Iterator[int]:
    """Yield random lengths from ``low`` to ``high`` that sum to the total.

    Where no such lengths are left, the last one is longer than ``high``, or the only one is the
    total, shorter than ``low``.
    """
    while total:
        length = min(rng.randint(low, high), total)
        if 0 < total - length < low:
            length = total - low if total > high and total >= 2 * low else total
        yield length
        total -= length


def set_in_line(characters: Sequence[Strokes], gaps: Sequence[float]) -> Strokes:
    """Return the strokes of the characters, moved so that they follow one another from x = 0.

    Args:
        characters: The strokes of each; y is kept.
        gaps: Gap after each character, as a share of the greatest height.
    """
    height = max(_extent(strokes, axis=1)[1] for strokes in characters)
    moved, place = [], 0.0
    for strokes, gap in zip(characters, gaps, strict=True):
        left, width = _extent(strokes, axis=0)
        moved += [[(x - left + place, y) for x, y in stroke] for stroke in strokes]
        place += width + gap * height
    return moved


def _extent(strokes: Strokes, axis: int) -> tuple[float, float]:
    """Return the least coordinate along an axis, and how far it is to the greatest."""
    values = [point[axis] for stroke in strokes for point in stroke]
    return min(values), max(values) - min(values)


def _value(example: Example, name: str) -> str:
    return str({**example.meta, **example.fields}[name])
