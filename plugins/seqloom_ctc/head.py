"""The CTC head: a text read from frames."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from seqloom.errors import ConfigError
from seqloom.interfaces import Encoded, Head, Prediction, Targets
from seqloom.nn import LockedDropout, zero_padding
from seqloom_ctc.beam import language_of, search
from seqloom_ctc.codec import CtcCodec
from seqloom_ctc.confidence import (
    Evidence,
    evidence,
    fit_calibration,
    fit_exponent,
    log_probabilities,
    peaks,
)
from seqloom_ctc.paths import Reading, best_readings, ctc_loss
from seqloom_ctc.schema import Ctc, Decoder
from seqloom_ctc.units import Subwords

if TYPE_CHECKING:
    from seqloom_ctc.metric import TextErrors


KEYS = "characters", "character"
"""Where a prediction has its characters, and where each of them has its text."""


@dataclass(slots=True)
class Scores:
    """The head's outputs for a batch.

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
        codec: Codec with its state.
        input_size: H of the encoder.
        features_size: D of the frontend.
        **params: Parameters of `Ctc`.
    """

    monitor = "cer"
    reads_features = True
    calibration: Tensor
    exponent: Tensor

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
        self.register_buffer("exponent", torch.tensor(1.0))  # of the probability of a whole text

    @classmethod
    def make_codec(cls, **params: Any) -> CtcCodec:
        """Return an unfitted codec."""
        return CtcCodec(Ctc(**params))

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Scores:
        """Return the scores of the frames."""
        states = self.dropout(zero_padding(encoded.states, encoded.lengths))
        scores = Scores(self.linear(states).float(), encoded.lengths)
        if self.training and self.shortcut is not None:
            values = zero_padding(encoded.features.values, encoded.lengths)
            scores.shortcut = self.shortcut(values.transpose(1, 2)).transpose(1, 2).float()
        return scores

    def loss(self, outputs: Scores, targets: Targets) -> Tensor:
        """Return (B,) losses in nats a character, so that long lines weigh no more than others.

        They are undefined for texts with unseen characters, see ``undefined``.
        """
        classes, sizes = targets["target"], targets.lengths["target"]
        if not self.training:
            classes = classes.where(classes <= len(self.codec.alphabet), 1)
        losses = ctc_loss(outputs.logits, outputs.lengths, classes, sizes)
        if outputs.shortcut is not None:
            other = ctc_loss(outputs.shortcut, outputs.lengths, classes, sizes)
            losses = losses + self.options.shortcut * other
        return losses / sizes.to(losses.device)

    def undefined(self, targets: Targets) -> Tensor:
        """Return which texts have a character that no training text has, (B,)."""
        return (targets["target"] > len(self.codec.alphabet)).any(1)

    @torch.no_grad()
    def decode(
        self, outputs: Scores, encoded: Encoded, *, scores: bool = True, **_: Any
    ) -> list[Prediction]:
        """Return ``text``; with ``scores`` its ``confidence`` and its ``characters`` or ``pieces``.

        Each character, or subword, has a calibrated ``confidence`` and its place, ``start`` and
        ``end``, as shares of the frames. The line's confidence is the calibrated probability that
        the whole text is right, with no character missing or too much.
        """
        readings = self._readings(outputs, spans=scores)
        if not scores:
            return [{"text": self.codec.decode(one.labels)} for one in readings]
        temperature, offset = self.calibration.tolist()
        found = evidence(outputs.logits / temperature, outputs.lengths, readings, offset)
        logs = log_probabilities(outputs.logits, outputs.lengths, readings)
        power = float(self.exponent)
        return [
            _prediction(self.codec, one, confidences, math.exp(power * log), int(length))
            for one, confidences, log, length in zip(
                readings, found, logs, outputs.lengths, strict=True
            )
        ]

    def _readings(self, outputs: Scores, *, spans: bool = True) -> list[Reading]:
        if self.options.decoder == Decoder.greedy:
            return best_readings(outputs.logits, outputs.lengths)
        log_probs = outputs.logits.log_softmax(-1).cpu().numpy()
        language = language_of(self.codec, self.options)
        return [
            search(row[:length], self.codec, self.options, spans=spans, language=language)
            for row, length in zip(log_probs, outputs.lengths.tolist(), strict=True)
        ]

    @torch.no_grad()
    def calibrate(self, passes: Iterable[tuple[Any, Encoded, Targets]]) -> dict[str, float]:
        """Fit the confidences to characters and texts that were read right and wrong."""
        found = Evidence(self.codec.spelled)
        for outputs, _, targets in passes:
            readings = self._readings(outputs)
            found.add(peaks(outputs.logits, readings), readings, targets)
            logs = log_probabilities(outputs.logits, outputs.lengths, readings)
            found.add_texts(logs, readings, targets)
        fitted = fit_calibration(*found.arrays())
        self.calibration.copy_(torch.tensor(fitted))
        self.exponent.fill_(fit_exponent(found.texts))
        return {**fitted._asdict(), "exponent": float(self.exponent)}

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any, **keywords: Any
    ) -> None:
        """Load the weights; those of models before 0.2.0 have no exponent."""
        state_dict.setdefault(f"{prefix}exponent", torch.tensor(1.0))
        super()._load_from_state_dict(state_dict, prefix, *arguments, **keywords)

    def load_matching(self, trained: Head) -> None:
        """Take the weights of a trained head; a character keeps its own, a new one stays new."""
        _load_matching(self, trained)

    def metrics(self) -> TextErrors:
        """Return the character and word error rates, the share of lines without a mistake."""
        from seqloom_ctc.metric import TextErrors  # torchmetrics takes a second

        return TextErrors(self.codec)


def _prediction(
    codec: CtcCodec,
    reading: Reading,
    confidences: Sequence[float],
    confidence: float,
    frames: int,
) -> Prediction:
    """Return a reading as plain data."""
    key, one = ("pieces", "text") if isinstance(codec.units, Subwords) else KEYS
    units = codec.spelled(reading.labels)
    return {
        "text": codec.units.text(units),
        "confidence": confidence,
        key: [
            {
                one: unit,
                "confidence": sure,
                "start": round(start / frames, 5),
                "end": round(end / frames, 5),
            }
            for unit, sure, (start, end) in zip(units, confidences, reading.spans, strict=True)
        ],
    }


@torch.no_grad()
def _load_matching(head: CtcHead, trained: Head) -> None:
    """Copy the blank's weights and those of each character that both alphabets have.

    Raises:
        ConfigError: The heads are of different kinds, or read states of different sizes.
    """
    if not isinstance(trained, type(head)):
        raise ConfigError(
            f"The model's head is {type(trained).__name__}, not {type(head).__name__}."
        )
    rows = _rows(head.codec.alphabet, trained.codec.alphabet)
    mine, theirs = dict(head.named_parameters()), dict(trained.named_parameters())
    for name in mine.keys() & theirs.keys():
        if mine[name].shape[1:] != theirs[name].shape[1:]:
            raise ConfigError(
                f"head.{name} has the shape {tuple(mine[name].shape)}, in the model "
                f"{tuple(theirs[name].shape)}: encoder and frontend must be those of the model."
            )
        mine[name][rows[0]] = theirs[name][rows[1]]
    head.calibration.copy_(trained.calibration)
    head.exponent.copy_(trained.exponent)


def _rows(mine: list[str], theirs: list[str]) -> tuple[Tensor, Tensor]:
    """Return the classes of the blank and of the common characters, here and there."""
    there = {character: i for i, character in enumerate(theirs, 1)}
    common = [(i, there[c]) for i, c in enumerate(mine, 1) if c in there]
    here, others = zip((0, 0), *common, strict=True)
    return torch.tensor(here), torch.tensor(others)
