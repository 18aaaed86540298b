"""Write words of a pen: a font of strokes, in the hands of writers that slant, slow down and join.

    python tests/tools/pen_words.py FOLDER [--train 3000 --val 300 --test 300]

writes ``train.tsv``, ``val.tsv`` and ``test.tsv`` with the columns strokes, text and writer, as
``data=strokes`` reads them. Every split has its own writers; words are made of syllables.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Stroke = np.ndarray

GLYPHS = {
    "a": "9,9 6,10 2,8 0,4 2,0 5,0 8,4 9,9 9,3 11,0",
    "b": "0,20 0,10 0,0 0,6 4,10 8,8 9,4 6,0 2,0 0,2",
    "c": "8,8 5,10 1,8 0,4 2,0 5,0 8,2",
    "d": "9,8 6,10 2,8 0,4 2,0 6,0 9,4 10,20 10,8 10,0",
    "e": "0,5 5,5 8,7 6,10 2,9 0,5 2,0 5,0 8,2",
    "f": "8,18 5,20 3,17 3,8 3,0 | 0,10 4,10 7,10",
    "g": "9,9 6,10 2,8 0,4 2,0 6,1 9,8 9,0 8,-7 4,-9 0,-6",
    "h": "0,20 0,10 0,0 0,5 4,10 7,9 8,5 8,0",
    "i": "0,10 0,4 1,0 3,1 | 0,15",
    "j": "4,10 4,0 3,-7 0,-8 | 4,15",
    "k": "0,20 0,10 0,0 0,4 4,7 7,10 3,5 5,3 8,0",
    "l": "0,20 0,10 0,3 2,0 4,1",
    "m": "0,10 0,4 0,0 1,6 4,10 6,8 6,0 7,6 10,10 12,8 12,0",
    "n": "0,10 0,4 0,0 1,6 4,10 7,8 7,4 7,0",
    "o": "5,10 1,8 0,4 2,0 6,0 9,4 8,8 5,10",
    "p": "0,10 0,0 0,-9 0,2 1,8 5,10 9,7 8,2 4,0 0,2",
    "q": "9,9 6,10 2,8 0,4 2,0 6,1 9,8 9,0 9,-9 12,-6",
    "r": "0,10 0,4 0,0 1,6 4,10 6,9",
    "s": "7,9 4,10 1,8 3,6 6,4 6,1 3,0 0,1",
    "t": "3,18 3,9 3,2 5,0 8,1 | 0,12 3,12 7,12",
    "u": "0,10 0,4 2,0 5,1 8,5 8,10 8,4 10,0",
    "v": "0,10 2,5 4,0 6,5 8,10",
    "w": "0,10 1,5 3,0 5,4 6,8 7,4 9,0 11,5 12,10",
    "x": "0,10 4,5 8,0 | 8,10 4,5 0,0",
    "y": "0,10 2,5 4,2 | 8,10 5,2 2,-6 0,-9",
    "z": "0,10 4,10 8,10 4,5 0,0 4,0 8,0",
}
"""Letter → strokes of points x,y; y grows upwards, the x-height is 10."""

ONSETS = ("", "b", "bl", "c", "ch", "d", "f", "fl", "g", "h", "j", "k", "l", "m", "n", "p", "pr")
ONSETS += ("qu", "r", "s", "st", "t", "tr", "v", "w", "y", "z")
VOWELS = ("a", "e", "i", "o", "u", "ea", "ou", "ai")
SYLLABLES = (1, 1, 2, 2, 3)
CODAS = ("", "", "n", "r", "s", "t", "l", "ck", "nd", "x", "m", "p")


@dataclass
class Writer:
    """A hand.

    Attributes:
        slant: How far x moves for each y.
        width: Width against height.
        gap: Between letters, in x-heights.
        join: Probability that a letter goes on from the one before without lifting the pen.
        tremor: Deviation of the points of the font, in x-heights.
        speed: Points for each x-height of path.
        late: Whether dots and bars follow after the word.
        size: Units of the tablet in an x-height.
    """

    slant: float
    width: float
    gap: float
    join: float
    tremor: float
    speed: float
    late: bool
    size: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Writer:
        """Return a random hand."""
        return cls(
            slant=rng.uniform(-0.2, 0.6),
            width=rng.uniform(0.7, 1.3),
            gap=rng.uniform(0.15, 0.5),
            join=rng.choice([0.0, 0.5, 0.9]),
            tremor=rng.uniform(0.03, 0.09),
            speed=rng.uniform(3, 6),
            late=bool(rng.random() < 0.5),
            size=rng.uniform(40, 120),
        )


def write(word: str, writer: Writer, rng: np.random.Generator) -> list[Stroke]:
    """Return the strokes of a word, in units of the tablet; y grows downwards."""
    body: list[Stroke] = []
    late: list[Stroke] = []
    place = 0.0
    for letter in word:
        first, *others = _letter(letter, writer, rng, place)
        if body and not others and rng.random() < writer.join:
            body[-1] = np.concatenate([body[-1], first])
        else:
            body.append(first)
        (late if writer.late else body).extend(others)
        right = max(stroke[:, 0].max() for stroke in (first, *others))
        place = right + writer.gap * rng.uniform(0.7, 1.3)
    tilt = rng.normal(0, 0.03)
    return [_record(stroke, writer, tilt, rng) for stroke in (*body, *late)]


def _letter(letter: str, writer: Writer, rng: np.random.Generator, left: float) -> list[Stroke]:
    strokes = []
    scale = np.array([writer.width, 1.0]) * rng.normal(1, 0.06, 2) / 10
    for text in GLYPHS[letter].split("|"):
        points = np.array([piece.split(",") for piece in text.split()], float) * scale
        strokes.append(points + rng.normal(0, writer.tremor, points.shape))
    start = min(stroke[:, 0].min() for stroke in strokes)
    return [stroke + np.array([left - start, 0.0]) for stroke in strokes]


def _record(stroke: Stroke, writer: Writer, tilt: float, rng: np.random.Generator) -> Stroke:
    """Return a stroke as a tablet records it: at equal times, not at equal distances."""
    path = _smooth(stroke)
    length = np.hypot(*np.diff(path, axis=0).T)
    turn = np.abs(np.diff(np.unwrap(np.arctan2(*np.diff(path, axis=0).T[::-1])), append=0.0))
    slow = 1 + 1.5 * np.minimum(turn / np.maximum(length, 1e-3) / 6, 2)  # pens slow down in curves
    time = np.concatenate([[0.0], (length * slow).cumsum()])
    count = max(1, round(time[-1] * writer.speed * rng.uniform(0.8, 1.2)))
    times = np.linspace(0, time[-1], count + 1)
    x, y = (np.interp(times, time, axis) for axis in path.T)
    x = x + writer.slant * y
    points = np.stack([x, -(y + tilt * x)], 1) * writer.size
    return np.round(points + rng.normal(0, 0.4, points.shape))


def _smooth(points: Stroke, parts: int = 12) -> Stroke:
    """Return a Catmull-Rom curve through the points."""
    if len(points) == 1:
        return np.concatenate([points, points + 0.02])
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.arange(parts)[:, None] / parts
    pieces = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        a, b = 2 * start, end - before
        c, d = 2 * before - 5 * start + 4 * end - after, 3 * start - before - 3 * end + after
        pieces.append((a + b * t + c * t**2 + d * t**3) / 2)
    return np.concatenate([*pieces, points[-1:]])


def make_word(rng: random.Random) -> str:
    """Return a word of one to three syllables."""
    syllables = rng.choice(SYLLABLES)
    return "".join(
        rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(syllables)
    )


def words(split: str, count: int, writers: int) -> Iterator[tuple[list[Stroke], str, str]]:
    """Yield strokes, text and writer of each word of a split."""
    seed = ("train", "val", "test").index(split)
    text, rng = random.Random(seed), np.random.default_rng(seed)
    hands = [Writer.draw(rng) for _ in range(writers)]
    for number in range(count):
        own = number % writers
        word = make_word(text)
        yield write(word, hands[own], rng), word, f"{split}-{own}"


def cell(strokes: list[Stroke]) -> str:
    """Return strokes as a cell of a table."""
    return "|".join(" ".join(f"{x:.0f},{y:.0f}" for x, y in stroke) for stroke in strokes)


def write_tables(folder: Path, **counts: int) -> None:
    """Write the table of each split."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in counts.items():
        writers = 60 if split == "train" else 20
        rows = [f"{cell(s)}\t{text}\t{who}\n" for s, text, who in words(split, count, writers)]
        content = "strokes\ttext\twriter\n" + "".join(rows)
        (folder / f"{split}.tsv").write_text(content, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for name, default in (("train", 3000), ("val", 300), ("test", 300)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    write_tables(options.folder, train=options.train, val=options.val, test=options.test)
