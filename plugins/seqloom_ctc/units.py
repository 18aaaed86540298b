"""What the classes of the head stand for: characters, or subwords of a sentencepiece model."""

from __future__ import annotations

import io
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from seqloom.errors import Cause, ConfigError, DataError
from seqloom.plugins import install_command
from seqloom_ctc.schema import Ctc, Unit

SPACE = "▁"
"""Marks the space before a subword."""

FIRST_SYMBOL = 0xF0000
"""Subwords are the characters from here on, of a plane for private use, to an n-gram model."""

TOO_MANY = re.compile(r"value <= (\d+)")


class Units(ABC):
    """The classes of a head: unit i is class i + 1, and class 0 the blank.

    Attributes:
        alphabet: The units, in the order of their classes.
        symbols: A character for each unit, of which an n-gram model makes its grams.
        characters: The characters that the units can spell.
        name: What a unit is called in messages.
    """

    name: str
    symbols: str
    characters: str

    def __init__(self, alphabet: Sequence[str]) -> None:
        self.alphabet = list(alphabet)

    @cached_property
    def known(self) -> frozenset[str]:
        """The characters that the units can spell, as a set."""
        return frozenset(self.characters)

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the state, besides the alphabet: plain types and bytes."""

    @abstractmethod
    def spell(self, text: str) -> list[str]:
        """Return the units of a text; a character that is not known is one of its own."""

    @abstractmethod
    def text(self, units: Iterable[str]) -> str:
        """Return the text of units."""


class Characters(Units):
    """Each character is a unit."""

    name = "character"

    def __init__(self, alphabet: Sequence[str]) -> None:
        super().__init__(alphabet)
        self.symbols = self.characters = "".join(alphabet)

    def state(self) -> dict[str, Any]:
        """Return nothing: the alphabet is all."""
        return {}

    def spell(self, text: str) -> list[str]:
        """Return the characters of a text."""
        return list(text)

    def text(self, units: Iterable[str]) -> str:
        """Return the characters as a text."""
        return "".join(units)


class Subwords(Units):
    """Subwords, found by byte pair encoding, and characters that none of them has.

    A subword that begins a word begins with `SPACE`. Many sequences of subwords have the same text;
    ``spell`` returns the one that models are trained on.

    Args:
        alphabet: The subwords of the model, then single characters.
        model: Model of sentencepiece.
    """

    name = "subword"

    def __init__(self, alphabet: Sequence[str], model: bytes) -> None:
        super().__init__(alphabet)
        self.symbols = "".join(chr(FIRST_SYMBOL + place) for place in range(len(alphabet)))
        singles = [unit for unit in alphabet if len(unit) == 1]
        self.characters = "".join(singles).replace(SPACE, " ")
        self._pieces = set(alphabet)
        self._model = model
        self._processor = _processor(model)

    def state(self) -> dict[str, Any]:
        """Return the model as bytes."""
        return {"subwords": self._model}

    def spell(self, text: str) -> list[str]:
        """Return the subwords of a text."""
        found: list[str] = []
        for piece in self._processor.encode(text, out_type=str):
            found += [piece] if piece in self._pieces else list(piece)
        return found

    def text(self, units: Iterable[str]) -> str:
        """Return the text of subwords, with one space between words and none around them."""
        return " ".join("".join(units).replace(SPACE, " ").split())

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to copy it to another process."""
        return Subwords, (self.alphabet, self._model)


def fit_units(
    options: Ctc, texts: Sequence[str], extra: Iterable[str], trained: Mapping[str, Any] | None
) -> Units:
    """Return the units of the training texts.

    Args:
        options: Parameters of the head.
        texts: Training texts in their normal form.
        extra: Characters that become units although no text has them.
        trained: State of a trained head, whose units come first; None: there is none.

    Raises:
        ConfigError: sentencepiece is missing, or the vocabulary is too small for the texts.
    """
    characters = set("".join(texts)).union(extra)
    known = list(trained["alphabet"]) if trained else []
    if options.unit == Unit.character:
        return Characters([*known, *sorted(characters - set(known))])
    model = trained["subwords"] if trained else _train(texts, options.vocabulary)
    if not trained:
        processor = _processor(model)
        known = [processor.id_to_piece(i) for i in range(1, processor.get_piece_size())]
    missing = {SPACE if one == " " else one for one in characters} - set(known)
    return Subwords([*known, *sorted(missing)], model)


def restored_units(state: Mapping[str, Any]) -> Units:
    """Return the units of a state."""
    if state.get("subwords"):
        return Subwords(state["alphabet"], bytes(state["subwords"]))
    return Characters(state["alphabet"])


def _train(texts: Sequence[str], size: int) -> bytes:
    """Return a model of at most ``size`` subwords."""
    try:
        return _trained(texts, size)
    except RuntimeError as error:
        most = TOO_MANY.search(str(error))
        if most:
            return _trained(texts, int(most[1]) - 1)  # the unknown is one of them
        needed = len({*"".join(texts), SPACE} - {" "})
        if size < needed:
            raise ConfigError(
                f"head.vocabulary={size}: expected at least {needed}, the number of characters in "
                "the training texts, each of which is a subword.",
                cause=Cause.wrong_value,
            ) from error
        raise ConfigError(
            "head.unit=subword: no subwords can be made of the training texts: "
            f"{str(error).rpartition('] ')[2].strip()}"
        ) from error


def _trained(texts: Sequence[str], size: int) -> bytes:
    written = io.BytesIO()
    _sentencepiece().SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=written,
        model_type="bpe",
        vocab_size=size + 1,  # with the unknown, whose number is that of the blank
        character_coverage=1.0,  # what no unit spells cannot be read
        normalization_rule_name="identity",
        max_sentence_length=1 << 20,
        num_threads=1,  # so that the result is the same everywhere
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        minloglevel=2,
    )
    return written.getvalue()


def _processor(model: bytes) -> Any:
    try:
        return _sentencepiece().SentencePieceProcessor(model_proto=model)
    except (RuntimeError, OSError) as error:
        raise DataError(f"The model of subwords is damaged: {error}") from error


def _sentencepiece() -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise ConfigError(
            f"head.unit=subword needs sentencepiece: {install_command('subwords')}.",
            cause=Cause.missing_extra,
        ) from error
    return sentencepiece
