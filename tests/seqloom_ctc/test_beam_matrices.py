"""Published decodings of real recognisers' matrices (CTCDecoder and CTCWordBeamSearch)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqloom_ctc.beam import Hypothesis, prefix_beam
from seqloom_ctc.language import Lexicon, NGram

Load = Callable[[str], Any]
pytestmark = pytest.mark.realdata


def text_of(found: list[Hypothesis], alphabet: str) -> str:
    return "".join(alphabet[label - 1] for label in found[0].labels)


class SeenOnly(NGram):
    """The published bigrams: not smoothed, so that what was never seen is forbidden."""

    def log_probs(self, context: str) -> np.ndarray[Any, Any]:
        row = np.full(len(self.alphabet) + 1, -np.inf)
        row[-1] = 0.0  # the published search says nothing of the line's end
        seen = {gram[1]: n for gram, n in self.grams.items() if gram[0] == (context or " ")}
        for character, count in seen.items():
            if character in self.alphabet:
                row[self.alphabet.index(character)] = np.log(count / sum(seen.values()))
        return row


def test_line_alone(real_log_probs: Load, real_text: Load) -> None:
    alphabet = real_text("iam_line/chars.txt")
    found = prefix_beam(real_log_probs("iam_line/rnn_output.csv"), alphabet=alphabet, width=25)
    assert text_of(found, alphabet) == "the fak friend of the fomcly hae tC"


def test_line_with_the_published_bigrams(real_log_probs: Load, real_text: Load) -> None:
    alphabet = real_text("iam_line/chars.txt")
    bigrams = SeenOnly.fit([real_text("iam_line/corpus.txt").strip("\n")], 2, alphabet)
    line = real_log_probs("iam_line/rnn_output.csv")
    found = prefix_beam(line, alphabet=alphabet, width=25, ngram=bigrams, weight=0.01)
    assert text_of(found, alphabet) == "the fake friend of the family, lie th"


def test_line_with_smoothed_bigrams(real_log_probs: Load, real_text: Load) -> None:
    """`` h`` was never seen, but smoothed it is only improbable: ``he`` stands for ``lie``."""
    alphabet = real_text("iam_line/chars.txt")
    bigrams = NGram.fit([real_text("iam_line/corpus.txt").strip("\n")], 2, alphabet)
    line = real_log_probs("iam_line/rnn_output.csv")
    found = prefix_beam(line, alphabet=alphabet, width=25, ngram=bigrams, weight=0.9, bonus=0.5)
    assert text_of(found, alphabet) == "the fake friend of the family, he th"


def test_word_of_a_lexicon(real_log_probs: Load, real_text: Load) -> None:
    alphabet = real_text("iam_line/chars.txt")
    words = real_text("iam_word/corpus.txt").split()
    lexicon = Lexicon(words, real_text("iam_line/wordChars.txt") + "-")
    word = real_log_probs("iam_word/rnn_output.csv")
    assert text_of(prefix_beam(word, alphabet=alphabet), alphabet) == "aircrapt"
    assert text_of(prefix_beam(word, alphabet=alphabet, lexicon=lexicon), alphabet) == "aircraft"


def test_line_of_a_lexicon(real_log_probs: Load, real_text: Load) -> None:
    alphabet, in_words = real_text("bentham/chars.txt"), real_text("bentham/wordChars.txt")
    words = re.findall(f"[{re.escape(in_words)}]+", real_text("bentham/corpus.txt"))
    line = real_log_probs("bentham/mat_2.csv")
    found = prefix_beam(line, alphabet=alphabet, width=25, lexicon=Lexicon(words, in_words))
    expected = "submitt both mental and corporeal, is far beyond any idea"
    assert text_of(found, alphabet) == expected
