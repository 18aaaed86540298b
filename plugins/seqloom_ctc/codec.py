"""From texts to classes, and the texts that no path of the frames can produce."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.checks import check_probability
from seqloom.errors import Cause, ConfigError, ExampleError, plural
from seqloom.interfaces import Arrays, Example, HeadCodec, Prediction, View
from seqloom_ctc import sources
from seqloom_ctc.arpa import Arpa, read_arpa
from seqloom_ctc.characters import CharacterModel
from seqloom_ctc.language import Lexicon, NGram
from seqloom_ctc.render import render
from seqloom_ctc.schema import ArpaUnit, Ctc, Unit
from seqloom_ctc.units import SPACE, Characters, Units, fit_units, restored_units

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
        shown = ", ".join(
            f"{_named(one)} {counts[one]} {plural(counts[one], 'time')}" for one in ranked[:SHOWN]
        )
        others = len(ranked) - SHOWN
        more = f", and {others} {plural(others, 'other')}" if others > 0 else ""
        return (
            f"characters that no training text has: {shown}{more}; the first at {errors[0].where}."
        )


def _named(character: str) -> str:
    return f"{character!r} ({unicodedata.name(character, f'U+{ord(character):04X}')})"


class CtcCodec(HeadCodec):
    """Knows the units of the training texts, which are the classes after the blank.

    The array ``target`` is (S,) int64, the classes of the text in its normal form.

    Attributes:
        units: Characters or subwords; unit i is class i + 1, class 0 the blank.
        ngram: Model of units, or None.
        arpa: Model of words or of characters that a file had, or None.
        lexicon: Words that may be read; None: any.
        unseen: Characters of evaluated texts that no training text has.
    """

    column_names = ("text", "confidence")

    def __init__(self, options: Ctc) -> None:
        check_options(options)
        self.options = options
        self.units: Units = Characters([])
        self.ngram: NGram | None = None
        self.arpa: Arpa | CharacterModel | None = None
        self.lexicon: Lexicon | None = None
        self.unseen: list[str] = []

    @property
    def alphabet(self) -> list[str]:
        """The units, in the order of their classes."""
        return self.units.alphabet

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the units, the counts or the n-grams of the language, the words of the lexicon.

        Raises:
            ExampleError: An example has no text.
            DataError: The corpus, the lexicon or the ARPA file cannot be read.
            ConfigError: ``head.vocabulary`` is too small for the texts.
        """
        return self._learned(None, examples)

    def merge(self, state: Mapping[str, Any], examples: Sequence[Example]) -> dict[str, Any]:
        """Return a state whose units extend the model's; its language is that of the examples.

        Raises:
            ExampleError: An example has no text.
            ConfigError: The model reads another kind of units.
        """
        self._refuse_other_unit(state)
        return self._learned(state, examples)

    def _learned(
        self, trained: Mapping[str, Any] | None, examples: Sequence[Example]
    ) -> dict[str, Any]:
        texts = [self.text(example) for example in examples]
        units = fit_units(self.options, texts, self._extra, trained)
        return {
            "alphabet": units.alphabet,
            "form": str(self.options.form),
            **units.state(),
            **self._language(units, texts),
        }

    def _language(self, units: Units, texts: list[str]) -> dict[str, Any]:
        """Return what the beam search knows about the language: n-grams, and the words."""
        options = self.options
        more = [*texts, *sources.corpus(options, self.normal)]
        model = None
        if self._order:
            symbols = dict(zip(units.alphabet, units.symbols, strict=True))
            lines = ("".join(symbols.get(u, u) for u in units.spell(text)) for text in more)
            model = NGram.fit(lines, self._order, units.symbols)
        words = sources.words(options, more, self.normal)
        arpa = sources.arpa(options, texts, units.characters, self._formed)
        return {
            "ngram": model and model.to_bytes(),
            "words": words and "\n".join(words).encode(),
            "arpa": arpa and arpa.to_bytes(),
            "arpa_unit": str(options.arpa_unit) if arpa else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the units and what the beam search knows about the language.

        Raises:
            ConfigError: The parameters ask for other units, another form, n-gram model or lexicon.
            ValueError: The n-gram model or the words are damaged.
        """
        self.units = restored_units(state)
        self._class = {unit: i for i, unit in enumerate(self.alphabet, 1)}
        self.ngram = NGram.from_bytes(state["ngram"]) if state["ngram"] else None
        if self.ngram and self.ngram.alphabet != self.units.symbols:
            raise ValueError("The n-gram model has another alphabet than the head.")
        self.arpa = None
        if state.get("arpa"):
            model = read_arpa(bytes(state["arpa"]).splitlines(), "the bundle's ARPA model")
            words = state["arpa_unit"] == ArpaUnit.word
            self.arpa = model if words else CharacterModel(model, self.units.characters)
        self.lexicon = None
        if state["words"]:
            words = bytes(state["words"]).decode().split("\n")
            # A letter that no word has must not separate words.
            letters = set(filter(sources.is_letter, self.units.known))
            self.lexicon = Lexicon(words, letters | {c for word in words for c in word})
        self._refuse_other_parameters(state)

    def _refuse_other_unit(self, state: Mapping[str, Any]) -> None:
        trained = Unit.subword if state.get("subwords") else Unit.character
        if self.options.unit != trained:
            raise ConfigError(
                f"head.unit={self.options.unit}: the model was trained with {trained}, which "
                "cannot be changed."
            )

    def _refuse_other_parameters(self, state: Mapping[str, Any]) -> None:
        """Refuse parameters that would be ignored silently: nothing is fitted here."""
        options = self.options
        self._refuse_other_unit(state)
        form = state.get("form", options.form)
        if form != options.form:
            raise ConfigError(
                f"head.form={options.form}: the model was trained with {form}, and texts are "
                "scored in the form used in training. This cannot be changed."
            )
        if absent := sorted(self._extra - self.units.known):
            raise ConfigError(
                f"head.extra_characters: the alphabet of the trained model does not have "
                f"{''.join(absent)!r}. Start another training from this model: init=MODEL "
                "init_classes=merge."
            )
        order = self.ngram.order if self.ngram else 0
        if order != self._order:
            raise ConfigError(
                f"head.ngram_order={self._order}: the model was trained with {order}, which cannot "
                "be changed. head.ngram_weight=0 reads without the n-gram model."
            )
        for key, value, there in (
            ("lexicon", options.lexicon, self.lexicon),
            ("arpa", options.arpa, self.arpa),
        ):
            if (there is None) != (value is None):
                what = "a lexicon" if key == "lexicon" else "an ARPA model"
                raise ConfigError(
                    f"head.{key}={value or 'null'}: the model was trained with"
                    f"{'' if there else 'out'} {what}, which cannot be changed. "
                    "head.decoder=greedy reads without one."
                )
        if self.arpa and options.arpa_unit != state["arpa_unit"]:
            raise ConfigError(
                f"head.arpa_unit={options.arpa_unit}: the model was trained with n-grams of "
                f"{state['arpa_unit']}s, which cannot be changed."
            )

    def encode(self, example: Example) -> Arrays:
        """Return the example's ``target``.

        Raises:
            ExampleError: The text is missing or empty.
            UnseenError: The text has characters that training never saw.
        """
        text = self.text(example)
        if not self.units.known >= set(text):
            raise UnseenError(example, text, self.units.known)
        return {"target": np.array([self._class[u] for u in self.units.spell(text)], np.int64)}

    def encode_truth(self, example: Example) -> Arrays:
        """Return the example's ``target``; unseen characters are numbered after the others.

        Raises:
            ExampleError: The text is missing or empty.
        """
        text = self.text(example)
        self.unseen += sorted(set(text) - self.units.known.union(self.unseen))
        classes = {unit: i for i, unit in enumerate(self.units_of_truth, 1)}
        return {"target": np.array([classes[u] for u in self.units.spell(text)], np.int64)}

    @property
    def units_of_truth(self) -> list[str]:
        """The units of the classes in evaluated examples: the alphabet, then unseen characters."""
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
        if self.options.unit == Unit.subword and SPACE in text:
            raise ExampleError(
                example,
                f"its text has the character {SPACE} (U+2581), which marks spaces among subwords. "
                "Replace it, or use head.unit=character.",
            )
        return text

    def normal(self, text: str) -> str:
        """Return a text as it is trained on and scored."""
        return " ".join(self._formed(text).split())

    def _formed(self, text: str) -> str:
        form: Any = str(self.options.form)
        return unicodedata.normalize(form, text)

    def decode(self, labels: Sequence[int]) -> str:
        """Return the text of classes from 1; those after the alphabet are unseen characters."""
        return self.units.text(self.spelled(labels))

    def spelled(self, labels: Sequence[int]) -> list[str]:
        """Return the units of classes from 1."""
        units = self.units_of_truth
        return [units[label - 1] for label in labels]

    def check(self, example: Example, arrays: Arrays, frames: int) -> None:
        """Refuse a text with more units and repeats than there are frames.

        Two equal units in a row need a blank between them (Graves et al. 2006).

        Raises:
            ExampleError: The text is too long; the message has both numbers.
        """
        target = arrays["target"]
        repeats = int((target[1:] == target[:-1]).sum())
        if len(target) + repeats > frames:
            unit = self.units.name
            also = (
                f", and one for each of the {repeats} that repeat the one before" if repeats else ""
            )
            raise ExampleError(
                example,
                f"its text of {len(target)} {plural(len(target), unit)} is too long for the line, "
                "which has "
                f"{frames} {plural(frames, 'frame')}; CTC needs {len(target) + repeats}: one for "
                f"each {unit}{also}."
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
    def _order(self) -> int:
        """Order of the model that is fitted; an ARPA model takes its place."""
        return self.options.ngram_order if self.options.arpa is None else 0


def check_options(options: Ctc) -> None:
    """Refuse parameters that are out of range.

    Raises:
        ConfigError: One is; the message has its key and what was expected.
    """
    if not 0 <= options.ngram_order <= 12:
        raise ConfigError(
            f"head.ngram_order={options.ngram_order}: expected 0 (none) to 12.",
            cause=Cause.wrong_value,
        )
    if options.vocabulary < 1:
        raise ConfigError(
            f"head.vocabulary={options.vocabulary}: expected 1 or more.", cause=Cause.wrong_value
        )
    if options.beam_width < 1:
        raise ConfigError(
            f"head.beam_width={options.beam_width}: expected 1 or more.", cause=Cause.wrong_value
        )
    check_probability("head.dropout", options.dropout)
    if not 0 <= options.skip_blank <= 1:
        raise ConfigError(
            f"head.skip_blank={options.skip_blank}: expected a number in [0, 1].",
            cause=Cause.wrong_value,
        )
    if options.shortcut < 0:
        raise ConfigError(
            f"head.shortcut={options.shortcut}: expected 0 or more.", cause=Cause.wrong_value
        )
