"""The metrics of simple models on the same splits, which show what the network adds."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from seqloom.data.encoded import EncodedSplit
from seqloom.errors import PluginError
from seqloom.interfaces import Prediction
from seqloom.interfaces.metric import as_number
from seqloom.model.pipeline import Pipeline
from seqloom.train.data import RunData
from seqloom.train.scores import scores_line

log = logging.getLogger("seqloom")

BATCH = 64

Baselines = dict[str, dict[str, dict[str, float]]]
"""Metrics by the name of the model, the split and the metric."""


def evaluate_baselines(pipeline: Pipeline, data: RunData) -> Baselines:
    """Return the metrics of the head's baselines on validation and test; empty if it has none.

    Raises:
        PluginError: The head returns another number of predictions than there are examples.
    """
    codec = pipeline.codecs.heads[pipeline.head_name]
    train = data.splits["train"].examples(range(len(data.splits["train"])))
    found: Baselines = {}
    for split in ("val", "test"):
        encoded, start = data.splits[split], time.perf_counter()
        if not encoded:
            continue
        for name, predictions in codec.baselines(
            train, encoded.examples(range(len(encoded)))
        ).items():
            found.setdefault(name, {})[split] = _metrics(pipeline, encoded, name, predictions)
        if found:
            log.info("Baselines on %s: %.0f s", split, time.perf_counter() - start)
    if not found:
        log.info("baseline=true: %s has no baseline for this data.", type(codec).__name__)
    return found


def _metrics(
    pipeline: Pipeline, encoded: EncodedSplit, name: str, predictions: Sequence[Prediction]
) -> dict[str, float]:
    if len(predictions) != len(encoded):
        raise PluginError(
            f"The baseline {name!r} returns {len(predictions)} predictions for {len(encoded)} "
            "examples. Report this to the authors of the head."
        )
    metric = pipeline.head.metrics()
    for start in range(0, len(encoded), BATCH):
        batch = pipeline.collate(
            [encoded[i] for i in range(start, min(start + BATCH, len(encoded)))]
        )
        metric.update(predictions[start : start + BATCH], batch.targets[pipeline.head_name])
    return {key: as_number(value) for key, value in metric.compute().items()}


def lines(baselines: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    """Return a line for each split of each baseline, as the model's results are printed.

    >>> lines({"majority class": {"test": {"accuracy": 0.5}}})
    ['test  accuracy 0.5000  (majority class)']
    """
    return [
        f"{split:<5} {scores_line(values)}  ({name})"
        for name, splits in baselines.items()
        for split, values in splits.items()
    ]
