"""The codec of the head ``translation``: texts as units, and what is shown of predictions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.checks import check_probability
from seqloom.errors import Cause, ConfigError, ExampleError
from seqloom.interfaces import Arrays, Example, HeadCodec, Prediction, View
from seqloom_translation.alignment import alignment, pharaoh
from seqloom_translation.frontend import check_vocabulary
from seqloom_translation.page import rendered
from seqloom_translation.schemas import Translation, Unit
from seqloom_translation.units import EOS, PAD, Listed, Units, fit_units, restored_units

BLANK = re.compile(r"[▁\s]*|<0x(?:09|0A|0D)>")
"""A step without text, or the byte of a tab or the end of a line."""

LARGEST = {
    "coverage_penalty": 1000,
    "length_penalty": 10,
    "no_repeat": 1_000_000,
    "max_ratio": 1000,
    "max_extra": 1_000_000,
}
"""Largest value of parameters of the search, beyond which numbers overflow."""

END = b"\0"
"""Separates references; a text with this character is rejected."""


class TranslationCodec(HeadCodec):
    """Encodes a text as ``units`` (S,), which end with the end of the text.

    All references are encoded too, as ``references``: UTF-8 with zeros in between, (R,) uint8. Of
    several, the first is what a model is trained on.

    Attributes:
        units: Units of the training texts.
        mean_length: Mean number of units of the training texts.
    """

    padding: Mapping[str, float] = {"units": PAD, "prefix": PAD}

    def __init__(self, **params: Any) -> None:
        self.params = Translation(**params)
        check(self.params)
        self.field = self.params.field
        self.units: Units = Listed(self.params.unit, [])
        self.mean_length = 1.0
        self.given_fields = {self.params.prefix_field: "text"}
        self.column_names = (
            self.field,
            *(["alignment"] if self.params.alignment else []),
            *(f"alternative_{number}" for number in range(2, self.params.alternatives + 1)),
        )

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the units of the training texts, and their mean number in a text.

        Raises:
            ExampleError: An example has no text to predict.
            ConfigError: ``head.vocabulary`` is too small for the texts.
        """
        params = self.params
        texts = [text for example in examples for text in self.texts(example)]
        self.units = fit_units(texts, params.unit, params.model, params.vocabulary, "head")
        lengths = [len(self.units.numbers(self.texts(example)[0])) + 1 for example in examples]
        self.mean_length = sum(lengths) / max(1, len(lengths))
        return {**self.units.state(), "mean_length": self.mean_length}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load a state that ``fit`` returned.

        Raises:
            ConfigError: It is of other units than ``head.unit``.
        """
        if state.get("unit") in {*Unit} and state["unit"] != self.params.unit:
            raise ConfigError(
                f"head.unit={self.params.unit}: the model was trained with "
                f"head.unit={state['unit']}. Train again to change it.",
                cause=Cause.wrong_value,
            )
        self.units = restored_units(state)
        self.mean_length = float(state["mean_length"])

    def texts(self, example: Example) -> list[str]:
        """Return the references, in Unicode's composed form (NFC).

        Raises:
            ExampleError: The field is missing or not a text or list of texts, or a text is blank.
        """
        if self.field not in example.fields:
            raise ExampleError(
                example,
                f"the field {self.field!r} is missing; expected a text.",
                cause=Cause.no_field,
            )
        value = example.fields[self.field]
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
            raise ExampleError(
                example,
                f"the field {self.field!r} is {value!r:.60}; expected a text or a list of texts.",
            )
        if not found or not all(one.strip("\0 \t\n") for one in found):
            raise ExampleError(example, f"the field {self.field!r} has a text that is empty.")
        if any("\0" in one for one in found):
            raise ExampleError(example, f"the field {self.field!r} has a text with a zero byte.")
        return [unicodedata.normalize("NFC", one) for one in found]

    def encode(self, example: Example) -> Arrays:
        """Return ``units`` (S,) int32 and ``references`` (R,) uint8.

        Raises:
            ExampleError: There is no text, or a blank one.
        """
        texts = self.texts(example)
        return {
            "units": np.array([*self.units.numbers(texts[0]), EOS], np.int32),
            "references": np.frombuffer(END.join(one.encode() for one in texts), np.uint8).copy(),
        }

    def given(self, example: Example) -> Arrays:
        """Return ``prefix`` (P,), the units that the translation must begin with.

        Raises:
            ExampleError: The prefix is not a text.
        """
        text = example.fields.get(self.params.prefix_field, "")
        if not isinstance(text, str):
            raise ExampleError(
                example, f"the field {self.params.prefix_field!r} is {text!r:.60}; expected a text."
            )
        numbers = self.units.numbers(unicodedata.normalize("NFC", text))
        return {"prefix": np.array(numbers, np.int32)}

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        """Divide subwords into smaller ones at random, if ``sampling`` is set."""
        if not self.params.sampling:
            return arrays
        return {**arrays, "units": self.units.sampled(arrays["units"], self.params.sampling, rng)}

    def cost(self, arrays: Arrays) -> int:
        """Return the number of units."""
        return len(arrays["units"])

    def terms(self, arrays: Arrays) -> int:
        """Return the number of units, which count equally in a step."""
        return len(arrays["units"])

    def describe(
        self, example: Example, prediction: Prediction, *, steps: Sequence[str] = ()
    ) -> Prediction:
        """Return the prediction with word pairs, if it has attention; a blank input stays blank."""
        if steps and all(BLANK.fullmatch(one) for one in steps):
            return {self.field: "", **{key: [] for key in ("words", "pieces") if key in prediction}}
        if self.params.alignment and steps and "attention" in prediction:
            names = [one["text"] for one in prediction["pieces"]]
            pairs = alignment(steps, names, prediction["attention"])
            return {**prediction, "alignment": [list(pair) for pair in pairs]}
        return prediction

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return the translation and, if asked for, word pairs in Pharaoh's format and others."""
        cells = [prediction[self.field]]
        if self.params.alignment:
            cells.append(pharaoh(prediction.get("alignment", ())))
        cells += [one[self.field] for one in prediction.get("alternatives", ())[1:]]
        return [cells + [""] * (len(self.column_names) - len(cells))]

    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        """Return the translation under its input, beside the references, with its attention."""
        references = self.target(example) or []
        others = [one[self.field] for one in prediction.get("alternatives", ())[1:]]
        return rendered(prediction, prediction[self.field], references, view, others)


