"""The interface of codecs: the part of a frontend or head that has no weights.

A codec turns an example into arrays. It is fitted once on the train split, before any training
process starts. Its state consists of plain types (str, int, float, bool, None, list, dict with str
keys), which are stored as JSON in the run folder and the bundle, and of bytes for large data such
as an n-gram model, which are stored in separate files.
"""

from __future__ import annotations

import html
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.errors import ConfigError
from seqloom.interfaces.example import Example, Prediction
from seqloom.interfaces.view import View

Arrays = dict[str, np.ndarray]
"""Named arrays of one example. Axis 0 of an array is its sequence; 0-d arrays are single values."""


class Codec(ABC):
    """Base class of frontend codecs and head codecs. Instances can be pickled.

    Attributes:
        padding: Padding value by the name of the array; 0 for others.
    """

    padding: Mapping[str, float] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give a class that overrides ``fit`` no inherited ``count``, which is that of another."""
        super().__init_subclass__(**kwargs)
        if "fit" in vars(cls) and "count" not in vars(cls):
            cls.count = Codec.count  # type: ignore[method-assign]

    @abstractmethod
    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the state learned from the training examples: plain types and bytes.

        Raises:
            ExampleError: If the field of an example is missing or invalid.
            ExamplesError: If examples are unlike the others; names all of them.
        """

    def count(self, examples: Iterable[Example]) -> Any:
        """Return what ``fit_counted`` needs to know about a part of the training examples.

        With large data, forked processes count one part each. The result must be picklable and have
        a method ``update`` that adds the result of the next part, like that of
        `collections.Counter`. A codec that overrides this and ``fit_counted`` has the ``fit`` ::

            def fit(self, examples):
                return self.fit_counted(self.count(examples), examples)

        By default, nothing is counted, and ``fit`` goes through all examples.

        Raises:
            ExampleError: As ``fit``.
        """
        return None

    def fit_counted(self, counts: Any, examples: Sequence[Example]) -> dict[str, Any]:
        """Return what ``fit`` returns.

        Args:
            counts: What ``count`` returns for all examples.
            examples: All examples; iterating over them takes time, so do it only to name them in
                errors.

        Raises:
            ExampleError: As ``fit``.
            ExamplesError: As ``fit``.
        """
        return self.fit(examples)

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a state that ``fit`` returned, possibly in an earlier version."""

    @abstractmethod
    def encode(self, example: Example) -> Arrays:
        """Return the example as arrays, always the same, so that they can be cached.

        Raises:
            ExampleError: If the example cannot be encoded.
        """


class FrontendCodec(Codec):
    """Codec of a frontend: encodes the inputs.

    Attributes:
        cell_names: Names of what ``cells`` returns; none by default.
    """

    cell_names: tuple[str, ...] = ()

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return the fields of an example for ``pipeline(value)``, or None if it cannot be read.

        By default, a text or a list of tokens is accepted.
        """
        if isinstance(value, str):
            return {"text": value}
        return {"tokens": list(value)} if isinstance(value, list | tuple) else None

    def prepare(self, example: Example) -> Example:
        """Return the example with derived fields, such as the tokens of a text.

        Called once for every example before ``fit`` and ``encode``. It must be idempotent.

        Raises:
            ExampleError: If the example does not have a field to read.
        """
        return example

    def read_initial(self) -> None:
        """Read data for the initial weights that the state lacks, such as pretrained vectors.

        Called after ``restore`` when a new training starts from a stored state, as on each of
        several ranks, but never for a trained model. ``fit`` must read the same data.
        """

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        """Return an augmented copy of the arrays for one epoch of training.

        ``rng`` depends on the run's seed, the epoch and the example's id, and must not be used
        after the call. ``arrays`` itself must not be changed. The number of frames may change; if a
        head's ``check`` then rejects the target, the example is used without augmentation.
        """
        return arrays

    @abstractmethod
    def cost(self, arrays: Arrays) -> int:
        """Return the size of the arrays in the unit of ``batch.max_cost`` (tokens, pixels)."""

    @abstractmethod
    def frames(self, arrays: Arrays) -> int:
        """Return the number of steps that the frontend returns for the arrays."""

    def steps(self, example: Example) -> Sequence[str]:
        """Return the text of each step that the frontend returns for a (prepared) example.

        Heads name steps by them, such as the two ends of a word alignment. There are as many as
        ``frames`` returns; none by default, if steps are not texts.
        """
        return ()

    def describe(self, example: Example, prediction: Prediction) -> Prediction:
        """Return the prediction with data of the input, such as when a word was said.

        Called after `HeadCodec.describe`. By default the prediction stays as it is.

        Args:
            example: (Prepared) example.
            prediction: Prediction that the codec of the head described.
        """
        return prediction

    def cells(self, example: Example, prediction: Prediction) -> list[str]:
        """Return cells about the input for tables of (described) predictions, such as times.

        TSV and CSV have them in columns after those of the head; text output has those that are not
        empty before the prediction.
        """
        return [""] * len(self.cell_names)

    def content(self, example: Example, arrays: Arrays) -> Any:
        """Return a value that is equal for examples with the same input, or None.

        Examples of two splits with equal values are reported as an overlap. Override it if the same
        input can be read as different values, such as two scans of a page.

        Args:
            example: (Prepared) example.
            arrays: Its arrays.

        Returns:
            Plain types, bytes or an array. None: the fields that the frontend takes are compared
            or, if these are not plain types, the arrays.
        """
        return None

    def show(self, example: Example) -> View:
        """Return markup of a (prepared) example's input, for the report.

        By default, this is its text or tokens, or its id if it has neither.
        """
        text, tokens = example.fields.get("text"), example.fields.get("tokens")
        if not isinstance(text, str) and isinstance(tokens, list | tuple):
            text = " ".join(map(str, tokens))
        return View(f"<div>{html.escape(text if isinstance(text, str) else example.id)}</div>")


