"""Vocabularies: texts as numbers of subwords, words or characters, and back."""

from __future__ import annotations

import io
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from seqloom.errors import Cause, ConfigError, DataError
from seqloom_translation.schemas import SubwordModel, Unit

Kind = Literal["frontend", "head"]

PAD, UNK, BOS, EOS = range(4)
FIRST = 4
"""Number of the first unit; those before it stand for no text."""

SPACE = "▁"
"""Marks the space before a unit, as in sentencepiece."""

COVERAGE = 0.9995
"""Fraction of the training characters that become units; others are split into bytes."""

TOO_MANY = re.compile(r"value <= (\d+)")
TOO_FEW = re.compile(r"smaller than required_chars\. \d+ vs (\d+)")


class Units(ABC):
    """A vocabulary with its state.

    Attributes:
        size: Number of units, with padding, unknown, start and end.
    """

    size: int

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the state: plain types and bytes."""

    @abstractmethod
    def numbers(self, text: str) -> list[int]:
        """Return the numbers of a text's units."""

    @abstractmethod
    def name(self, number: int) -> str:
        """Return a unit's text; `SPACE` stands for the space before it."""

    @abstractmethod
    def text(self, numbers: Sequence[int]) -> str:
        """Return the text of units; those without a text are left out."""

    def sampled(self, numbers: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
        """Return another division of the same text, if there are several."""
        return numbers


class Subwords(Units):
    """Subwords of a sentencepiece model, with bytes for all that is not in it."""

    def __init__(self, model: bytes) -> None:
        from sentencepiece import SentencePieceProcessor

        self.model = model
        try:
            self._processor = SentencePieceProcessor(model_proto=model)
        except (RuntimeError, OSError) as error:
            raise DataError(f"The model of subwords is damaged: {error}") from error
        self.size = self._processor.get_piece_size()

    @classmethod
    def fit(
        cls, texts: Iterable[str], model: SubwordModel, size: int, kind: Kind = "frontend"
    ) -> Subwords:
        """Return a model of the texts with at most this many units; see `fit_units`."""
        listed = [text for text in texts if text.strip()]
        if not listed:
            raise DataError(
                f"No subwords can be made for the {kind}: all training texts are blank.",
                cause=Cause.no_examples,
            )
        try:
            return cls(_train(listed, model, size))
        except RuntimeError as error:
            if most := TOO_MANY.search(str(error)):
                return cls(_train(listed, model, int(most[1])))
            least = TOO_FEW.search(str(error))
            raise ConfigError(
                f"{kind}.vocabulary={size}: expected at least {least[1]} subwords for these texts, "
                "as every byte and every frequent character is one of them; or set "
                f"{kind}.unit=character, which needs no bytes."
                if least
                else f"No subwords can be made with {kind}.vocabulary={size}: {_reason(error)}",
                cause=Cause.wrong_value,
            ) from error

    def state(self) -> dict[str, Any]:
        """Return the state: the model as bytes."""
        return {"unit": str(Unit.subword), "model": self.model}

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of a text's subwords."""
        found: list[int] = self._processor.encode(text)
        return found

    def name(self, number: int) -> str:
        """Return a subword; bytes have the form ``<0x41>``."""
        return str(self._processor.id_to_piece(int(number))) if number >= FIRST else ""

    def text(self, numbers: Sequence[int]) -> str:
        """Return the text of subwords."""
        return str(self._processor.decode([int(one) for one in numbers if one >= FIRST]))

    def sampled(self, numbers: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
        """Return the same text with some merges left out, or divided at random."""
        from sentencepiece import set_random_generator_seed

        if not amount:
            return numbers
        set_random_generator_seed(int(rng.integers(2**31)))
        text = self.text(numbers.tolist())
        found = self._processor.encode(text, enable_sampling=True, alpha=amount, nbest_size=-1)
        ends = numbers[-1:] if len(numbers) and numbers[-1] == EOS else numbers[:0]
        return np.concatenate([np.array(found, numbers.dtype), ends])


def _train(texts: Sequence[str], model: SubwordModel, size: int) -> bytes:
    from sentencepiece import SentencePieceTrainer

    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=written,
        model_type=str(model),
        vocab_size=size,
        character_coverage=COVERAGE,
        byte_fallback=True,
        normalization_rule_name="identity",
        hard_vocab_limit=model == SubwordModel.bpe,
        max_sentence_length=1 << 20,
        num_threads=1,  # so that the result is the same everywhere
        pad_id=PAD,
        unk_id=UNK,
        bos_id=BOS,
        eos_id=EOS,
        minloglevel=2,
    )
    return written.getvalue()


def _reason(error: RuntimeError) -> str:
    """Return an error of sentencepiece without the place in its sources."""
    return str(error).rpartition("] ")[2].strip() or str(error)


class Listed(Units):
    """Words or characters, the most frequent first; all others are unknown."""

    def __init__(self, unit: Unit, items: Sequence[str]) -> None:
        self.unit = unit
        self.items = list(items)
        self.size = len(self.items) + FIRST
        self._numbers = {item: number for number, item in enumerate(self.items, FIRST)}

    @classmethod
    def fit(cls, texts: Iterable[str], unit: Unit, size: int) -> Listed:
        """Return the most frequent units of the texts, at most this many."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_split(text, unit))
        order = sorted(counts, key=lambda item: (-counts[item], item))
        return cls(unit, order[: max(1, size - FIRST)])

    def state(self) -> dict[str, Any]:
        """Return the state: the units in order."""
        return {"unit": str(self.unit), "items": self.items}

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of a text's units."""
        return [self._numbers.get(item, UNK) for item in _split(text, self.unit)]

    def name(self, number: int) -> str:
        """Return a unit; a word with the space before it."""
        if number < FIRST:
            return ""
        item = self.items[int(number) - FIRST]
        return SPACE + item if self.unit == Unit.word else item.replace(" ", SPACE)

    def text(self, numbers: Sequence[int]) -> str:
        """Return the text of units."""
        between = " " if self.unit == Unit.word else ""
        return between.join(self.items[int(one) - FIRST] for one in numbers if one >= FIRST)


def _split(text: str, unit: Unit) -> list[str]:
    return text.split() if unit == Unit.word else list(text)


def fit_units(
    texts: Iterable[str], unit: Unit, model: SubwordModel, size: int, kind: Kind = "frontend"
) -> Units:
    """Return the units of the training texts.

    Args:
        texts: Training texts.
        unit: Kind of the units.
        model: How subwords are found.
        size: Largest number of units.
        kind: Component whose units they are, for errors.

    Raises:
        ConfigError: The number is too small for the texts.
        DataError: All texts are blank.
    """
    if unit == Unit.subword:
        return Subwords.fit(texts, model, size, kind)
    return Listed.fit(texts, unit, size)


def restored_units(state: Mapping[str, Any]) -> Units:
    """Return the units of a state that `Units.state` returned."""
    if state["unit"] == Unit.subword:
        return Subwords(state["model"])
    return Listed(Unit(state["unit"]), state["items"])
