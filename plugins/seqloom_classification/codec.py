"""From labels to class numbers, and from predictions to tables and markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.errors import ConfigError, DataError, ExampleError, did_you_mean
from seqloom.interfaces import Arrays, Example, HeadCodec, Prediction, View
from seqloom_classification import Classification
from seqloom_classification.render import render
from seqloom_classification.weights import balanced_weights, named_weights


class ClassificationCodec(HeadCodec):
    """Knows the classes of the training data, in alphabetical order.

    The array ``target`` is the class's number, () int64; with several labels an example, 1 for each
    class that it has, (C,) float32.

    Attributes:
        classes: the C names.
        weights: the factor of each class in the loss.
    """

    column_names = ("label", "confidence")

    def __init__(self, options: Classification) -> None:
        if options.balanced and options.class_weights:
            raise ConfigError(
                "head.balanced=true and head.class_weights both set the weights of the classes; "
                "leave one of them out."
            )
        self.field = options.field
        self.multi_label = options.multi_label
        self.balanced = options.balanced
        self.named = dict(options.class_weights)
        self.classes: list[str] = []
        self.weights: list[float] = []

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the classes with their counts and weights.

        Raises:
            ExampleError: an example has no label, or one of the wrong form.
            DataError: the examples have too few classes to tell apart.
            ConfigError: a weight is named for a class that does not occur.
        """
        found = Counter(name for example in examples for name in self.labels(example))
        self._check_classes(found, len(examples))
        counts = {name: found[name] for name in sorted(found)}
        weights = (
            balanced_weights(counts, len(examples), self.multi_label)
            if self.balanced
            else named_weights(list(counts), self.named)
        )
        return {"classes": list(counts), "counts": list(counts.values()), "weights": weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the classes and weights."""
        self.classes = list(state["classes"])
        self.weights = list(state["weights"])
        self._number = {name: i for i, name in enumerate(self.classes)}

    def encode(self, example: Example) -> Arrays:
        """Return the example's ``target``.

        Raises:
            ExampleError: there is no label, or one that the training data does not have.
        """
        numbers = [self._look_up(name, example) for name in self.labels(example)]
        if not self.multi_label:
            return {"target": np.array(numbers[0], dtype=np.int64)}
        target = np.zeros(len(self.classes), dtype=np.float32)
        target[numbers] = 1.0
        return {"target": target}

    def labels(self, example: Example) -> list[str]:
        """Return the example's labels without repetition; exactly one if not ``multi_label``.

        Raises:
            ExampleError: there is no label, or one of the wrong form.
        """
        value = example.fields.get(self.field)
        if value is None:
            there = ", ".join(sorted(example.fields)) or "none"
            raise ExampleError(
                example,
                f"the field {self.field!r} is missing, and head=classification is to learn it; "
                f"the example's fields are: {there}. Add it, or choose one with head.field=NAME.",
            )
        if not self.multi_label and isinstance(value, str):
            return [value]
        several = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
        if self.multi_label and several:
            return list(dict.fromkeys(value))
        raise ExampleError(example, self._wrong_form(value, several))

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return one row, label and confidence; sets of labels are joined with ``|``."""
        if not self.multi_label:
            confidence = prediction.get("confidence")
            return [[prediction["label"], "" if confidence is None else f"{confidence:.4f}"]]
        labels, by_class = prediction["labels"], prediction.get("probabilities")
        confidences = [f"{by_class[name]:.4f}" for name in labels] if by_class else []
        return [["|".join(labels), "|".join(confidences)]]

    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        """Return what was read, and the predicted and, if it is known, the true label as HTML."""
        return render(view, prediction, example.fields.get(self.field))

    def _wrong_form(self, value: object, several: bool) -> str:
        came = f"the field {self.field!r} is {value!r} ({type(value).__name__})"
        if several:
            return f"{came}, but one label was expected; for sets of labels: head.multi_label=true."
        if isinstance(value, str):
            return (
                f"{came}, but head.multi_label=true expects a list of labels; "
                "for one label an example: head.multi_label=false."
            )
        expected = "a list of texts" if self.multi_label else "a text"
        return f"{came}, but a label is {expected}; correct it in the data."

    def _look_up(self, name: str, example: Example) -> int:
        if name in self._number:
            return self._number[name]
        raise ExampleError(
            example,
            f"the label {name!r} is in no training example, so it cannot be predicted. "
            f"{did_you_mean(name, self.classes)}",
        )

    def _check_classes(self, found: Mapping[str, int], examples: int) -> None:
        if len(found) >= (1 if self.multi_label else 2):
            return
        what = f"all have the label {next(iter(found))!r}" if found else "have no label at all"
        raise DataError(
            f"The {examples} training examples {what} in the field {self.field!r}: there is "
            "nothing to tell apart. Check data and head.field."
        )
