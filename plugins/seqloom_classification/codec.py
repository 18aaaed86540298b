"""From labels to class numbers, and from predictions to tables and markup."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from seqloom.checks import warn_of_similar_names
from seqloom.errors import Cause, ConfigError, DataError, ExampleError, did_you_mean, plural
from seqloom.interfaces import Arrays, Example, HeadCodec, Prediction, View
from seqloom_classification import Classification
from seqloom_classification.baselines import MAJORITY, TFIDF, majority, tf_idf

log = logging.getLogger("seqloom")

MISSING = ("nan", "NaN", "NAN", "null", "NULL", "None", "<NA>", "N/A", "#N/A")
"""How programs write a value that is missing."""
MANY = 20
"""Number of examples from which classes that occur once are taken for ids, if most are."""


class ClassificationCodec(HeadCodec):
    """Numbers the classes of the training data, in alphabetical order.

    The array ``target`` is the number of the class, () int64; with sets of labels, 1 for each class
    in the set, (C,) float32.

    Attributes:
        classes: C names.
        weights: Factor of each class in the loss.
        unseen: Classes of evaluated examples that no training example has.
    """

    column_names = ("label", "confidence", "text")

    def __init__(self, options: Classification) -> None:
        if options.balanced and options.class_weights:
            raise ConfigError(
                "head.balanced=true and head.class_weights both set the weights of the classes. "
                "Remove one of them."
            )
        self.field = options.field
        self.multi_label = options.multi_label
        self.balanced = options.balanced
        self.named = dict(options.class_weights)
        self.classes: list[str] = []
        self.weights: list[float] = []
        self.unseen: list[str] = []

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the classes with their counts and weights.

        Raises:
            ExampleError: An example has no label, or one of a wrong type.
            DataError: The examples have too few classes.
            ConfigError: ``class_weights`` names a class that does not occur.
        """
        return self.fit_counted(self.count(examples), examples)

    def count(self, examples: Iterable[Example]) -> Counter[str]:
        """Return how many examples have each label; see `Codec.count`."""
        return Counter(name for example in examples for name in self.labels(example))

    def fit_counted(self, counts: Counter[str], examples: Sequence[Example]) -> dict[str, Any]:
        """Return what ``fit`` returns; see `Codec.fit_counted`."""
        self._check_classes(counts, len(examples))
        counts = Counter({name: counts[name] for name in sorted(counts)})
        warn_of_similar_names("head=classification: the classes", counts)
        self._warn_of_ids(counts, len(examples))
        _warn_of_missing(counts)
        weights = (
            balanced_weights(counts, len(examples), self.multi_label)
            if self.balanced
            else named_weights(list(counts), self.named)
        )
        return {"classes": list(counts), "counts": list(counts.values()), "weights": weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load the classes and weights."""
        self.classes = list(state["classes"])
        self.weights = list(state["weights"])
        self._number = {name: i for i, name in enumerate(self.classes)}

    def encode(self, example: Example) -> Arrays:
        """Return the example's ``target``.

        Raises:
            ExampleError: There is no label, or one that the training data does not have.
        """
        numbers = [self._look_up(name, example) for name in self.labels(example)]
        if not self.multi_label:
            return {"target": np.array(numbers[0], dtype=np.int64)}
        target = np.zeros(len(self.classes), dtype=np.float32)
        target[numbers] = 1.0
        return {"target": target}

    def encode_truth(self, example: Example) -> Arrays:
        """Return the example's ``target``; unseen classes are numbered after the others.

        With sets of labels the array is longer than C if there are such classes.

        Raises:
            ExampleError: There is no label, or one of a wrong type.
        """
        names = self.labels(example)
        known = {*self.classes, *self.unseen}
        self.unseen += [name for name in names if name not in known]
        classes = self.classes_of_truth
        numbers = [classes.index(name) for name in names]
        if not self.multi_label:
            return {"target": np.array(numbers[0], dtype=np.int64)}
        target = np.zeros(len(classes), dtype=np.float32)
        target[numbers] = 1.0
        return {"target": target}

    @property
    def classes_of_truth(self) -> list[str]:
        """The names of the numbers in evaluated examples: the classes, then the unseen ones."""
        return [*self.classes, *self.unseen]

    def labels(self, example: Example) -> list[str]:
        """Return the example's labels without repetition; exactly one if not ``multi_label``.

        Raises:
            ExampleError: There is no label, or one of a wrong type.
        """
        value = example.fields.get(self.field)
        if value is None:
            there = ", ".join(sorted(example.fields)) or "none"
            raise ExampleError(
                example,
                f"the field {self.field!r}, which head=classification predicts, is missing; the "
                f"example's fields are: {there}. Add it, or choose one with head.field=NAME.",
                cause=Cause.no_field,
            )
        if not self.multi_label and isinstance(value, str):
            return [value]
        several = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
        if self.multi_label and several:
            return list(dict.fromkeys(value))
        raise ExampleError(example, self._wrong_form(value, several))

    def baselines(
        self, train: Sequence[Example], examples: Sequence[Example]
    ) -> dict[str, list[Prediction]]:
        """Return the most frequent class and, for texts, TF-IDF with logistic regression.

        The latter needs scikit-learn, and one label for each example.
        """
        labels = [self.labels(example) for example in train]
        most = majority(labels, self.multi_label)
        found = {MAJORITY: [most] * len(examples)}
        by_words = None if self.multi_label else tf_idf(train, labels, examples)
        return {**found, TFIDF: by_words} if by_words else found

    def target(self, example: Example) -> list[str] | None:
        """Return the example's own labels.

        Raises:
            ExampleError: They have a wrong type.
        """
        return self.labels(example) if example.fields.get(self.field) is not None else None

    def describe(self, example: Example, prediction: Prediction) -> Prediction:
        """Return the prediction with the text that was read, or else the tokens, if there are."""
        for name in ("text", "tokens"):
            if example.fields.get(name) is not None:
                return {**prediction, name: example.fields[name]}
        return prediction

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return one row: label, confidence, and text; sets of labels are joined with ``|``."""
        text = _text(example)
        if not self.multi_label:
            confidence = prediction.get("confidence")
            return [[prediction["label"], "" if confidence is None else f"{confidence:.4f}", text]]
        labels, by_class = prediction["labels"], prediction.get("probabilities")
        confidences = [f"{by_class[name]:.4f}" for name in labels] if by_class else []
        return [["|".join(labels), "|".join(confidences), text]]

    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        """Return HTML: what was read, the predicted label and, if it is known, the true one."""
        return render(view, prediction, example.fields.get(self.field))

    def _wrong_form(self, value: object, several: bool) -> str:
        found = f"the field {self.field!r} is {value!r} ({type(value).__name__})"
        if several:
            return f"{found}; expected one label. For sets of labels set head.multi_label=true."
        if isinstance(value, str):
            return (
                f"{found}; head.multi_label=true expects a list of labels. "
                "For one label set head.multi_label=false; where a cell may hold several, "
                f"data.kinds.{self.field}=labels."
            )
        expected = "a list of texts" if self.multi_label else "a text"
        return f"{found}; expected {expected}. Fix the data."

    def _look_up(self, name: str, example: Example) -> int:
        if name in self._number:
            return self._number[name]
        raise ExampleError(
            example,
            f"the label {name!r} is in no training example, so it cannot be predicted. "
            f"{did_you_mean(name, self.classes)}",
            cause=Cause.unseen_class,
        )

    def _warn_of_ids(self, counts: Mapping[str, int], examples: int) -> None:
        alone = [name for name, count in counts.items() if count == 1]
        if examples < MANY or 2 * len(alone) <= examples:
            return
        log.warning(
            "head=classification: %d of the %d training examples have a class of their own, such "
            "as %s, which cannot be learned. Does the field %r hold classes, not ids or texts? "
            "data.columns says which column it is read from.",
            len(alone),
            examples,
            repr(alone[0])[:80],
            self.field,
        )

    def _check_classes(self, found: Mapping[str, int], examples: int) -> None:
        if len(found) >= (1 if self.multi_label else 2):
            return
        have = plural(examples, "has", "all have" if found else "have")
        what = f"{have} the label {next(iter(found))!r}" if found else f"{have} no label"
        raise DataError(
            f"The {examples} training {plural(examples, 'example')} {what} in the field "
            f"{self.field!r}: there is nothing to learn. Check the data and head.field."
        )


def _warn_of_missing(counts: Mapping[str, int]) -> None:
    """Warn of classes that are called as programs call a value that is missing."""
    found = [f"{name!r} ({counts[name]})" for name in counts if name in MISSING]
    if found:
        log.warning(
            "head=classification: classes that may mean that a label is missing: %s. If they do, "
            "remove these examples.",
            ", ".join(found),
        )


def balanced_weights(counts: Mapping[str, int], examples: int, multi_label: bool) -> list[float]:
    """Return weights that give every class the same influence on the loss.

    For one label per example: N / (C · n) for each class (King and Zeng, 2001), so that the mean
    weight over the training examples is 1. For sets of labels: (N − n) / n, the ratio of examples
    without the label to those with it, and at least 1 / N.

    >>> balanced_weights({"ham": 3, "spam": 1}, 4, multi_label=False)
    [0.6666666666666666, 2.0]
    >>> balanced_weights({"rain": 1, "wind": 2}, 4, multi_label=True)
    [3.0, 1.0]
    """
    if multi_label:
        return [max(examples - n, 1) / n for n in counts.values()]
    return [examples / (len(counts) * n) for n in counts.values()]


def named_weights(classes: list[str], weights: Mapping[str, float]) -> list[float]:
    """Return the weight of each class, 1 where none is named.

    Raises:
        ConfigError: A weight is not positive, or its class is not in the training data.
    """
    for name, weight in weights.items():
        if name not in classes:
            raise ConfigError(
                f"head.class_weights names the class {name!r}, which is not in the training data. "
                f"{did_you_mean(name, classes)}",
                cause=Cause.unseen_class,
            )
        if not (math.isfinite(weight) and weight > 0):
            raise ConfigError(
                f"head.class_weights: the weight of {name!r} is {weight}; expected a positive "
                "number."
            )
    return [float(weights.get(name, 1.0)) for name in classes]


def render(view: View, prediction: Prediction, truth: Any = None) -> str:
    """Return HTML: what was read, and the predicted label beside the true one if they differ.

    The outer element has the class ``right`` or ``wrong``, or neither if the truth is not known.

    >>> render(View("<div>1 &lt; 2</div>"), {"label": "maths"}, "maths")  # doctest: +ELLIPSIS
    '<div class="classified right"><div>1 &lt; 2</div>...<b class="predicted">maths</b>...'
    """
    predicted = _names(prediction["labels"] if "labels" in prediction else prediction["label"])
    verdict = Markup('predicted <b class="predicted">{}</b>').format(", ".join(predicted) or "none")
    if (confidence := prediction.get("confidence")) is not None:
        verdict += Markup(' <span class="confidence">{:.1f} %</span>').format(100 * confidence)
    kind = ""
    if truth is not None:
        right = set(_names(truth)) == set(predicted)
        kind = " right" if right else " wrong"
        if not right:
            names = ", ".join(_names(truth)) or "none"
            verdict += Markup(', truth <b class="truth">{}</b>').format(names)
    page = Markup('<div class="classified{}">{}<p class="verdict">{}</p></div>')
    return str(page.format(kind, Markup(view.html), verdict))


def _text(example: Example) -> str:
    """Return the text of an example, or its tokens; empty if it has neither."""
    text, tokens = example.fields.get("text"), example.fields.get("tokens")
    if isinstance(text, str):
        return text
    return " ".join(map(str, tokens)) if isinstance(tokens, list | tuple) else ""


def _names(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str) else [str(name) for name in value]
