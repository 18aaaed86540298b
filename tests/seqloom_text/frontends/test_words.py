"""The frontend ``words``: its codec, and its network."""

from __future__ import annotations

import json
import pickle
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqloom.errors import ConfigError, ExampleError
from seqloom.interfaces import Example, Inputs, Origin
from seqloom_text.frontends.fields import FIRST, UNK
from seqloom_text.frontends.words import WordsCodec, WordsFrontend

TRAIN = [["The", "cat", "sat"], ["the", "dog", "sat"], ["THE", "sat"]]
Examples = Callable[..., list[Example]]


def fitted(examples: list[Example], **params: Any) -> WordsCodec:
    codec = WordsCodec(**params)
    codec.restore(codec.fit(examples))
    return codec


def test_tokens_of_a_text_and_their_offsets() -> None:
    example = Example("1", {"text": "It's 3.5 mg."}, Origin("a.csv", 2), {"kept": 1})
    prepared = WordsCodec().prepare(example)
    assert prepared.fields["tokens"] == ["It", "'s", "3.5", "mg", "."]
    assert prepared.meta == {"kept": 1, "offsets": [[0, 2], [2, 4], [5, 8], [9, 11], [11, 12]]}
    assert (prepared.id, prepared.origin) == (example.id, example.origin)
    assert example.fields == {"text": "It's 3.5 mg."}
    assert example.meta == {"kept": 1}


@pytest.mark.parametrize("field", [None, "text"])
def test_preparing_twice_changes_nothing(field: str | None) -> None:
    codec = WordsCodec(field=field)
    once = codec.prepare(Example("1", {"text": "a b-c", "label": "x"}))
    assert codec.prepare(once) == once


def test_tokens_that_are_there_are_kept() -> None:
    example = Example("1", {"text": "a b", "tokens": ["a b"]})
    assert WordsCodec().prepare(example) == example
    assert WordsCodec(field="text").prepare(example).fields["tokens"] == ["a", "b"]
    other = Example("1", {"words": ["c", "d"]})
    assert WordsCodec(field="words").prepare(other).fields["tokens"] == ["c", "d"]


def test_the_tokenizer_is_chosen_by_name() -> None:
    prepared = WordsCodec(tokenizer="whitespace").prepare(Example("1", {"text": "it's, ok"}))
    assert prepared.fields["tokens"] == ["it's,", "ok"]


@pytest.mark.parametrize("text", ["", " \n\t\u00a0"])
def test_a_text_without_tokens(text: str) -> None:
    expected = "a.csv:2: 'text' has no token, at most white space; leave out such examples."
    with pytest.raises(ExampleError, match=re.escape(expected)):
        WordsCodec().prepare(Example("1", {"text": text}, Origin("a.csv", 2)))


def test_no_tokens() -> None:
    codec = WordsCodec()
    for use in (codec.prepare, codec.encode, lambda example: codec.fit([example])):
        with pytest.raises(ExampleError, match="'tokens' has no token"):
            use(Example("1", {"tokens": []}))


def test_state_counts_words_and_keeps_characters(examples: Examples) -> None:
    state = WordsCodec(subwords=True).fit(examples(TRAIN))
    assert state == {
        "words": ["sat", "the", "cat", "dog"],
        "counts": [3, 3, 1, 1],
        "characters": "EHTacdeghost",
        "buckets": 32,
    }
    params = {"lowercase": False, "min_count": 2, "characters": False, "subwords": False}
    assert WordsCodec(**params).fit(examples(TRAIN)) == {
        "words": ["sat"],
        "counts": [3],
        "characters": "",
    }


def test_the_state_goes_through_json(examples: Examples) -> None:
    codec = WordsCodec()
    train = examples([*TRAIN, ["naïve", "👍🏽", "\x00", '"\\', "<unk>", "日本"]])
    state = codec.fit(train)
    again = WordsCodec()
    again.restore(json.loads(json.dumps(state)))
    for example in train:
        before, after = codec.encode(example), again.encode(example)
        for name in ("words", "characters"):
            assert after[name].dtype == before[name].dtype
            np.testing.assert_array_equal(after[name], before[name])


