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
    """Parameters of ``head=classification``.

    Attributes:
        field: the field of the examples that is predicted.
        multi_label: True if the field is a list of any number of labels.
        pooling: how the states become one vector: the encoder's own summary, the mean or the
            greatest of the states, or their average under learned attention.
        dropout: on the pooled vector, in training.
        class_weights: factors of the loss by class, 1 where not named; with ``multi_label`` they
            multiply the loss of the examples that have the label.
        balanced: weigh each class by the inverse of its share in training instead.
        threshold: with ``multi_label``, the probability from which a label is predicted.
    """

    field: str = "label"
    multi_label: bool = False
    pooling: PoolingMethod = PoolingMethod.summary
    dropout: float = 0.0
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
        )
    ]
