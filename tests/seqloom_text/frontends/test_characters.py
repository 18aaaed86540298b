from __future__ import annotations

import json
import pickle
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import ExampleError
from seqloom.interfaces import Example, Inputs, Origin
from seqloom_text.frontends.characters import CharactersCodec, CharactersFrontend
from seqloom_text.frontends.fields import FIRST, UNK

TRAIN = ["Hello, world", "a", "naïve 👍🏽"]
Build = Callable[..., tuple[Any, CharactersFrontend]]
BatchOf = Callable[..., Inputs]


def text(value: str, **more: Any) -> Example:
    return Example("1", {"text": value, **more}, Origin("a.csv", 2))


def fitted(*values: str, **params: Any) -> CharactersCodec:
    codec = CharactersCodec(**params)
    codec.restore(codec.fit([text(value) for value in values]))
    return codec


@pytest.mark.parametrize("form", ["NFC", "NFKC", "none"])
def test_normalisation(form: Any) -> None:
    raw = "cafe\u0301 ﬁ Å"
    expected = raw if form == "none" else unicodedata.normalize(form, raw)
    codec = CharactersCodec(unicode=form)
    assert codec.read(text(raw)) == expected


def test_what_is_read() -> None:
    both = text("A b", tokens=["c", "d"])
    assert CharactersCodec().read(both) == "A b"
    assert CharactersCodec(field="tokens").read(both) == "c d"
    assert CharactersCodec().read(Example("1", {"tokens": ["c", "d"]})) == "c d"
    assert CharactersCodec(lowercase=True).read(text("İA")) == unicodedata.normalize("NFC", "i̇a")


@given(st.text(min_size=1))
def test_a_known_text_has_no_unknown_and_goes_through_json(value: str) -> None:
    codec = CharactersCodec()
    state = codec.fit([text(value)])
    again = CharactersCodec()
    again.restore(json.loads(json.dumps(state)))
    ids = again.encode(text(value))["characters"]
    assert (ids >= FIRST).all()
    inverse = dict(enumerate(state["characters"], start=FIRST))
    assert "".join(inverse[int(number)] for number in ids) == codec.read(text(value))
    assert codec.frames({"characters": ids}) == codec.cost({"characters": ids}) == len(ids)


def test_unknown_characters() -> None:
    codec = fitted("aab", min_count=2)
    assert codec.encode(text("abz"))["characters"].tolist() == [FIRST, UNK, UNK]


def test_empty_text() -> None:
    expected = "a.csv:2: 'text' has no character; leave out examples without characters."
    for use in (CharactersCodec().encode, lambda example: CharactersCodec().fit([example])):
        with pytest.raises(ExampleError, match=re.escape(expected)):
            use(text(""))


def test_character_dropout() -> None:
    codec = fitted("ab", character_dropout=0.25)
    item = codec.encode(text("ab" * 10_000))
    kept = item["characters"].copy()
    dropped = codec.augment(item, np.random.default_rng(0))["characters"]
    again = codec.augment(item, np.random.default_rng(0))["characters"]
    np.testing.assert_array_equal(item["characters"], kept)
    np.testing.assert_array_equal(dropped, again)
    assert dropped.dtype == kept.dtype
    assert (dropped == UNK).mean() == pytest.approx(0.25, abs=0.02)
    assert (dropped[dropped != UNK] == kept[dropped != UNK]).all()


def test_no_character_dropout_by_default() -> None:
    codec = fitted("ab")
    item = codec.encode(text("ab"))
    assert codec.augment(item, np.random.default_rng(0)) is item


def test_pickle() -> None:
    codec = pickle.loads(pickle.dumps(fitted("ab")))
    assert codec.encode(text("ba"))["characters"].tolist() == [3, 2]


def test_values_and_size(build: Build, batch_of: BatchOf) -> None:
    codec, frontend = build(CharactersFrontend, TRAIN, "text", size=6)
    features = frontend(batch_of(codec, TRAIN, "text"))
    assert frontend.output_size == 6
    assert features.lengths.tolist() == [12, 1, 8]
    assert features.values.shape == (3, 12, 6)
    ids = codec.encode(text(TRAIN[0]))["characters"].astype(np.int64)
    expected = frontend.embedding.weight[torch.from_numpy(ids)]
    torch.testing.assert_close(features.values[0], expected)


def test_alone_padded_with_junk_and_in_any_order(build: Build, batch_of: BatchOf) -> None:
    codec, frontend = build(CharactersFrontend, TRAIN, "text", dropout=0.5)
    frontend.eval()
    batch = batch_of(codec, TRAIN, "text")
    for row, length in enumerate(batch.lengths["characters"].tolist()):
        batch["characters"][row, length:] = 30_000
    order = [2, 0, 1]
    permuted = Inputs(
        {"characters": batch["characters"][order]},
        {"characters": batch.lengths["characters"][order]},
    )
    together, shuffled = frontend(batch).values, frontend(permuted).values
    weight = frontend.embedding.weight
    for row, value in enumerate(TRAIN):
        alone = frontend(batch_of(codec, [value], "text")).values[0]
        (wanted,) = torch.autograd.grad(alone.square().sum(), weight)
        for values in (together[row], shuffled[order.index(row)]):
            read = values[: len(alone)]
            torch.testing.assert_close(read, alone)
            (gradient,) = torch.autograd.grad(read.square().sum(), weight, retain_graph=True)
            torch.testing.assert_close(gradient, wanted)


def test_the_table_at_first(build: Build) -> None:
    torch.manual_seed(0)
    known = "".join(map(chr, range(0x4E00, 0x4E00 + 2000)))
    _, frontend = build(CharactersFrontend, [known], "text", init_std=0.3)
    weight = frontend.embedding.weight
    assert weight[:2].eq(0).all()
    assert weight[2:].std().item() == pytest.approx(0.3, rel=0.02)


def test_a_long_text(build: Build, batch_of: BatchOf) -> None:
    codec, frontend = build(CharactersFrontend, ["ab\x00"], "text", size=2)
    assert frontend(batch_of(codec, ["ab" * 50_000], "text")).values.shape == (1, 100_000, 2)
