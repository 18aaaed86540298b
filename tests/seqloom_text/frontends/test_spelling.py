from __future__ import annotations

import copy
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqloom_text.frontends import distinct, spelling
from seqloom_text.frontends.spelling import SpellingFeatures

A, C, F = 9, 4, 6


def make(width: int = 3) -> SpellingFeatures:
    torch.manual_seed(0)
    features = SpellingFeatures(A, C, F, width)
    torch.nn.init.normal_(features.embedding.weight[1])
    return features


def batch(words: list[list[int]], steps: int) -> Tensor:
    widest = max(map(len, words))
    rows = [word + [0] * (widest - len(word)) for word in words]
    return torch.tensor(rows, dtype=torch.int16).view(-1, steps, widest)


def one_by_one(features: SpellingFeatures, word: list[int]) -> Tensor:
    """Return (F,) by torch's own layers, on the word alone, which has no padding at all."""
    embedded = features.embedding.weight[torch.tensor(word)].T[None]  # (1, C, W)
    convolution = features.convolution
    reach = convolution.kernel_size[0] // 2
    filtered = torch.nn.functional.conv1d(
        embedded, convolution.weight, convolution.bias, padding=reach
    )
    return filtered.amax((0, 2))


WORDS = st.lists(st.lists(st.integers(1, A - 1), min_size=1, max_size=6), min_size=1, max_size=8)


@settings(deadline=None)
@given(words=WORDS, width=st.sampled_from([1, 3, 5]))
def test_look_ups_equal_the_convolution_of_each_word_alone(
    words: list[list[int]], width: int
) -> None:
    features = make(width)
    expected = torch.stack([one_by_one(features, word) for word in words])
    weights = torch.linspace(-1, 2, expected.numel()).view_as(expected)
    parameters = list(features.parameters())
    expected_gradients = torch.autograd.grad((expected * weights).sum(), parameters)

    with torch.no_grad():  # by other calls
        for few, positions in ((64, 1 << 14), (0, 1 << 14), (0, 0)):
            with mock.patch.multiple(spelling, _FEW=few, _POSITIONS=positions):
                found = features(batch(words, 1)).squeeze(1)
            torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)

    values = features(batch(words, 1)).squeeze(1)
    gradients = torch.autograd.grad((values * weights).sum(), parameters)
    torch.testing.assert_close(values, expected, atol=1e-6, rtol=1e-5)
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, wanted, atol=1e-5, rtol=1e-5)

    reference = features.reference(batch(words, 1).flatten(0, 1).long())
    torch.testing.assert_close(reference, expected, atol=1e-6, rtol=1e-5)


def test_padding_is_zero_and_stays_zero() -> None:
    features = make()
    words = batch([[2, 3], [4, 4], [0], [0]], 2)
    values = features(words)
    assert values[1].eq(0).all()
    assert values[0].ne(0).any()
    torch.testing.assert_close(features.reference(words.flatten(0, 1).long()), values.flatten(0, 1))
    values.square().sum().backward()
    gradient = features.embedding.weight.grad
    assert gradient is not None
    assert gradient[0].eq(0).all()
    assert gradient[2].ne(0).any()


def test_a_batch_of_padding_alone() -> None:
    for learns in (True, False):
        with torch.set_grad_enabled(learns):
            assert make()(batch([[0], [0]], 2)).tolist() == torch.zeros(1, 2, F).tolist()


def test_spellings_with_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    features = make()
    words = batch([[2, 3], [3, 2], [5], [2, 3]], 2)
    expected = features(words)
    monkeypatch.setattr(distinct, "MULTIPLIER", 0)  # all spellings have the hash 0
    torch.testing.assert_close(features(words), expected)
    assert not torch.equal(expected[0, 0], expected[0, 1])


def test_bfloat16_autocast() -> None:
    features = make()
    words = batch([[2, 3], [3, 2, 4]], 1)
    with torch.autocast("cpu", torch.bfloat16):
        values = features(words)
        values.sum().backward()
    torch.testing.assert_close(values, features(words), atol=2e-2, rtol=2e-2)


def test_export_takes_the_plain_convolution() -> None:
    features = make().eval()
    words = batch([[2, 3], [3, 2], [5, 6], [2, 3]], 2)
    exported = torch.export.export(features, (words,)).module()
    torch.testing.assert_close(exported(words), features(words))


def test_unseen_characters_say_nothing_at_first() -> None:
    features = SpellingFeatures(A, C, F, 3)
    assert features.embedding.weight[:2].eq(0).all()
    assert features.embedding.weight[2:].ne(0).all()


def test_tables_are_kept_in_inference_until_a_weight_changes() -> None:
    features = make().eval()
    characters = batch([[2, 3], [4], []], 3)
    with torch.no_grad():
        first = features(characters)
        tables = features._known_tables()
        assert features._known_tables() is tables
        features.embedding.weight.data[3, 0] += 1.0
        changed = features(characters)
        expected = features.reference(characters.view(-1, characters.shape[2]).long())
    assert not torch.equal(changed, first)
    torch.testing.assert_close(changed.view(-1, features.output_size), expected)
    assert copy.deepcopy(features)._kept is None
