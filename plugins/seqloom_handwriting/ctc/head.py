"""The CTC head: a text read from frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from seqloom.interfaces import Encoded, Example, Head, HeadMetric, Prediction, SequenceBatch
from seqloom.nn import LockedDropout, zero_padding
from seqloom_handwriting.ctc.codec import CtcCodec
from seqloom_handwriting.ctc.confidence import fit_calibration
from seqloom_handwriting.ctc.greedy import Reading, best_readings
from seqloom_handwriting.ctc.load_matching import load_matching
from seqloom_handwriting.ctc.loss import ctc_loss
from seqloom_handwriting.ctc.prediction import Evidence, evidence, peaks, prediction
from seqloom_handwriting.ctc.search import search
from seqloom_handwriting.schemas.heads import Ctc, Decoder


@dataclass(slots=True)
class Scores:
    """What the head gives for a batch.

    Attributes:
        logits: (B, T, C), class 0 is the blank; in float32.
        lengths: (B,) int64 on the CPU.
        shortcut: (B, T, C) of the features alone, in training with ``shortcut``.
    """

    logits: Tensor
    lengths: Tensor
    shortcut: Tensor | None = None


class CtcHead(Head):
    """Reads a text from the states of the frames.

    Args:
        codec: restored.
        input_size: H of the encoder.
        features_size: D of the frontend.
        **params: of `Ctc`.
    """

    monitor = "cer"
    higher_is_better = False
    column_names = ("text", "confidence")
    reads_features = True
    calibration: Tensor

    def __init__(
        self, codec: CtcCodec, input_size: int, *, features_size: int, **params: Any
    ) -> None:
        super().__init__()
        self.options = Ctc(**params)
        self.codec = codec
        size = 1 + len(codec.alphabet)
        self.dropout = LockedDropout(self.options.dropout)
        self.linear = nn.Linear(input_size, size)
        self.shortcut = (
            nn.Conv1d(features_size, size, 3, padding=1) if self.options.shortcut else None
        )
        self.register_buffer("calibration", torch.tensor([1.0, 0.0]))  # temperature, offset

    @classmethod
    def make_codec(cls, **params: Any) -> CtcCodec:
        """Return an unfitted codec."""
        return CtcCodec(Ctc(**params))

    def forward(self, encoded: Encoded, batch: SequenceBatch | None = None) -> Scores:
        """Return the scores of the frames."""
        states = self.dropout(zero_padding(encoded.states, encoded.lengths))
        scores = Scores(self.linear(states).float(), encoded.lengths)
        if self.training and self.shortcut is not None:
            values = zero_padding(encoded.features.values, encoded.lengths)
            scores.shortcut = self.shortcut(values.transpose(1, 2)).transpose(1, 2).float()
        return scores

    def loss(self, outputs: Scores, batch: SequenceBatch) -> Tensor:
        """Return (B,) losses in nats a character, so that long lines weigh no more than others."""
        targets, sizes = batch["target"], batch.lengths["target"]
        losses = ctc_loss(outputs.logits, outputs.lengths, targets, sizes)
        if outputs.shortcut is not None:
            other = ctc_loss(outputs.shortcut, outputs.lengths, targets, sizes)
            losses = losses + self.options.shortcut * other
        return losses / sizes.to(losses.device)

    @torch.no_grad()
    def decode(self, outputs: Scores, encoded: Encoded, scores: bool = True) -> list[Prediction]:
        """Return ``text``; with ``scores`` its ``confidence`` and its ``characters``.

        Each character has a calibrated ``confidence`` and its place, ``start`` and ``end``, as
        shares of the line's width. The line's confidence is their mean: the share of its characters
        that is expected to be right.
        """
        readings = self._readings(outputs, spans=scores)
        if not scores:
            return [{"text": self.codec.decode(one.labels)} for one in readings]
        temperature, offset = self.calibration.tolist()
        found = evidence(outputs.logits / temperature, outputs.lengths, readings, offset)
        return [
            prediction(self.codec, one, confidences, int(length))
            for one, confidences, length in zip(readings, found, outputs.lengths, strict=True)
        ]

    def _readings(self, outputs: Scores, *, spans: bool = True) -> list[Reading]:
        if self.options.decoder == Decoder.greedy:
            return best_readings(outputs.logits, outputs.lengths)
        log_probs = outputs.logits.log_softmax(-1).cpu().numpy()
        return [
            search(row[:length], self.codec, self.options, spans=spans)
            for row, length in zip(log_probs, outputs.lengths.tolist(), strict=True)
        ]

    @torch.no_grad()
    def calibrate(self, passes: Iterable[tuple[Any, Encoded, SequenceBatch]]) -> dict[str, float]:
        """Fit the confidences to characters that were read right and wrong."""
        found = Evidence()
        for outputs, _, batch in passes:
            readings = self._readings(outputs)
            found.add(peaks(outputs.logits, readings), readings, batch)
        fitted = fit_calibration(*found.arrays())
        self.calibration.copy_(torch.tensor(fitted))
        return fitted._asdict()

    def load_matching(self, trained: Head) -> None:
        """Take the weights of a trained head; a character keeps its own, a new one stays new."""
        load_matching(self, trained)

    def metrics(self) -> HeadMetric:
        """Return the character and word error rates, the share of lines without a mistake."""
        from seqloom_handwriting.ctc.metric import TextErrors

        return TextErrors(self.codec)

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return one row: the text and its confidence."""
        confidence = prediction.get("confidence")
        return [[prediction["text"], "" if confidence is None else f"{confidence:.4f}"]]

    def render(self, example: Example, prediction: Prediction) -> str:
        """Return the picture with the reading under it, mistakes marked."""
        from seqloom_handwriting.ctc.render import render

        return render(example, prediction, self.codec)