def test_pickle(examples: Examples) -> None:
    codec = fitted(examples(TRAIN))
    again = pickle.loads(pickle.dumps(codec))
    item = again.encode(examples(TRAIN)[0])
    np.testing.assert_array_equal(item["words"], codec.encode(examples(TRAIN)[0])["words"])
    assert again.frames(item) == again.cost(item) == 3


def test_unknown_words_and_characters(examples: Examples) -> None:
    codec = fitted(examples(TRAIN))
    item = codec.encode(examples([["SAT", "cats", "<unk>", ""]])[0])
    assert item["words"].tolist() == [FIRST, UNK, UNK, UNK]
    assert item["words"].dtype == np.int64
    spelled = item["characters"]
    assert spelled[0].tolist()[:2] == [UNK, UNK]  # S and A were never seen, T was
    assert spelled[0, 2] > UNK
    assert (spelled[1, :4] >= FIRST).all()
    assert spelled[3].tolist() == [UNK, 0, 0, 0, 0]


def test_without_characters(examples: Examples) -> None:
    codec = fitted(examples(TRAIN), characters=False, subwords=False)
    assert codec.encode(examples(TRAIN)[0]).keys() == {"words"}


def test_encoding_needs_no_preparing(examples: Examples) -> None:
    codec = fitted(examples(["the cat"], "text"))
    item = codec.encode(Example("1", {"text": "cat the"}))
    assert item["words"].tolist() == [2, 3]


@pytest.mark.parametrize(
    "tokens", [["a" * 100_000], ["\x00", "👨‍👩‍👧", "\u0301"], [" "], ["\u2028"] * 3]
)
def test_hostile_tokens(examples: Examples, tokens: list[str]) -> None:
    codec = fitted(examples([tokens]))
    item = codec.encode(examples([tokens])[0])
    assert item["words"].shape == (len(tokens),)
    assert item["characters"].shape[0] == len(tokens)
    assert item["characters"].shape[1] <= 40


def test_word_dropout_goes_by_the_count(examples: Examples) -> None:
    train = [["often"]] * 9 + [["seldom", "third"]] + [["third"]] * 2
    codec = fitted(examples(train), word_dropout=1.0)
    tokens = ["often", "seldom", "third", "unseen"]
    item = codec.encode(examples([tokens * 5000])[0])
    kept = item["words"].copy()
    dropped = codec.augment(item, np.random.default_rng(0))
    np.testing.assert_array_equal(item["words"], kept)
    assert dropped["characters"] is item["characters"]
    assert codec.frames(dropped) == codec.frames(item)
    shares = (dropped["words"] == UNK).reshape(5000, 4).mean(0)
    np.testing.assert_allclose(shares, [1 / 10, 1 / 2, 1 / 4, 1], atol=0.025)
    changed = dropped["words"] != kept
    assert (dropped["words"][changed] == UNK).all()


