"""Vectors of character n-grams: which n-grams a word has, and where they are found."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqloom_text.frontends import distinct
from seqloom_text.frontends.alphabet import Alphabet
from seqloom_text.frontends.distinct import MULTIPLIER
from seqloom_text.frontends.subwords import SubwordVectors

A, D, BUCKETS = 9, 4, 101
WORDS = st.lists(st.lists(st.integers(1, A - 1), min_size=1, max_size=6), min_size=1, max_size=8)


def make(shortest: int = 2, longest: int = 4, buckets: int = BUCKETS) -> SubwordVectors:
    torch.manual_seed(0)
    return SubwordVectors(torch.arange(A), D, buckets, (shortest, longest), std=1.0)


def batch(words: list[list[int]], steps: int = 1) -> Tensor:
    widest = max(map(len, words))
    rows = [word + [0] * (widest - len(word)) for word in words]
    return torch.tensor(rows, dtype=torch.int16).view(-1, steps, widest)


def bucket(ngram: list[int], buckets: int = BUCKETS) -> int:
    """Return the bucket of an n-gram, in Python's integers of any size."""

    def wrap(number: int) -> int:
        return (number + 2**63) % 2**64 - 2**63

    rolling = 0
    for one in ngram:
        rolling = wrap(rolling * MULTIPLIER + one + 1)
    return (wrap((rolling ^ (rolling >> 32)) * MULTIPLIER) >> 32) % buckets


def ngrams(word: list[int], shortest: int, longest: int) -> list[list[int]]:
    marked = [A, *word, A + 1]
    return [
        marked[start : start + length]
        for length in range(shortest, longest + 1)
        for start in range(len(marked) - length + 1)
    ]


@settings(deadline=None)
@given(words=WORDS, lengths=st.sampled_from([(1, 1), (2, 4), (3, 5), (5, 9)]))
def test_a_word_is_the_mean_of_its_ngrams(words: list[list[int]], lengths: tuple[int, int]) -> None:
    subwords = make(*lengths)
    table = subwords.table.weight.detach()
    expected = torch.zeros(len(words), D)
    for row, word in enumerate(words):
        found = [bucket(ngram) for ngram in ngrams(word, *lengths)]
        if found:
            expected[row] = table[found].mean(0)
    torch.testing.assert_close(subwords(batch(words)).squeeze(1), expected)
    everywhere = subwords._means(batch(words).flatten(0, 1).long())  # as on a GPU
    torch.testing.assert_close(everywhere, expected)


def test_the_hash_never_changes() -> None:
    hashes, present = make(3, 3, 16384).hashes(torch.tensor([[2, 3, 4], [5, 0, 0]]))
    assert present.tolist() == [[True, True, True], [True, False, False]]
    assert hashes[present].tolist() == [3693, 9291, 6998, 3269]


def test_hashes_spread_over_the_table() -> None:
    words = torch.cartesian_prod(*[torch.arange(2, A)] * 4)
    hashes, present = make(4, 4, 1024).hashes(words)
    ngrams = 7**4 + 2 * 7**3  # those inside a word, and those with a mark
    # n balls hit m (1 - exp(-n / m)) of m boxes.
    expected = 1024 * (1 - math.exp(-ngrams / 1024))
    assert hashes[present].unique().numel() == pytest.approx(expected, rel=0.02)


def test_padding_is_zero_and_trains_nothing() -> None:
    subwords = make()
    values = subwords(batch([[2, 3], [4, 4], [0], [0]], 2))
    assert values[1].eq(0).all()
    values.sum().backward()
    gradient = subwords.table.weight.grad
    assert gradient is not None
    trained = {bucket(ngram) for word in ([2, 3], [4, 4]) for ngram in ngrams(word, 2, 4)}
    assert set(gradient.ne(0).any(1).nonzero().flatten().tolist()) == trained


def test_a_batch_of_padding_alone() -> None:
    assert make()(batch([[0], [0]], 2)).eq(0).all()


def test_upper_case_reads_as_lower_case() -> None:
    alphabet = Alphabet("abAĀ")
    subwords = SubwordVectors(torch.from_numpy(alphabet.folded(True)), D, BUCKETS, (2, 4), std=1.0)
    values = subwords(torch.from_numpy(alphabet.spell(["ab", "Ab", "Āb"]))[None])[0]
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])  # its lower case is not known


def test_words_with_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    subwords, words = make(), batch([[2, 3], [3, 2], [5], [2, 3]], 2)
    expected = subwords(words)
    monkeypatch.setattr(distinct, "MULTIPLIER", 0)
    torch.testing.assert_close(subwords(words), expected)
