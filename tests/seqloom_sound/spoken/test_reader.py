"""Commands: no text and no voice is in two splits, and each is spoken the same every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqloom.errors import ConfigError
from seqloom.interfaces import SPLITS
from seqloom_sound.spoken.phonemes import ACTIONS, DIGITS, WORDS
from seqloom_sound.spoken.reader import POSSIBLE, SpokenReader

SIZES = {"train_size": 40, "val_size": 10, "test_size": 20}


def test_splits_share_no_text_and_no_speaker() -> None:
    reader = SpokenReader(**SIZES)
    found = {split: list(reader.examples(split)) for split in SPLITS}
    assert [len(examples) for examples in found.values()] == [40, 10, 20]
    texts = [one.fields["text"] for examples in found.values() for one in examples]
    assert len(set(texts)) == len(texts)
    speakers = [{one.fields["speaker"] for one in examples} for examples in found.values()]
    assert len(set().union(*speakers)) == sum(map(len, speakers))
    for example in found["train"]:
        action, *digits = example.fields["text"].split()
        assert action == example.fields["label"]
        assert action in ACTIONS
        assert 1 <= len(digits) <= 3
        assert set(digits) <= set(DIGITS)


def test_an_utterance_is_named_by_its_text() -> None:
    example = next(iter(SpokenReader(**SIZES).examples("val")))
    assert str(example.fields["sound"]) == f"the utterance {example.fields['text']!r}"


def test_all_words_can_be_spoken() -> None:
    assert set(WORDS) == {*ACTIONS, *DIGITS}


def test_a_sound_is_the_same_every_time_and_another_with_another_seed() -> None:
    first, again = (list(SpokenReader(**SIZES).examples("test")) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.fields["sound"].digest() == other.fields["sound"].digest()
    samples, rate = first[0].fields["sound"].load()
    np.testing.assert_array_equal(samples, again[0].fields["sound"].load()[0])
    assert (samples.dtype, rate) == (np.float32, 8000)
    moved = next(SpokenReader(**SIZES, seed=2).examples("test")).fields["sound"]
    assert moved.digest() != first[0].fields["sound"].digest()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"val_size": -1}, "data.val_size=-1: expected at least 0"),
        ({"seed": -1}, "data.seed=-1: expected at least 0"),
        ({"test_speakers": 0}, "data.test_speakers=0: expected at least 1"),
        ({"train_size": POSSIBLE}, f"only {POSSIBLE} different commands"),
    ],
)
def test_wrong_parameters(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SpokenReader(**params)


def test_an_unknown_split() -> None:
    with pytest.raises(ConfigError, match="No split 'dev'"):
        list(SpokenReader(**SIZES).examples("dev"))