def references(item: bytes) -> list[str]:
    r"""Return the texts of the array ``references``.

    >>> references(b"one\0two")
    ['one', 'two']
    """
    return [one.decode() for one in item.split(END)]


def check(params: Translation) -> None:
    """Check the parameters of the head.

    Raises:
        ConfigError: One is out of range.
    """
    check_vocabulary("head", params)
    wanted = {
        "beam": params.beam >= 1,
        "val_beam": params.val_beam >= 1,
        "size": params.size >= 1,
    }
    for name, right in wanted.items():
        if not right:
            raise ConfigError(
                f"head.{name}={getattr(params, name)}: expected at least 1", cause=Cause.wrong_value
            )
    for name, most in LARGEST.items():
        if not 0 <= getattr(params, name) <= most:
            raise ConfigError(
                f"head.{name}={getattr(params, name)}: expected a number from 0 to {most}",
                cause=Cause.wrong_value,
            )
    if params.no_repeat == 1:
        raise ConfigError("head.no_repeat=1: no unit could occur twice; expected 0, or 2 and more")
    if not 1 <= params.alternatives <= params.beam:
        raise ConfigError(
            f"head.alternatives={params.alternatives}: expected a number from 1 to "
            f"head.beam={params.beam}",
            cause=Cause.wrong_value,
        )
    check_probability("head.label_smoothing", params.label_smoothing)