def test_word_dropout_is_a_function_of_the_generator(examples: Examples) -> None:
    codec = fitted(examples(TRAIN))
    item = codec.encode(examples([TRAIN[0] * 20])[0])
    first, again, other = (
        codec.augment(item, np.random.default_rng(seed))["words"].tolist() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_word_dropout_can_be_off(examples: Examples) -> None:
    codec = fitted(examples(TRAIN), word_dropout=0.0)
    item = codec.encode(examples(TRAIN)[0])
    for seed in range(20):
        assert codec.augment(item, np.random.default_rng(seed)) is item


def vectors(folder: Path, content: str) -> str:
    path = folder / "small.vec"
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_vectors_of_known_words(examples: Examples, tmp_path: Path) -> None:
    path = vectors(tmp_path, "the 1 2\nSat 3 4\nnew 5 6\n")
    codec = WordsCodec(vectors=path, size=2)
    state = codec.fit(examples(TRAIN))
    assert state["words"] == ["sat", "the", "cat", "dog"]
    codec.restore(state)
    assert codec.initial_vectors is not None
    found = zip(codec.initial_vectors.ids, codec.initial_vectors.values, strict=True)
    assert {int(n): v.tolist() for n, v in found} == {2: [3, 4], 3: [1, 2]}


def test_vectors_may_add_words(examples: Examples, tmp_path: Path) -> None:
    path = vectors(tmp_path, "the 1 2\nNew 3 4\nnew 5 6\n")
    codec = WordsCodec(vectors=path, size=2, vectors_vocabulary=True)
    state = codec.fit(examples(TRAIN))
    assert state["words"][4:] == ["new"]
    assert state["counts"][4:] == [0]
    json.dumps(state)
    assert codec.initial_vectors is not None
    assert codec.initial_vectors.values.tolist() == [[1, 2], [5, 6]]
    item = codec.encode(examples([["New"]])[0])
    assert item["words"].tolist() == [6]


def test_a_stored_state_needs_no_file(examples: Examples, tmp_path: Path) -> None:
    path = vectors(tmp_path, "the 1 2\n")
    state = WordsCodec(vectors=path, size=2).fit(examples(TRAIN))
    Path(path).unlink()
    codec = WordsCodec(vectors=path, size=2)
    codec.restore(state)
    assert codec.initial_vectors is None
    assert codec.encode(examples(TRAIN)[0])["words"].tolist() == [3, 4, 2]


def test_no_vector_found(examples: Examples, tmp_path: Path) -> None:
    codec = WordsCodec(vectors=vectors(tmp_path, "new 1 2\n"), size=2)
    codec.fit(examples(TRAIN))
    assert codec.initial_vectors is None


def test_vectors_of_another_size(examples: Examples, tmp_path: Path) -> None:
    path = vectors(tmp_path, "the 1 2\n")
    expected = (
        f"The vectors in {path} have 2 values each, but frontend.size is 100; set frontend.size=2."
    )
    with pytest.raises(ConfigError, match=re.escape(expected)):
        WordsCodec(vectors=path).fit(examples(TRAIN))


def test_encoding_is_fast(examples: Examples) -> None:
    words = [f"word{number}" for number in range(5000)]
    train = examples([words[start : start + 20] for start in range(4980)])
    codec = fitted(train)
    began = time.process_time()
    for example in train:
        codec.encode(example)
    # 100,000 tokens: 0.2 s measured, and room for a slow machine.
    assert time.process_time() - began < 2


SENTENCES = [["The", "cat", "sat"], ["dog"], ["the", "quick", "brown", "fox", "jumps"]]
Build = Callable[..., tuple[Any, WordsFrontend]]
BatchOf = Callable[..., Inputs]


def gradients(frontend: WordsFrontend, values: Tensor) -> list[Tensor]:
    """Return the parameters' gradients for one row's values, (T, D)."""
    weights = torch.linspace(-1, 1, values.numel()).view_as(values)
    return list(torch.autograd.grad((values * weights).sum(), list(frontend.parameters())))


@pytest.mark.parametrize("subwords", [True, False])
@pytest.mark.parametrize("characters", [True, False])
def test_size_is_known_and_true(
    build: Build, batch_of: BatchOf, characters: bool, subwords: bool
) -> None:
    params = {"characters": characters, "subwords": subwords, "subword_size": 11}
    codec, frontend = build(WordsFrontend, SENTENCES, size=7, **params)
    features = frontend(batch_of(codec, SENTENCES))
    assert features.values.shape == (3, 5, frontend.output_size)
    assert frontend.output_size == 7 + (50 if characters else 0) + (11 if subwords else 0)
    assert features.lengths.tolist() == [3, 1, 5]


@pytest.mark.parametrize("subwords", [True, False])
@pytest.mark.parametrize("characters", [True, False])
def test_alone_padded_with_junk_and_in_any_order(
    build: Build, batch_of: BatchOf, characters: bool, subwords: bool
) -> None:
    params = {"characters": characters, "subwords": subwords, "subword_buckets": 50}
    codec, frontend = build(WordsFrontend, SENTENCES, dropout=0.5, **params)
    frontend.eval()
    batch = batch_of(codec, SENTENCES)
    for row, length in enumerate([3, 1, 5]):
        batch["words"][row, length:] = 999_999  # beyond any table
        if characters or subwords:
            batch["characters"][row, length:] = 30_000
    order = [2, 0, 1]
    permuted = Inputs(
        {name: tensor[order] for name, tensor in batch.tensors.items()},
        {name: lengths[order] for name, lengths in batch.lengths.items()},
    )
    together, shuffled = frontend(batch).values, frontend(permuted).values
    for row, tokens in enumerate(SENTENCES):
        alone = frontend(batch_of(codec, [tokens])).values[0]
        wanted = gradients(frontend, alone)
        for values in (together[row], shuffled[order.index(row)]):
            torch.testing.assert_close(values[: len(tokens)], alone, atol=1e-6, rtol=1e-5)
            again = torch.autograd.grad(
                (values[: len(tokens)] * torch.linspace(-1, 1, alone.numel()).view_as(alone)).sum(),
                list(frontend.parameters()),
                retain_graph=True,
            )
            for gradient, expected in zip(again, wanted, strict=True):
                torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=1e-5)


