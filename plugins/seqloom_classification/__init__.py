"""The plugin of sequence classification: one label, or a set of labels, for a whole sequence.

This module is the entry point: it is imported at every start and loads neither torch nor Lightning.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from seqloom.nn import PoolingMethod
from seqloom.plugins import Component, hookimpl


@dataclasses.dataclass
class Classification:
    """Parameters of ``head=classification``: a label, or a set of labels, for a sequence.

    Attributes:
        field: Field of the examples that is predicted.
        multi_label: Whether the field is a list of any number of labels.
        pooling: How the states become one vector: the encoder's summary, the mean or maximum of
            the states, or their average under learned attention.
        direct: Whether a second classifier reads the mean and the maximum of the frontend's
            features, without the encoder. Both are trained, and the prediction is their geometric
            mean. This helps on few examples, on which the encoder overfits more than single words
            do. Since 0.2.
        dropout: Probability of zeroing a value of the pooled vector.
        label_smoothing: In training, the probability that is spread evenly over all classes instead
            of the true one, so that the model is less confident; not with ``multi_label``. Since
            0.2.
        class_weights: Factors of the loss by class, 1 by default; with ``multi_label`` they
            multiply the loss of the examples that have the label. Names that are numbers, or have
            characters other than letters, need quotes, ``{"1.0": 3}``. Example: ``{spam: 3}``.
        balanced: Whether to weight each class by the inverse of its frequency in training instead.
        threshold: With ``multi_label``, the minimum probability of a predicted label; otherwise it
            has no effect.
    """

    field: str = "label"
    multi_label: bool = False
    pooling: PoolingMethod = PoolingMethod.mean_max
    direct: bool = True
    dropout: float = 0.5
    label_smoothing: float = 0.1
    class_weights: dict[str, float] = dataclasses.field(default_factory=dict)
    balanced: bool = False
    threshold: float = 0.5


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the head ``classification``."""
    return [
        Component(
            kind="head",
            name="classification",
            schema=Classification,
            target="seqloom_classification.head:ClassificationHead",
            takes={"field": ("label", "labels")},
            files=(),
            suggests={
                "frontend=words": {"dropout": 0.4, "subwords": True},
                "budget": {"min_steps": 1500},
            },
            older_defaults={"direct": False, "label_smoothing": 0.0},
        )
    ]
