"""What is said of a reading: its text, its confidences, and where each character stands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from seqloom.interfaces import Prediction, SequenceBatch
from seqloom_handwriting.ctc.codec import CtcCodec
from seqloom_handwriting.ctc.confidence import calibrated, correct_characters
from seqloom_handwriting.ctc.greedy import Reading


def peaks(logits: Tensor, readings: Sequence[Reading]) -> list[Tensor]:
    """Return for each reading the (N, C) logits of the frames where its N characters are surest.

    Args:
        logits: (B, T, C).
        readings: B of them.
    """
    return [
        _peaks(row.log_softmax(-1), row, reading)
        for row, reading in zip(logits, readings, strict=True)
    ]


def _peaks(log_probs: Tensor, logits: Tensor, reading: Reading) -> Tensor:
    pairs = zip(reading.labels, reading.spans, strict=True)
    frames = [start + int(log_probs[start:end, label].argmax()) for label, (start, end) in pairs]
    return logits[frames]


def evidence(
    logits: Tensor, lengths: Tensor, readings: Sequence[Reading], offset: float
) -> list[list[float]]:
    """Return for each reading the confidence of each character; of an empty one that of blanks.

    Args:
        logits: (B, T, C), divided by the temperature.
        lengths: (B,) numbers of frames.
        readings: B of them.
        offset: of the confidences' logits.
    """
    found = []
    for row, length, reading in zip(logits, lengths.tolist(), readings, strict=True):
        probabilities = row[:length].softmax(-1)
        spans = zip(reading.labels, reading.spans, strict=True)
        confidences = [
            calibrated(float(probabilities[start:end, label].max()), offset)
            for label, (start, end) in spans
        ]
        found.append(confidences or [float(probabilities[:, 0].mean())])
    return found


def prediction(
    codec: CtcCodec, reading: Reading, confidences: Sequence[float], frames: int
) -> Prediction:
    """Return a reading as plain data."""
    text = codec.decode(reading.labels)
    return {
        "text": text,
        "confidence": float(np.mean(confidences)),
        "characters": [
            {
                "character": character,
                "confidence": confidence,
                "start": round(start / frames, 5),
                "end": round(end / frames, 5),
            }
            for character, confidence, (start, end) in zip(
                text, confidences[: len(text)], reading.spans, strict=True
            )
        ],
    }


class Evidence:
    """Collects, for every character that was read, its scores and whether it is right."""

    def __init__(self) -> None:
        self._logits: list[Tensor] = []
        self._classes: list[int] = []
        self._correct: list[bool] = []

    def add(
        self, logits: Sequence[Tensor], readings: Sequence[Reading], batch: SequenceBatch
    ) -> None:
        """Add a batch of readings with the (N, C) logits of each."""
        targets = batch["target"].tolist()
        sizes = batch.lengths["target"].tolist()
        for rows, reading, target, size in zip(logits, readings, targets, sizes, strict=True):
            self._logits.append(rows.cpu())
            self._classes += reading.labels
            self._correct += correct_characters(reading.labels, target[:size])

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return logits (N, C), classes (N,) and correctness (N,)."""
        logits = torch.cat(self._logits).numpy() if self._logits else np.zeros((0, 1))
        return logits, np.array(self._classes, np.int64), np.array(self._correct, bool)
