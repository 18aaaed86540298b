"""The head: pooling, a linear layer, and softmax or a sigmoid for each class."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn, tensor

from seqloom.checks import check_probability
from seqloom.errors import Cause, ConfigError
from seqloom.interfaces import Encoded, Head, Prediction, Targets
from seqloom.nn import Pooling, PoolingMethod
from seqloom_classification import Classification
from seqloom_classification.codec import ClassificationCodec

logger = logging.getLogger("seqloom")

if TYPE_CHECKING:
    from seqloom_classification.metrics import LabelMetrics, LabelSetMetrics


class ClassificationHead(Head):
    """Predicts one class for each sequence, or with ``multi_label`` any number of them.

    Args:
        codec: Restored codec.
        input_size: H of the encoder.
        features_size: D of the frontend.
        **params: Fields of `Classification`.

    Raises:
        ConfigError: ``dropout`` or ``threshold`` is out of range.
    """

    monitor = "accuracy"
    reads_features = True
    weights: Tensor

    def __init__(
        self, codec: ClassificationCodec, input_size: int, *, features_size: int, **params: Any
    ) -> None:
        super().__init__()
        options = Classification(**params)
        _check(options)
        if not options.multi_label and options.threshold != Classification.threshold:
            # Not an error: models are stored that were trained so.
            logger.warning(
                "head.threshold=%s changes nothing without head.multi_label=true: the label is the "
                "most probable class. Its probability is the prediction's confidence.",
                options.threshold,
            )
        self.codec = codec
        self.threshold = options.threshold
        self.label_smoothing = options.label_smoothing
        self.pooling = Pooling(str(options.pooling), input_size)
        self.dropout = nn.Dropout(options.dropout)
        self.linear = nn.Linear(self.pooling.output_size, len(codec.classes))
        self.direct = _Direct(features_size, len(codec.classes)) if options.direct else None
        self.register_buffer("weights", tensor(codec.weights), persistent=False)
        if codec.multi_label:
            self.monitor = "f1_micro"

    @classmethod
    def make_codec(cls, **params: Any) -> ClassificationCodec:
        """Return an unfitted codec."""
        return ClassificationCodec(Classification(**params))

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Tensor:
        """Return the scores before softmax or sigmoid, (B, C).

        With ``direct``, in training those of both classifiers, (B, 2, C), which are trained each
        on its own: if their scores were added, the one that overfits faster would leave nothing to
        learn to the other.
        """
        scores: Tensor = self.linear(self.dropout(self.pooling(encoded))).float()
        if self.direct is None:
            return scores
        both = torch.stack([scores, self.direct(encoded, self.dropout)], 1)
        return both if self.training else self._average(both)

    def loss(self, outputs: Tensor, targets: Targets) -> Tensor:
        """Return (B,) losses in nats.

        One label: the cross entropy times the weight of the true class (not divided by the weights
        of the batch, so that the losses of examples are independent), in training with smoothed
        labels; Szegedy et al. 2016, "Rethinking the Inception architecture", section 7. Sets of
        labels: the mean over classes of the binary cross entropy, where a weight multiplies the
        loss of positives. It is undefined for examples with a class that no training example has,
        see ``undefined``. The losses of two classifiers are added.
        """
        if outputs.dim() == 3:
            return self.loss(outputs[:, 0], targets) + self.loss(outputs[:, 1], targets)
        target, known = targets["target"], len(self.codec.classes)
        if not self.training:
            single = not self.codec.multi_label
            target = target.clamp(max=known - 1) if single else target[:, :known]
        if not self.codec.multi_label:
            smoothing = self.label_smoothing if self.training else 0.0
            return F.cross_entropy(
                outputs, target, self.weights, reduction="none", label_smoothing=smoothing
            )
        each = F.binary_cross_entropy_with_logits(
            outputs, target, pos_weight=self.weights, reduction="none"
        )
        return each.mean(dim=1)

    def undefined(self, targets: Targets) -> Tensor:
        """Return which examples have a class that no training example has, (B,)."""
        target, known = targets["target"], len(self.codec.classes)
        return target[:, known:].any(1) if self.codec.multi_label else target >= known

    def decode(
        self, outputs: Tensor, encoded: Encoded, *, scores: bool = True, **_: Any
    ) -> list[Prediction]:
        """Return ``label``, or ``labels`` by decreasing probability.

        With ``scores`` also the ``probabilities`` of all classes and, for one label, its
        ``confidence``.
        """
        decode = self._decode_sets if self.codec.multi_label else self._decode_single
        return decode(self._average(outputs) if outputs.dim() == 3 else outputs, scores)

    def _average(self, both: Tensor) -> Tensor:
        """Return the scores (B, C) of the geometric mean of two classifiers' (B, 2, C)."""
        return both.mean(1) if self.codec.multi_label else both.log_softmax(2).mean(1)

    def _decode_single(self, outputs: Tensor, scores: bool) -> list[Prediction]:
        classes = self.codec.classes
        best: list[int] = outputs.argmax(dim=1).tolist()
        if not scores:
            return [{"label": classes[i]} for i in best]
        rows: list[list[float]] = outputs.softmax(dim=1).tolist()
        return [
            {
                "label": classes[i],
                "confidence": row[i],
                "probabilities": dict(zip(classes, row, strict=True)),
            }
            for i, row in zip(best, rows, strict=True)
        ]

    def _decode_sets(self, outputs: Tensor, scores: bool) -> list[Prediction]:
        predictions: list[Prediction] = []
        for row in outputs.sigmoid().tolist():
            by_class: dict[str, float] = dict(zip(self.codec.classes, row, strict=True))
            chosen = [name for name, p in by_class.items() if p >= self.threshold]
            prediction: Prediction = {"labels": sorted(chosen, key=lambda c: -by_class[c])}
            predictions.append(prediction | ({"probabilities": by_class} if scores else {}))
        return predictions

    def metrics(self) -> LabelMetrics | LabelSetMetrics:
        """Return accuracy and macro F1; for sets of labels micro F1, macro F1 and exact match."""
        from seqloom_classification.metrics import LabelMetrics, LabelSetMetrics

        kind = LabelSetMetrics if self.codec.multi_label else LabelMetrics
        return kind(self.codec.classes_of_truth, len(self.codec.unseen))


class _Direct(nn.Module):
    """Scores of the classes from the mean and the maximum of the frontend's features."""

    def __init__(self, size: int, classes: int) -> None:
        super().__init__()
        self.pooling = Pooling(PoolingMethod.mean_max, size)
        self.linear = nn.Linear(self.pooling.output_size, classes)

    def forward(self, encoded: Encoded, dropout: nn.Module) -> Tensor:
        """Return (B, C)."""
        read = encoded.features
        pooled = self.pooling(Encoded(read.values, encoded.summary, read.lengths, read))
        scores: Tensor = self.linear(dropout(pooled))
        return scores.float()


def _check(options: Classification) -> None:
    check_probability("head.dropout", options.dropout)
    check_probability("head.label_smoothing", options.label_smoothing)
    if not 0 < options.threshold < 1:
        raise ConfigError(
            f"head.threshold={options.threshold}: expected a number in (0, 1).",
            cause=Cause.wrong_value,
        )
