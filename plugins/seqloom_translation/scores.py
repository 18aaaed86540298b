"""BLEU and chrF as sums over a corpus, with several references."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Sequence

WORDS = 4
"""Longest n-grams of words in BLEU."""

CHARACTERS = 6
"""Longest n-grams of characters in chrF."""

BETA = 2
"""Weight of recall in chrF."""

BLEU_SIGNATURE = "case:mixed|eff:no|tok:13a|smooth:exp"
CHRF_SIGNATURE = "case:mixed|eff:yes|nc:6|nw:0|space:no"
"""Variants of the scores, in the notation of sacrebleu (Post 2018)."""

SYMBOLS = re.compile(r"([{-~\[-` -&(-+:-@/])")
MARK_AFTER = re.compile(r"([^0-9])([.,])")
MARK_BEFORE = re.compile(r"([.,])([^0-9])")
DASH = re.compile(r"([0-9])(-)")


def tokenize(text: str) -> list[str]:
    """Return the tokens of a text for BLEU, by the rules of NIST's mteval-v13a.

    >>> tokenize("It costs 3.50, so what?")
    ['It', 'costs', '3.50', ',', 'so', 'what', '?']
    """
    text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity in ("&quot;", "&amp;", "&lt;", "&gt;"):
        text = text.replace(entity, html.unescape(entity))
    text = SYMBOLS.sub(r" \1 ", f" {text} ")
    text = MARK_AFTER.sub(r"\1 \2 ", text)
    text = MARK_BEFORE.sub(r" \1 \2", text)
    return DASH.sub(r"\1 \2 ", text).split()


def _ngrams(items: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(items[i : i + size]) for i in range(len(items) - size + 1))


def bleu_counts(prediction: str, references: Sequence[str]) -> list[int]:
    """Return the numbers that BLEU is computed from, sums over a corpus.

    They are the length of the prediction, that of the closest reference, and for each n from 1 to 4
    the number of n-grams and of those that a reference has as often (Papineni et al. 2002).
    """
    tokens = tokenize(prediction.rstrip())
    others = [tokenize(one.rstrip()) for one in references]
    closest = min((abs(len(one) - len(tokens)), len(one)) for one in others)[1]
    found = [len(tokens), closest]
    for size in range(1, WORDS + 1):
        own, most = _ngrams(tokens, size), Counter[tuple[str, ...]]()
        for one in others:
            most |= _ngrams(one, size)
        found += [sum(own.values()), sum((own & most).values())]
    return found


def bleu(counts: Sequence[float]) -> float:
    """Return the BLEU of a corpus, in [0, 1], from the sums of ``bleu_counts``.

    n-grams without a match count as half a match, a quarter, and so on (smoothing "exp").
    """
    length, closest, *pairs = counts
    totals, matches = pairs[::2], pairs[1::2]
    if not any(matches) or not all(totals):
        return 0.0
    logs, smooth = 0.0, 1.0
    for total, match in zip(totals, matches, strict=True):
        if not match:
            smooth *= 2
        logs += math.log(match / total if match else 1 / (smooth * total))
    brevity = 1.0 if length >= closest else math.exp(1 - closest / length)
    return brevity * math.exp(logs / WORDS)


def chrf_counts(prediction: str, references: Sequence[str]) -> list[int]:
    """Return the numbers that chrF is computed from, sums over a corpus.

    For each n from 1 to 6 they are the number of n-grams of characters in the prediction, in the
    reference that is the most similar, and in both (Popović 2015).
    """
    own = "".join(prediction.split())
    grams = [_characters(own, size) for size in range(1, CHARACTERS + 1)]
    best: list[int] = []
    best_score = -1.0
    for reference in references:
        other = "".join(reference.split())
        counts = []
        for size, mine in enumerate(grams, 1):
            theirs = _characters(other, size)
            both = sum((mine & theirs).values())
            counts += [sum(mine.values()) if theirs else 0, sum(theirs.values()), both]
        score = chrf(counts)
        if score > best_score:
            best, best_score = counts, score
    return best


def _characters(text: str, size: int) -> Counter[str]:
    return Counter(text[i : i + size] for i in range(len(text) - size + 1))


def chrf(counts: Sequence[float]) -> float:
    """Return the chrF of a corpus, in [0, 1], from the sums of ``chrf_counts``.

    Precision and recall are means over the lengths of n-grams that both sides have.
    """
    parts = list(zip(counts[::3], counts[1::3], counts[2::3], strict=True))
    used = [(own, other, both) for own, other, both in parts if own and other]
    if not used:
        return 0.0
    precision = sum(both / own for own, _, both in used) / len(used)
    recall = sum(both / other for _, other, both in used) / len(used)
    if not precision + recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)
