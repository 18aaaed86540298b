"""The parameters of the text frontends, and the fields that they take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from seqloom.checks import check_probability
from seqloom.errors import Cause, ConfigError
from seqloom.plugins import Component


class Tokenizer(StrEnum):
    """How a text is split into tokens; see ``seqloom_text.tokenizers``."""

    rules = "rules"
    whitespace = "whitespace"


class Normalisation(StrEnum):
    """The Unicode normalization form of the text, or none."""

    NFC = "NFC"
    NFKC = "NFKC"
    none = "none"


def _require(fits: bool, parameter: str, value: object, expected: str) -> None:
    if not fits:
        raise ConfigError(f"frontend.{parameter}={value}: {expected}.", cause=Cause.wrong_value)


_POSITIVE = (
    "size",
    "min_count",
    "character_size",
    "character_filters",
    "character_width",
    "subword_size",
    "subword_buckets",
    "subword_shortest",
)
"""Parameters of `Words` that are at least 1."""


@dataclass
class Words:
    """A vector for each word, with features of its characters.

    Parameters that are null get a value that suits the head, or else 0 and false.

    Attributes:
        field: Field that is read, tokens or a text; by default ``tokens``, else ``text``.
            Example: ``text``.
        tokenizer: How a text is split into tokens.
        size: Size of a word's vector.
        min_count: Words that are rarer in the training examples are unknown.
        lowercase: Whether words are looked up in lower case; their characters are not changed.
        word_dropout: In training, a word that was seen ``c`` times becomes unknown with probability
            ``word_dropout / (word_dropout + c)``; 0 is never.
        init_std: Standard deviation of the words' initial vectors.
        dropout: Fraction of features dropped, the same at each step of a sequence; null: what suits
            the head and the data. Example: ``0.4``.
        characters: Whether features of a word's characters are appended to its vector.
        character_size: Size of a character's vector.
        character_filters: Number of filters of the convolution over a word's characters.
        character_width: Width of the convolution over a word's characters, in characters; odd.
            Example: ``5``.
        subwords: Whether the mean of the vectors of its character n-grams is appended to a word's
            vector, as in fastText; null: what suits the head. Example: ``true``. Since 0.2.
        subword_size: Size of an n-gram's vector. Since 0.2.
        subword_buckets: Maximum number of rows of the n-gram table, into which n-grams are hashed;
            there are no more than the training examples need. Since 0.2.
        subword_shortest: Number of characters of the shortest n-grams; the marks at a word's start
            and end count. Example: ``4``. Since 0.2.
        subword_longest: Number of characters of the longest n-grams. Since 0.2.
        vectors: File of pretrained vectors: GloVe, word2vec text or fastText, plain or ``.gz``.
            Example: ``glove.6B.100d.txt``.
        freeze_vectors: Whether to freeze all word vectors, pretrained or not; needs ``vectors``.
        vectors_vocabulary: Whether every word of the file is known, not only those of the examples;
            needs ``vectors``.
    """

    field: str | None = None
    tokenizer: Tokenizer = Tokenizer.rules
    size: int = 100
    min_count: int = 1
    lowercase: bool = True
    word_dropout: float = 1.0
    init_std: float = 0.1
    dropout: float | None = None
    characters: bool = True
    character_size: int = 30
    character_filters: int = 50
    character_width: int = 3
    subwords: bool | None = None
    subword_size: int = 64
    subword_buckets: int = 32768
    subword_shortest: int = 3
    subword_longest: int = 5
    vectors: str | None = None
    freeze_vectors: bool = False
    vectors_vocabulary: bool = False

    def __post_init__(self) -> None:
        self.dropout = self.dropout or 0.0
        self.subwords = bool(self.subwords)
        for name in _POSITIVE:
            _require(getattr(self, name) >= 1, name, getattr(self, name), "expected 1 or more")
        for name in ("word_dropout", "init_std"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "expected 0 or more")
        check_probability("frontend.dropout", self.dropout)
        shortest, longest = self.subword_shortest, self.subword_longest
        expected = f"expected subword_shortest={shortest} or more"
        _require(longest >= shortest, "subword_longest", longest, expected)
        width = self.character_width
        _require(width % 2 == 1, "character_width", width, "expected an odd number, such as 3")
        for name in ("freeze_vectors", "vectors_vocabulary"):
            useless = getattr(self, name) and not self.vectors
            _require(not useless, name, "true", "it needs frontend.vectors=FILE as well")


@dataclass
class Characters:
    """A vector for each character of a text.

    Attributes:
        field: Field that is read, a text or tokens; by default ``text``, else ``tokens``, which are
            joined by single spaces. Example: ``text``.
        size: Size of a character's vector.
        lowercase: Whether the text is read in lower case.
        min_count: Characters that are rarer in the training examples are unknown.
        init_std: Standard deviation of the initial vectors.
        dropout: Fraction of features dropped, the same at each step of a sequence.
        character_dropout: Probability that a character becomes unknown in training.
        unicode: Unicode normalization form. If a text is in another form, its offsets differ from
            those in the normalized text.
    """

    field: str | None = None
    size: int = 50
    lowercase: bool = False
    min_count: int = 1
    init_std: float = 0.1
    dropout: float = 0.0
    character_dropout: float = 0.0
    unicode: Normalisation = Normalisation.NFC

    def __post_init__(self) -> None:
        for name in ("size", "min_count"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "expected 1 or more")
        _require(self.init_std >= 0, "init_std", self.init_std, "expected 0 or more")
        check_probability("frontend.dropout", self.dropout)
        check_probability("frontend.character_dropout", self.character_dropout)
        forms = list(Normalisation)
        _require(self.unicode in forms, "unicode", self.unicode, f"expected {' or '.join(forms)}")


FRONTENDS: tuple[Component, ...] = (
    Component(
        kind="frontend",
        name="words",
        schema=Words,
        target="seqloom_text.frontends.words:WordsFrontend",
        files=("vectors",),
        takes={"field": ("tokens", "text")},
        gives={"steps": "token"},
        suggests={"frontend=words": {"dropout": 0.0, "subwords": False}},
        older_defaults={
            "subwords": False,
            "subword_size": 64,
            "subword_buckets": 32768,
            "subword_shortest": 3,
            "subword_longest": 5,
        },
    ),
    Component(
        kind="frontend",
        name="characters",
        schema=Characters,
        target="seqloom_text.frontends.characters:CharactersFrontend",
        files=(),
        takes={"field": ("text", "tokens")},
        gives={"steps": "character"},
    ),
)
