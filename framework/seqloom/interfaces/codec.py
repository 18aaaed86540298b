"""The interface of codecs: the part of a frontend or head that has no weights.

A codec turns an example into arrays. It is fitted once, before any training process starts, on the
training examples alone; its state is plain types (str, int, float, bool, None, list, dict with str
keys) that are stored as JSON in the run's folder and in the bundle. What would be too large there,
an n-gram model say, is bytes: these are stored as files of their own.
"""

from __future__ import annotations

import html
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.errors import ConfigError
from seqloom.interfaces.example import Example, Prediction
from seqloom.interfaces.view import View

Arrays = dict[str, np.ndarray]
"""Named arrays of one example. Axis 0 of an array is its sequence; 0-d arrays are single values."""


class Codec(ABC):
    """What frontend codecs and head codecs share. Instances are picklable.

    Attributes:
        padding: the value that fills a batch's shorter rows, by array name; 0 where not named.
    """

    padding: Mapping[str, float] = {}

    @abstractmethod
    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the state learned from the training examples: plain types and bytes.

        Raises:
            ExampleError: an example lacks the field, or has a wrong value in it.
        """

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state that ``fit`` returned, now or long ago."""

    @abstractmethod
    def encode(self, example: Example) -> Arrays:
        """Return the example as arrays; the same each time, so that it may be cached.

        Raises:
            ExampleError: the example cannot be encoded.
        """


class FrontendCodec(Codec):
    """The codec of a frontend: it encodes what is read."""

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return the fields of an example that is given bare, or None if it is nothing to read.

        ``pipeline(value)`` asks for them: a text or a list of tokens, unless said otherwise.
        """
        if isinstance(value, str):
            return {"text": value}
        return {"tokens": list(value)} if isinstance(value, list | tuple) else None

    def prepare(self, example: Example) -> Example:
        """Return the example with the fields that others derive from (tokens of a text, say).

        Called once on every example before any ``fit`` or ``encode``. Calling it again on its own
        result changes nothing.

        Raises:
            ExampleError: there is nothing in the example to read.
        """
        return example

    def augment(self, item: Arrays, rng: np.random.Generator) -> Arrays:
        """Return a changed copy of the item for one pass over it in training.

        ``rng`` is a function of the run's seed, the epoch and the example's id. Must not change
        ``item`` itself. It may change the number of frames: where a head's ``check`` then refuses
        the target, the item is taken as it was.
        """
        return item

    @abstractmethod
    def cost(self, item: Arrays) -> int:
        """Return the item's size in a batch, in the unit of ``batch.max_cost`` (tokens, pixels)."""

    @abstractmethod
    def frames(self, item: Arrays) -> int:
        """Return the number of steps that the frontend gives for the item, without running it."""

    def show(self, example: Example) -> View:
        """Return markup of what is read of a (prepared) example, for the report.

        Its text or its tokens, unless a codec shows something else; its id if it has neither.
        """
        text, tokens = example.fields.get("text"), example.fields.get("tokens")
        if not isinstance(text, str) and isinstance(tokens, list | tuple):
            text = " ".join(map(str, tokens))
        return View(f"<div>{html.escape(text if isinstance(text, str) else example.id)}</div>")


class HeadCodec(Codec):
    """The codec of a head: it encodes what is to be predicted, and shows what was predicted.

    Attributes:
        column_names: of the rows that ``columns`` returns.
        row_per_token: True if ``columns`` returns one row for each token, as CoNLL output needs.
    """

    column_names: tuple[str, ...] = ("prediction",)
    row_per_token: bool = False

    def merge(self, state: Mapping[str, Any], examples: Sequence[Example]) -> dict[str, Any]:
        """Return a trained model's state with what the examples add to it: their classes.

        Raises:
            ConfigError: this codec cannot be merged with another.
        """
        raise ConfigError(
            f"{type(self).__name__} cannot merge two sets of classes; use init_classes=keep or "
            "init_classes=replace."
        )

    def check(self, example: Example, item: Arrays, frames: int) -> None:
        """Refuse a target that cannot be emitted from this many frames.

        Raises:
            ExampleError: say, with the numbers, why it cannot.
        """
        return

    def describe(self, example: Example, prediction: Prediction) -> Prediction:
        """Return the prediction with what only the example knows: texts, character offsets."""
        return prediction

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return the (described) prediction as rows of text, for TSV and CoNLL output."""
        return [[json.dumps(prediction, ensure_ascii=False)]]

    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        """Return HTML that shows the (described) prediction under its example; texts escaped.

        Args:
            example: with the target, if that is known.
            prediction: of the example.
            view: what the frontend's codec shows of the example.
        """
        said = html.escape(json.dumps(prediction, ensure_ascii=False))
        return f"{view.html}<div>{said}</div>"