def test_case_is_seen_by_the_characters_alone(build: Build, batch_of: BatchOf) -> None:
    codec, frontend = build(WordsFrontend, SENTENCES, size=7)
    values = frontend(batch_of(codec, [["The", "the"]])).values[0]
    assert torch.equal(values[0, :7], values[1, :7])
    assert not torch.allclose(values[0, 7:], values[1, 7:])


def test_tables_at_first(build: Build) -> None:
    torch.manual_seed(0)
    words = [[f"w{number}" for number in range(2000)]]
    _, frontend = build(WordsFrontend, words, size=50, init_std=0.3)
    weight = frontend.embedding.weight
    assert weight[0].eq(0).all()
    assert weight[1:].std().item() == pytest.approx(0.3, rel=0.02)


def test_padding_is_never_trained(build: Build, batch_of: BatchOf) -> None:
    codec, frontend = build(WordsFrontend, SENTENCES)
    optimizer = torch.optim.AdamW(frontend.parameters(), lr=0.1)
    for _ in range(3):
        frontend(batch_of(codec, SENTENCES)).values.square().sum().backward()
        optimizer.step()
    assert frontend.embedding.weight[0].eq(0).all()
    assert frontend.spelling is not None
    assert frontend.spelling.embedding.weight[0].eq(0).all()


def test_dropout_is_one_mask_for_a_sequence(build: Build, batch_of: BatchOf) -> None:
    codec, frontend = build(WordsFrontend, SENTENCES, dropout=0.5)
    dropped = frontend.train()(batch_of(codec, SENTENCES)).values[2].eq(0)  # (T, D)
    assert torch.equal(dropped.all(0), dropped.any(0))
    assert 0.2 < dropped.float().mean().item() < 0.8
    assert not frontend.eval()(batch_of(codec, SENTENCES)).values[2].eq(0).any()


def test_pretrained_vectors(build: Build, batch_of: BatchOf, tmp_path: Path) -> None:
    path = tmp_path / "small.vec"
    path.write_text("2 2\nthe 1 2\ncat 3 6\n")
    params = {"size": 2, "characters": False, "subwords": False, "vectors": str(path)}
    codec, frontend = build(WordsFrontend, SENTENCES, **params)
    values = frontend(batch_of(codec, [["THE", "cat", "unseen"]])).values[0]
    assert values.tolist() == [[1, 2], [3, 6], [2, 4]]  # the unknown is their mean
    assert frontend.embedding.weight.requires_grad
    assert frontend.embedding.weight[0].tolist() == [0, 0]

    path.unlink()
    stored = frontend.state_dict()
    codec.initial_vectors = None
    again = WordsFrontend(codec, **params)
    again.load_state_dict(stored)
    assert again(batch_of(codec, [["THE"]])).values.tolist() == [[[1, 2]]]


def test_frozen_vectors(build: Build, tmp_path: Path) -> None:
    path = tmp_path / "small.vec"
    path.write_text("the 1 2\n")
    _, frontend = build(WordsFrontend, SENTENCES, size=2, vectors=str(path), freeze_vectors=True)
    frozen = {name for name, p in frontend.named_parameters() if not p.requires_grad}
    assert frozen == {"embedding.weight"}
