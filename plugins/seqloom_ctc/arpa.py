r"""N-gram models in the ARPA format, which KenLM, SRILM and others write.

After ``\data\`` follow the numbers of n-grams, then a section for each length. Its lines have the
log10 of a probability, the words, and the log10 of a back-off weight, which is 0 if it is absent.
The probability of a word w after the words h is that of the n-gram h w, if there is one; otherwise
it is the back-off weight of h times the probability after h without its first word (Katz 1987).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from seqloom.errors import DataError, plural

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
SPECIAL: Final = frozenset((BEGIN, END, UNKNOWN))

UNSEEN = -100.0
"""Log10 of the probability of an unknown word, if a model has none; as in KenLM."""

LN10 = math.log(10)
LARGEST = 1 << 28
"""Bytes of a file; it is in memory as a table of Python."""

_COUNT = re.compile(rb"ngram\s+(\d+)\s*=\s*(\d+)")
_SECTION = re.compile(rb"\\(\d+)-grams:")

Gram = tuple[str, ...]


@dataclass(frozen=True)
class Arpa:
    """An n-gram model with back-off.

    Attributes:
        order: Length of the longest n-grams.
        grams: N-gram → log10 of its probability, and of its back-off weight.
    """

    order: int
    grams: Mapping[Gram, tuple[float, float]]

    def __contains__(self, word: str) -> bool:
        return (word,) in self.grams

    def log_prob(self, history: Gram, word: str) -> float:
        """Return the natural logarithm of P(word | history).

        Args:
            history: Words before, with `BEGIN` at the start; unknown ones as `UNKNOWN`.
            word: A word, `END`, or `UNKNOWN`.
        """
        context = history[-(self.order - 1) :] if self.order > 1 else ()
        total = 0.0
        while True:
            found = self.grams.get((*context, word))
            if found is not None:
                return LN10 * (total + found[0])
            if not context:
                return LN10 * (total + UNSEEN)
            total += self.grams.get(context, (0.0, 0.0))[1]
            context = context[1:]

    def known(self, word: str) -> str:
        """Return the word, or `UNKNOWN` if the model does not have it."""
        return word if (word,) in self.grams else UNKNOWN

    def only(self, wanted: Callable[[str], bool]) -> Arpa:
        """Return the model without the n-grams that have other words; special ones stay."""
        words = {gram[0] for gram in self.grams if len(gram) == 1}
        kept = {word for word in words if word in SPECIAL or wanted(word)}
        grams = {gram: values for gram, values in self.grams.items() if kept.issuperset(gram)}
        return Arpa(self.order, grams)

    def to_bytes(self) -> bytes:
        """Return the model in the ARPA format."""
        sections: list[list[str]] = [[] for _ in range(self.order)]
        for gram, (log, backoff) in self.grams.items():
            sections[len(gram) - 1].append(f"{log!r}\t{' '.join(gram)}\t{backoff!r}")
        lines = ["\\data\\", *(f"ngram {n}={len(found)}" for n, found in enumerate(sections, 1))]
        for n, found in enumerate(sections, 1):
            lines += ["", f"\\{n}-grams:", *found]
        return "\n".join([*lines, "", "\\end\\", ""]).encode()


def read_arpa(
    lines: Iterable[bytes], name: str, form: Callable[[str], str] = lambda word: word
) -> Arpa:
    r"""Return the model of a file.

    Args:
        lines: Lines of the file.
        name: Name of the file in messages.
        form: Brings words into their normal form.

    Raises:
        DataError: The file is not in the ARPA format, or not whole; the message has the line.

    >>> text = rb'''\data\
    ... ngram 1=3
    ... \1-grams:
    ... -99 <s>
    ... -0.3 </s>
    ... -0.3 yes
    ... \end\
    ... '''
    >>> read_arpa(text.splitlines(), "yes.arpa").grams["yes",]
    (-0.3, 0.0)
    """
    reader = _Reader(name, form)
    for number, raw in enumerate(lines, 1):
        reader.line(number, raw.strip())
        if reader.ended:
            return reader.model()
    raise DataError(
        f"{name}: expected an n-gram model in the ARPA format, from \\data\\ to \\end\\; "
        + ("\\end\\ is missing: the file is cut off." if reader.counts else "it has no \\data\\.")
    )


class _Reader:
    """Reads a file line by line.

    Attributes:
        counts: Length of n-grams → their declared number.
        ended: Whether the end was read.
    """

    def __init__(self, name: str, form: Callable[[str], str]) -> None:
        self.counts: dict[int, int] = {}
        self.ended = False
        self._name, self._form = name, form
        self._grams: dict[Gram, tuple[float, float]] = {}
        self._words: dict[bytes, str] = {}
        self._formed: set[str] = set()  # words that are spelled otherwise in the file
        self._begun = False
        self._length = self._found = self._number = 0

    def line(self, number: int, line: bytes) -> None:
        """Take a line without the white space around it."""
        self._number = number
        if not self._begun:
            self._begun = line == b"\\data\\"  # what is before counts as a comment
        elif not line:
            return
        elif line.startswith(b"\\") and (line == b"\\end\\" or _SECTION.fullmatch(line)):
            self._section(line)
        elif self._length:
            self._gram(line.split())
        else:
            self._count(line)

    def model(self) -> Arpa:
        """Return the model, once the end was read."""
        for word in (BEGIN, END):
            if (word,) not in self._grams:
                raise self._error(f"there is no {word} among the 1-grams; expected <s> and </s>.")
        return Arpa(len(self.counts), self._grams)

    def _error(self, text: str) -> DataError:
        return DataError(f"{self._name}:{self._number}: {text}")

    def _count(self, line: bytes) -> None:
        found = _COUNT.fullmatch(line)
        if not found or int(found[1]) != len(self.counts) + 1:
            wanted = f"ngram {len(self.counts) + 1}=NUMBER"
            raise self._error(f"expected {wanted!r} or a section, not {_shown(line)}.")
        self.counts[int(found[1])] = int(found[2])

    def _section(self, line: bytes) -> None:
        """Begin a section, or end the file; the section before must be whole."""
        if self._length and self._found != self.counts[self._length]:
            raise self._error(
                f"{self._found} {self._length}-grams were found before this line, "
                f"{self.counts[self._length]} are declared at the start of the file."
            )
        following = self._length + 1
        if self.counts and following > len(self.counts) and line == b"\\end\\":
            self.ended = True
            return
        if following not in self.counts or line != b"\\%d-grams:" % following:
            wanted = f"\\{following}-grams:" if following in self.counts else "\\end\\"
            raise self._error(f"expected {wanted}, not {_shown(line)}.")
        self._length, self._found = following, 0

    def _gram(self, fields: Sequence[bytes]) -> None:
        n = self._length
        if len(fields) not in (n + 1, n + 2):
            raise self._error(
                f"{len(fields)} {plural(len(fields), 'field')}; expected the log10 of a "
                "probability, "
                f"{n} {plural(n, 'word')}, and at "
                "most the log10 of a back-off weight."
            )
        log = self._log(fields[0])
        if log > 0:
            raise self._error(f"the log10 of a probability is {log:g}; expected at most 0.")
        gram = tuple([self._word(field) for field in fields[1 : n + 1]])
        if gram in self._grams:
            also = " in the normal form of texts (head.form)" if self._formed & {*gram} else ""
            raise self._error(f"the {n}-gram {' '.join(gram)!r} occurs twice{also}.")
        self._grams[gram] = log, self._log(fields[n + 1]) if len(fields) == n + 2 else 0.0
        self._found += 1

    def _word(self, field: bytes) -> str:
        word = self._words.get(field)
        if word is None:
            try:
                text = field.decode()
            except UnicodeDecodeError:
                raise self._error(f"{_shown(field)} is not UTF-8.") from None
            word = self._words[field] = UNKNOWN if text == "<UNK>" else self._normal(text)
        return word

    def _normal(self, text: str) -> str:
        """Return a word in its normal form; as it is if that has a space, since no word has one."""
        word = self._form(text)
        if " " in word:
            return text
        if word != text:
            self._formed.add(word)
        return word

    def _log(self, field: bytes) -> float:
        try:
            value = float(field)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self._error(f"{_shown(field)}: expected a number.")
        return value


def _shown(line: bytes) -> str:
    return repr(line[:60].decode(errors="replace"))
