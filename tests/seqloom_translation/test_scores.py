"""BLEU and chrF equal those of sacrebleu."""

from __future__ import annotations

import random

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from seqloom_translation.scores import (
    BLEU_SIGNATURE,
    CHRF_SIGNATURE,
    bleu,
    bleu_counts,
    chrf,
    chrf_counts,
    tokenize,
)

WORDS = [
    *("the", "dog", "cat", "3.5", "a,b", "x-ray", "5-3", "&quot;hi&quot;", "l'eau", "l’eau"),
    *("«", "»", "…", "!", "?", "(a)", "é", "$5", "", "U.S.", "1,000", "\n", "&lt;b&gt;", "日本"),
]


@pytest.mark.parametrize("seed", range(40))
def test_both_equal_sacrebleu(seed: int) -> None:
    rng = random.Random(seed)
    count, several = rng.randint(1, 12), rng.randint(1, 3)
    references = [
        [" ".join(rng.choices(WORDS, k=rng.randint(0, 12))) for _ in range(count)]
        for _ in range(several)
    ]
    keep = rng.choice([0.0, 0.5, 0.9, 1.0])
    predictions = [
        " ".join(
            word if rng.random() < keep else rng.choice(WORDS)
            for word in references[rng.randrange(several)][row].split(" ")
        )
        for row in range(count)
    ]
    pairs = [(predictions[row], [one[row] for one in references]) for row in range(count)]
    sums = [sum(column) for column in zip(*(bleu_counts(*pair) for pair in pairs), strict=True)]
    expected = BLEU().corpus_score(predictions, references).score
    assert 100 * bleu(sums) == pytest.approx(expected, abs=1e-9)
    sums = [sum(column) for column in zip(*(chrf_counts(*pair) for pair in pairs), strict=True)]
    expected = CHRF().corpus_score(predictions, references).score
    assert 100 * chrf(sums) == pytest.approx(expected, abs=1e-9)


def test_tokens_equal_those_of_sacrebleu() -> None:
    rng, oracle = random.Random(1), Tokenizer13a()
    for _ in range(300):
        text = "".join(rng.choices([*WORDS, " ", "-", ".", ",", "'", "7"], k=rng.randint(0, 12)))
        assert tokenize(text.rstrip()) == oracle(text.rstrip()).split()


def test_the_variants_are_named_as_sacrebleu_names_them() -> None:
    for metric, signature in ((BLEU(), BLEU_SIGNATURE), (CHRF(), CHRF_SIGNATURE)):
        metric.corpus_score(["a"], [["a"]])
        theirs = dict(part.split(":") for part in str(metric.get_signature()).split("|"))
        ours = dict(part.split(":") for part in signature.split("|"))
        assert {name: theirs.get(name) for name in ours} == ours
