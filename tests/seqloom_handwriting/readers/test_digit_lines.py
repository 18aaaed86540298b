"""Lines of digits: no digit in two splits, the same lines each time, dark on light."""

import re
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from seqloom.errors import ConfigError, DataError
from seqloom.extras import install_command
from seqloom.interfaces import SPLITS
from seqloom_handwriting.readers.digit_lines import DigitLineReader, digits, draw_line, enlarge


def key(digit: tuple[str, np.ndarray]) -> tuple[str, bytes]:
    return digit[0], digit[1].tobytes()


def test_each_digit_is_in_one_split() -> None:
    parts = {name: digits(name) for name in SPLITS}
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 1258, "val": 216, "test": 323,
    }  # fmt: skip
    data = load_digits()
    expected = []
    for label, image in zip(data.target, data.images, strict=True):
        columns = np.flatnonzero(image.sum(axis=0))
        cropped = image[:, columns[0] : columns[-1] + 1] / 16
        expected.append((str(label), cropped.astype(np.float32).tobytes()))
    assert sorted(key(d) for part in parts.values() for d in part) == sorted(expected)
    for part in parts.values():
        assert {label for label, _ in part} == set("0123456789")


def test_lines() -> None:
    reader = DigitLineReader(train=60, val=3, test=2, min_length=2, max_length=4, height=40)
    train = list(reader.examples("train"))
    assert [e.id for e in train] == [f"train:{n}" for n in range(1, 61)]
    assert [len(list(reader.examples(name))) for name in SPLITS] == [60, 3, 2]
    assert {len(e.fields["text"]) for e in train} == {2, 3, 4}
    for example in train:
        image = example.fields["image"]
        assert (image.dtype, image.shape[0]) == (np.uint8, 40)
        assert np.median(image) > 200  # paper
        assert image.min() < 120  # ink
        edge = np.concatenate([image[:, :2], image[:, -2:]], axis=1)
        assert edge.min() > 180  # no digit is cut off
        assert np.unique(edge).size > 5  # the paper is not plain
    widths = {
        n: np.mean([e.fields["image"].shape[1] for e in train if len(e.fields["text"]) == n])
        for n in (2, 4)
    }
    assert widths[4] > 1.5 * widths[2]


def test_a_line_is_a_function_of_seed_split_and_number() -> None:
    def lines(split: str, **params: Any) -> list[tuple[str, bytes]]:
        examples = DigitLineReader(**params).examples(split)
        return [(e.fields["text"], e.fields["image"].tobytes()) for e in examples]

    first = lines("train", train=8)
    assert lines("train", train=4) == first[:4]
    assert len(set(first)) == 8
    assert lines("train", train=8, seed=2) != first
    assert lines("val", val=8) != first


def test_ink_keeps_its_shape() -> None:
    bar = np.zeros((8, 4), np.float32)
    bar[:, 1:3] = 1
    large = enlarge(bar, 80, 40)
    assert large.shape == (100, 60)  # with a frame of one of the pixels, ten times as large
    rows, columns = np.nonzero(large > 0.5)
    assert (rows.min(), rows.max()) == pytest.approx((10, 89), abs=1)
    assert (columns.min(), columns.max()) == pytest.approx((20, 39), abs=1)
    assert large.min() == 0
    assert large.max() == 1


def test_digits_stay_inside_lines_of_any_height() -> None:
    inks = [np.ones((8, 8), np.float32)] * 12
    for height in (16, 33, 100):
        for seed in range(20):
            line = draw_line(inks, height, np.random.default_rng(seed))
            dark = line < 130
            assert line.shape[0] == height
            assert dark.mean() > 0.3
            assert dark.any(axis=1).mean() < 0.95  # some paper above and below


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"min_length": 0}, "data.min_length=0 and data.max_length=10: expected 1 <="),
        ({"height": 8}, "data.height=8: expected at least 16 pixels."),
        ({"val": -1}, "data.val=-1: expected a number of lines, 0 or more."),
    ],
)
def test_configs_that_do_not_fit(params: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DigitLineReader(**params)
    assert str(caught.value).startswith(message)


def test_other_splits_and_files() -> None:
    with pytest.raises(ConfigError, match="No split 'dev'"):
        DigitLineReader().examples("dev")
    with pytest.raises(DataError, match="DigitLineReader does not read files"):
        DigitLineReader().inputs(["a.png"])


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    digits.cache_clear()
    with pytest.raises(DataError, match=re.escape(install_command("handwriting"))):
        next(DigitLineReader().examples("train"))
