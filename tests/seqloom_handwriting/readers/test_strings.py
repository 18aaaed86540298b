"""Strings of characters: every character is used, in its own split and by its own writer."""

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import ConfigError, ExampleError
from seqloom.interfaces import Example
from seqloom_handwriting.readers.strings import StringReader, cut_lengths, set_in_line

COLUMNS = {"label": "label", "writer": "writer"}


def write(path: Path, writers: dict[str, int]) -> str:
    rows = [
        f"{i % 10}\t{writer}\t{10 * i},{i} {10 * i + 4},{i + 8}|{10 * i + 1},{i}"
        for writer, count in writers.items()
        for i in range(count)
    ]
    path.write_text("\n".join(["label\twriter\tstrokes", *rows]))
    return str(path)


def extent(points: list[tuple[float, float]], axis: int) -> tuple[float, float]:
    return min(p[axis] for p in points), max(p[axis] for p in points)


@given(
    total=st.integers(0, 60),
    low=st.integers(1, 6),
    more=st.integers(0, 6),
    seed=st.integers(0, 99),
)
def test_lengths(total: int, low: int, more: int, seed: int) -> None:
    high = low + more
    lengths = list(cut_lengths(total, low, high, random.Random(seed)))
    assert sum(lengths) == total
    assert all(low <= length <= high for length in lengths[:-1])
    if total >= low:
        assert low <= lengths[-1] < high + low
        # Only the greatest of lengths that cannot all be in the range is beyond it.
        possible = any(low * n <= total <= high * n for n in range(1, total + 1))
        assert possible or lengths[-1] > high
    assert list(cut_lengths(total, low, high, random.Random(seed))) == lengths


boxes = st.lists(
    st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(0, 30), st.integers(0, 30)),
    min_size=1,
    max_size=5,
)


@given(boxes, st.integers(0, 1000))
def test_characters_stand_in_line(boxes: list[tuple[int, int, int, int]], seed: int) -> None:
    characters = [
        [[(float(x), float(y)), (float(x + w), float(y))], [(float(x), float(y + h))]]
        for x, y, w, h in boxes
    ]
    rng = random.Random(seed)
    gaps = [rng.uniform(-0.1, 0.6) for _ in boxes]
    strokes = set_in_line(characters, gaps)
    height = max(h for _, _, _, h in boxes)
    assert len(strokes) == 2 * len(boxes)
    place = 0.0
    for number, ((_, y, w, h), gap) in enumerate(zip(boxes, gaps, strict=True)):
        points = strokes[2 * number] + strokes[2 * number + 1]
        assert extent(points, 0) == pytest.approx((place, place + w))
        assert extent(points, 1) == (y, y + h)
        place += w + gap * height


def characters(examples: list[Example]) -> list[str]:
    return [ident for example in examples for ident in example.meta["characters"]]


def test_each_character_is_used(tmp_path: Path) -> None:
    train = write(tmp_path / "train.tsv", {"1": 17, "2": 40, "3": 2, "9": 12})
    test = write(tmp_path / "test.tsv", {"1": 9})
    params: dict[str, Any] = {
        "train": train, "test": test, "columns": COLUMNS, "hold_out": {"writer": ["9"]},
    }  # fmt: skip
    reader = StringReader(**params, repeats=2, min_length=3, max_length=5)
    splits = {name: list(reader.examples(name)) for name in ("train", "val", "test")}
    used = {name: Counter(characters(part)) for name, part in splits.items()}
    assert used["train"] == {f"train:{n}": 2 for n in range(1, 60)}
    assert used["val"] == {f"train:{n}": 1 for n in range(60, 72)}
    assert used["test"] == {f"test:{n}": 1 for n in range(1, 10)}
    single = {e.id: e for e in super(StringReader, reader).whole("train")}
    for number, example in enumerate(splits["train"], 1):
        parts = [single[ident] for ident in example.meta["characters"]]
        assert example.id == f"train:{number}"
        assert {part.meta["writer"] for part in parts} == {example.meta["writer"]}
        assert example.fields["text"] == "".join(part.fields["label"] for part in parts)
        assert example.origin == parts[0].origin
        assert len(example.fields["strokes"]) == 2 * len(parts)
        assert 3 <= len(parts) <= 5 or example.meta["writer"] == "3"
    again = StringReader(**params, repeats=2, min_length=3, max_length=5)
    assert list(again.examples("train")) == splits["train"]
    other = StringReader(**params, repeats=2, min_length=3, max_length=5, seed=2)
    assert list(other.examples("train")) != splits["train"]
    orders = [characters(splits["train"])[i : i + 17] for i in (0, 17)]
    assert orders[0] != orders[1]


def test_gaps_are_shares_of_the_greatest_height(tmp_path: Path) -> None:
    path = write(tmp_path / "t.tsv", {"1": 30})
    reader = StringReader(train=path, columns=COLUMNS, min_gap=0.25, max_gap=0.5)
    shares = []
    for example in reader.examples("train"):
        strokes = example.fields["strokes"]  # two a character, which is 4 wide and 8 high
        lefts = [strokes[i][0][0] for i in range(0, len(strokes), 2)]
        shares += [(b - a - 4) / 8 for a, b in pairwise(lefts)]
    assert 0.25 <= min(shares) < 0.3
    assert 0.45 < max(shares) <= 0.5


def test_characters_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "t.tsv", {"1": 4}))
    path.write_text(path.read_text() + "\n1\t1\tx\n")
    found = list(StringReader(train=str(path), columns=COLUMNS).examples("train"))
    assert isinstance(found[0], ExampleError)
    assert str(found[0]).startswith(f"{path}:6: the strokes are malformed: stroke 1, point 1")
    good = [one for one in found if isinstance(one, Example)]
    assert Counter(characters(good)) == {f"t:{n}": 3 for n in range(1, 5)}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"min_length": 4, "max_length": 3},
         "data.min_length=4 and data.max_length=3: expected 1 <= min_length <= max_length."),
        ({"min_length": 0}, "data.min_length=0 and data.max_length=6: expected 1 <="),
        ({"min_gap": 0.6}, "data.min_gap=0.6 is above data.max_gap=0.5."),
        ({"repeats": 0}, "data.repeats=0: expected at least 1."),
        ({"group": "author"}, "data.columns has no field 'author', which is needed for "
         "data.group=author; say which column it is, data.columns.author=COLUMN."),
        ({"columns": {"writer": "writer"}},
         "data.columns has no field 'label', which is needed for the characters; say which"),
    ],
)  # fmt: skip
def test_configs_that_do_not_fit(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        StringReader(**({"columns": COLUMNS} | params))
    assert str(caught.value).startswith(message)


@pytest.mark.realdata
def test_real_strings(real_data: Path) -> None:
    reader = StringReader(
        test=str(real_data / "pendigits_online" / "test.tsv"),
        columns={"strokes": "strokes", "label": "digit", "writer": "comment"},
        patterns={"writer": r"\S+ (\S+)"},
        y_up=True,
    )
    examples = list(reader.examples("test"))
    assert sorted(characters(examples)) == sorted(f"test:{n}" for n in range(1, 3499))
    assert {len(e.fields["text"]) for e in examples} == {3, 4, 5, 6}