class HeadCodec(Codec):
    """Codec of a head: encodes the targets and describes the predictions.

    Attributes:
        column_names: Names of the columns that ``columns`` returns.
        row_per_token: Whether ``columns`` returns one row per token, as CoNLL output needs.
        unseen: Classes found by `encode_truth` that no training example has.
        given_fields: Kinds of the fields that ``given`` reads, by field. ``seqloom predict`` reads
            them from tables that have such columns, although the model was trained without.
    """

    column_names: tuple[str, ...] = ("prediction",)
    row_per_token: bool = False
    unseen: Sequence[str] = ()
    given_fields: Mapping[str, str] = {}

    def merge(self, state: Mapping[str, Any], examples: Sequence[Example]) -> dict[str, Any]:
        """Return the state of a trained model extended by the classes of the examples.

        Raises:
            ConfigError: If this codec cannot merge classes.
        """
        raise ConfigError(
            f"{type(self).__name__} cannot merge two sets of classes. Set init_classes=keep or "
            "init_classes=replace."
        )

    def cost(self, arrays: Arrays) -> int:
        """Return the size of the target in the unit of ``batch.max_cost``; 0 by default.

        The cost of an example is that of the larger of its input and its targets, so override this
        if a target may be longer than its input.
        """
        return 0

    def terms(self, arrays: Arrays) -> int:
        """Return the number of terms of the target's loss that count equally in training; 1.

        Override it if `Head.loss` sums over the units of a target, such as the words of a
        translation, and divides by their mean number in the training targets. A step is then the
        mean over the units of its batches, over any number of ranks; otherwise, it is the mean over
        their examples, and units count less in batches of many short texts.
        """
        return 1

    def given(self, example: Example) -> Arrays:
        """Return what the head may know of the target when it predicts, such as a forced prefix.

        Called for examples with and without a target; `Head.decode` gets the arrays of a batch as
        its argument ``given``. All examples have the same names; a value that is not known for an
        example is a sequence of length 0. By default nothing is known.

        Raises:
            ExampleError: If the field with it is invalid.
        """
        return {}

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        """Return an augmented copy of the target's arrays for one epoch of training.

        ``rng`` is the one of `FrontendCodec.augment`, after its call. ``arrays`` itself must not be
        changed. If ``check`` rejects the copy, the example is used without augmentation.
        """
        return arrays

    def encode_truth(self, example: Example) -> Arrays:
        """Return the target that an evaluation compares predictions with.

        Called instead of ``encode`` for examples whose target the model cannot predict, since it
        has a class that no training example has. A codec that numbers such classes after its own,
        and keeps their names in ``unseen``, makes them count as misses; `Head.undefined` and the
        metric must know them. By default they are rejected.

        Raises:
            ExampleError: If the target cannot be encoded.
        """
        return self.encode(example)

    def baselines(
        self, train: Sequence[Example], examples: Sequence[Example]
    ) -> Mapping[str, Sequence[Prediction]]:
        """Return the predictions of simple models, which show what the network adds.

        Called with a restored codec if ``baseline=true``. None by default.

        Args:
            train: Training examples, to fit the models on.
            examples: Examples to predict.

        Returns:
            For each model, by its name, as many predictions as there are examples, in the form of
            `Head.decode` without scores: its metric compares them with the targets.
        """
        return {}

    def check(self, example: Example, arrays: Arrays, frames: int) -> None:
        """Check that the target can be predicted from this number of frames.

        Raises:
            ExampleError: If it cannot; the message has the numbers.
        """
        return

    def describe(self, example: Example, prediction: Prediction) -> Prediction:
        """Return the prediction with data of the example, such as texts and character offsets.

        A codec that names steps of the input accepts ``steps: Sequence[str] = ()`` as well, the
        text of each one; it is empty if steps are not texts. See `FrontendCodec.steps`.
        """
        return prediction

    def target(self, example: Example) -> list[str] | None:
        """Return the example's own target in the terms of ``columns``; None if it has none.

        It is a text for each row if ``row_per_token``, otherwise one or more labels. By default it
        is the field that the attribute ``field`` names, if that is a text or a list of texts.

        Raises:
            ExampleError: If the target is invalid.
        """
        value = example.fields.get(getattr(self, "field", ""))
        found = [value] if isinstance(value, str) else value
        is_text = isinstance(found, list | tuple) and all(isinstance(one, str) for one in found)
        return list(found) if found is not None and is_text else None

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return the (described) prediction as rows of text, for TSV and CoNLL output."""
        return [[json.dumps(prediction, ensure_ascii=False)]]

    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        """Return HTML of the (described) prediction under its input, with all text escaped.

        Args:
            example: Example, with its target if known.
            prediction: Prediction for the example.
            view: View of the input, from the codec of the frontend.
        """
        text = html.escape(json.dumps(prediction, ensure_ascii=False))
        return f"{view.html}<div>{text}</div>"
