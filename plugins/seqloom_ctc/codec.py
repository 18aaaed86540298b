"""From texts to classes, and the texts that no path of the frames can produce."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.checks import check_probability
from seqloom.data import local_path
from seqloom.errors import Cause, ConfigError, DataError, ExampleError
from seqloom.interfaces import Arrays, Example, HeadCodec, Prediction, View
from seqloom_ctc.language import Lexicon, NGram
from seqloom_ctc.render import render
from seqloom_ctc.schema import Ctc

TRAIN = "train"


SHOWN = 10
"""Number of unseen characters that a summary names."""


class UnseenError(ExampleError):
    """A text with characters that no training text has.

    Attributes:
        counts: Number of times that each unseen character occurs.
    """

    def __init__(self, example: Example, text: str, known: Collection[str]) -> None:
        self.counts = Counter(character for character in text if character not in known)
        names = ", ".join(map(_named, sorted(self.counts)))
        problem = f"its text has characters that no training text has: {names}."
        super().__init__(example, problem, cause=Cause.unseen_class)

    @classmethod
    def remedy(cls, errors: Sequence[ExampleError]) -> str:
        """Return how these characters become known; only training texts are rejected for them."""
        return (
            "To learn characters that a trained model does not know, start from it with "
            "init_classes=merge."
        )

    @classmethod
    def summary(cls, errors: Sequence[ExampleError]) -> str:
        """Return how often the characters occur, the most frequent first, and where one does."""
        counts: Counter[str] = Counter()
        for error in errors:
            counts += error.counts if isinstance(error, UnseenError) else Counter()
        ranked = sorted(counts, key=lambda character: (-counts[character], character))
        shown = ", ".join(f"{_named(one)} {counts[one]} times" for one in ranked[:SHOWN])
        more = f", and {len(ranked) - SHOWN} others" if len(ranked) > SHOWN else ""
        return (
            f"characters that no training text has: {shown}{more}; the first at {errors[0].where}."
        )


def _named(character: str) -> str:
    return f"{character!r} ({unicodedata.name(character, f'U+{ord(character):04X}')})"


class CtcCodec(HeadCodec):
    """Knows the alphabet of the training texts: character i is class i + 1, class 0 the blank.

    The array ``target`` is (S,) int64, the classes of the text in its normal form.

    Attributes:
        alphabet: The characters, in the order of their classes.
        ngram: Model of characters, or None.
        lexicon: Words that may be read; None: any.
        unseen: Characters of evaluated texts that no training text has.
    """

    column_names = ("text", "confidence")

    def __init__(self, options: Ctc) -> None:
        _check(options)
        self.options = options
        self.alphabet: list[str] = []
        self.ngram: NGram | None = None
        self.lexicon: Lexicon | None = None
        self.unseen: list[str] = []

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the alphabet, the n-gram model's counts and the words of the lexicon.

        Raises:
            ExampleError: An example has no text.
            DataError: The corpus or the lexicon cannot be read.
        """
        return self._learned([], examples)

    def merge(self, state: Mapping[str, Any], examples: Sequence[Example]) -> dict[str, Any]:
        """Return a state whose alphabet extends the model's; its language is that of the examples.

        Raises:
            ExampleError: An example has no text.
        """
        return self._learned(state["alphabet"], examples)

    def _learned(self, known: list[str], examples: Sequence[Example]) -> dict[str, Any]:
        texts = [self.text(example) for example in examples]
        alphabet = [*known, *sorted((set("".join(texts)) | self._extra) - set(known))]
        form = str(self.options.form)
        return {"alphabet": alphabet, "form": form, **self._language(alphabet, texts)}

    def _language(self, alphabet: list[str], texts: list[str]) -> dict[str, Any]:
        """Return what the beam search knows about the language: the n-gram model and the words."""
        more = [*texts, *self._corpus()]
        model = NGram.fit(more, self.options.ngram_order, alphabet) if self._wants_ngram else None
        words = self._words(more)
        return {
            "ngram": model and model.to_bytes(),
            "words": words and "\n".join(words).encode(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the alphabet and what the beam search knows about the language.

        Raises:
            ConfigError: The parameters ask for another form, alphabet, n-gram model or lexicon.
            ValueError: The n-gram model or the words are damaged.
        """
        self.alphabet = list(state["alphabet"])
        self._class = {character: i for i, character in enumerate(self.alphabet, 1)}
        self.ngram = NGram.from_bytes(state["ngram"]) if state["ngram"] else None
        if self.ngram and list(self.ngram.alphabet) != self.alphabet:
            raise ValueError("The n-gram model has another alphabet than the head.")
        self.lexicon = None
        if state["words"]:
            words = bytes(state["words"]).decode().split("\n")
            # A letter that no word has must not separate words.
            letters = set(filter(_is_letter, self.alphabet))
            self.lexicon = Lexicon(words, letters | {c for word in words for c in word})
        self._refuse_other_parameters(state)

    def _refuse_other_parameters(self, state: Mapping[str, Any]) -> None:
        """Refuse parameters that would be ignored silently: nothing is fitted here."""
        form = state.get("form", self.options.form)
        if form != self.options.form:
            raise ConfigError(
                f"head.form={self.options.form}: the model was trained with {form}, and texts are "
                "scored as they were trained on. This cannot be changed."
            )
        if absent := sorted(self._extra - self._class.keys()):
            raise ConfigError(
                f"head.extra_characters: the alphabet of the trained model does not have "
                f"{''.join(absent)!r}. Start another training from this model: init=MODEL "
                "init_classes=merge."
            )
        order, wanted = self.ngram.order if self.ngram else 0, self.options.ngram_order
        if order != wanted:
            raise ConfigError(
                f"head.ngram_order={wanted}: the model was trained with {order}, which cannot be "
                "changed. head.ngram_weight=0 reads without the n-gram model."
            )
        lexicon = self.options.lexicon
        if (self.lexicon is None) != (lexicon is None):
            raise ConfigError(
                f"head.lexicon={lexicon or 'null'}: the model was trained "
                f"with{'' if self.lexicon else 'out'} a lexicon, which cannot be changed. "
                "head.decoder=greedy reads without one."
            )

    def encode(self, example: Example) -> Arrays:
        """Return the example's ``target``.

        Raises:
            ExampleError: The text is missing or empty.
            UnseenError: The text has characters that training never saw.
        """
        text = self.text(example)
        if not self._class.keys() >= set(text):
            raise UnseenError(example, text, self._class)
        return {"target": np.array([self._class[c] for c in text], dtype=np.int64)}

    def encode_truth(self, example: Example) -> Arrays:
        """Return the example's ``target``; unseen characters are numbered after the others.

        Raises:
            ExampleError: The text is missing or empty.
        """
        text = self.text(example)
        known = {*self.alphabet, *self.unseen}
        self.unseen += sorted(set(text) - known)
        classes = {character: i for i, character in enumerate(self.characters_of_truth, 1)}
        return {"target": np.array([classes[c] for c in text], dtype=np.int64)}

    @property
    def characters_of_truth(self) -> list[str]:
        """The characters of the classes in evaluated examples: the alphabet, then the unseen."""
        return [*self.alphabet, *self.unseen]

    def text(self, example: Example) -> str:
        """Return the example's text in its normal form, runs of white space as one space.

        Raises:
            ExampleError: The text is missing or empty.
        """
        value = example.fields.get(self.options.field)
        if not isinstance(value, str):
            fields = ", ".join(sorted(example.fields)) or "none"
            found = "is missing" if value is None else f"is {value!r}, not a text"
            raise ExampleError(
                example,
                f"the field {self.options.field!r} {found}, but head=ctc learns from it; the "
                f"example's fields are: {fields}. Add it, or choose one with head.field=NAME.",
                cause=Cause.no_field if value is None else None,
            )
        text = self.normal(value)
        if not text:
            raise ExampleError(example, "its text is empty. Add the text, or remove the example.")
        return text

    def normal(self, text: str) -> str:
        """Return a text as it is trained on and scored."""
        return " ".join(self._formed(text).split())

    def _formed(self, text: str) -> str:
        form: Any = str(self.options.form)
        return unicodedata.normalize(form, text)

    def decode(self, labels: Sequence[int]) -> str:
        """Return the text of classes from 1; those after the alphabet are unseen characters."""
        characters = self.characters_of_truth
        return "".join(characters[label - 1] for label in labels)

    def check(self, example: Example, item: Arrays, frames: int) -> None:
        """Refuse a text with more characters and repeats than there are frames.

        Two equal characters in a row need a blank between them (Graves et al. 2006).

        Raises:
            ExampleError: The text is too long; the message has both numbers.
        """
        target = item["target"]
        repeats = int((target[1:] == target[:-1]).sum())
        if len(target) + repeats > frames:
            also = (
                f", and one for each of the {repeats} that repeat the one before" if repeats else ""
            )
            raise ExampleError(
                example,
                f"its text of {len(target)} characters is too long for the line, which has "
                f"{frames} frames; CTC needs {len(target) + repeats}: one for each character{also}."
                " Check that the text belongs to this line and that the line is whole. Otherwise "
                "pool the width less (frontend.pooling), or scale the line larger.",
            )

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return one row: the text and its confidence."""
        confidence = prediction.get("confidence")
        return [[prediction["text"], "" if confidence is None else f"{confidence:.4f}"]]

    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        """Return what was read with the reading under it, mistakes marked."""
        truth = example.fields.get(self.options.field)
        known = self.normal(truth) if isinstance(truth, str) else None
        return render(view, prediction, known)

    @property
    def _extra(self) -> set[str]:
        # A space that is not between others counts here too, so `normal` would be wrong.
        return {" " if c.isspace() else c for c in self._formed(self.options.extra_characters)}

    @property
    def _wants_ngram(self) -> bool:
        return self.options.ngram_order > 0

    def _corpus(self) -> list[str]:
        path = self.options.corpus
        lines = _lines(path, "head.corpus", self) if path else []
        if path and not lines:
            raise DataError(f"head.corpus={path}: the file has no text.")
        return lines

    def _words(self, texts: list[str]) -> list[str] | None:
        source = self.options.lexicon
        if source is None:
            return None
        lines = texts if source == TRAIN else _lines(source, "head.lexicon", self)
        found = {word for line in lines for word in _words(line, source == TRAIN)}
        if not found:
            raise DataError(f"head.lexicon={source}: no words were found.")
        return sorted(found)


def _words(line: str, running: bool) -> list[str]:
    """Return the words of a line; those of a running text without their punctuation."""
    if running:
        line = "".join(c if _is_letter(c) or c in "'’-" else " " for c in line)
    return line.split()


def _is_letter(character: str) -> bool:
    """Return whether a character is a part of words: letters, digits, and the marks on them."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _lines(path: str, key: str, codec: CtcCodec) -> list[str]:
    try:
        text = local_path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{key}={path}: not UTF-8 at byte {error.start}.") from error
    except OSError as error:
        raise DataError(f"{key}={path}: cannot be read: {error.strerror}.") from error
    except DataError as error:
        raise DataError(f"{key}: {error}") from error
    return [line for raw in text.splitlines() if (line := codec.normal(raw))]


def _check(options: Ctc) -> None:
    if not 0 <= options.ngram_order <= 12:
        raise ConfigError(f"head.ngram_order={options.ngram_order}: expected 0 (none) to 12.")
    if options.beam_width < 1:
        raise ConfigError(f"head.beam_width={options.beam_width}: expected 1 or more.")
    check_probability("head.dropout", options.dropout)
    if not 0 <= options.skip_blank <= 1:
        raise ConfigError(f"head.skip_blank={options.skip_blank}: expected a number in [0, 1].")
    if options.shortcut < 0:
        raise ConfigError(f"head.shortcut={options.shortcut}: expected 0 or more.")
