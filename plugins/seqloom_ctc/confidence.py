"""How sure a reading is: evidence from the frames, calibration, and the calibration error."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from torch import Tensor

from seqloom.interfaces import Targets
from seqloom_ctc.paths import Reading, ctc_loss

Array = NDArray[np.float64]

COLDEST, HOTTEST = 0.05, 20.0
"""Between these a temperature is sought."""

RIVALS = 64
"""So many of the other classes count; those behind them add nothing that can be seen."""

SURE = 1e-6
"""Texts are at most so sure, in nats below 1, where an exponent is sought: its loss is finite."""

FURTHEST = 6.0
"""An offset is sought between this and its opposite."""


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
    """Return for each reading the confidence of each character.

    Args:
        logits: (B, T, C), divided by the temperature.
        lengths: (B,) numbers of frames.
        readings: B of them.
        offset: Offset of the confidences' logits.
    """
    found = []
    for row, length, reading in zip(logits, lengths.tolist(), readings, strict=True):
        probabilities = row[:length].softmax(-1)
        spans = zip(reading.labels, reading.spans, strict=True)
        confidences = [
            calibrated(float(probabilities[start:end, label].max()), offset)
            for label, (start, end) in spans
        ]
        found.append(confidences)
    return found


def log_probabilities(logits: Tensor, lengths: Tensor, readings: Sequence[Reading]) -> list[float]:
    """Return the log of the probability of each reading's whole text, nothing else and no less.

    It is the sum over all paths of the text, by the forward algorithm of CTC (Graves et al. 2006,
    section 4.1); of an empty text, the probability that all frames are blank. What characters are
    surest of does not know of one that is missing; this does.

    Args:
        logits: (B, T, C).
        lengths: (B,) int64 on the CPU, numbers of frames.
        readings: B of them.
    """
    sizes = torch.tensor([len(one.labels) for one in readings])
    classes = torch.zeros(len(readings), max(1, int(sizes.max())), dtype=torch.int64)
    for row, one in zip(classes, readings, strict=True):
        row[: len(one.labels)] = torch.tensor(one.labels, dtype=torch.int64)
    losses = ctc_loss(logits, lengths, classes.to(logits.device), sizes)
    return [-loss for loss in losses.tolist()]


class Evidence:
    """Collects, for every unit that was read, its scores and whether it is right.

    Args:
        spelled: Returns the units of classes.

    Attributes:
        texts: The log probability of each text, and whether it is right.
    """

    def __init__(self, spelled: Callable[[Sequence[int]], list[str]]) -> None:
        self._spelled = spelled
        self.texts: list[tuple[float, bool]] = []
        self._logits: list[Tensor] = []
        self._classes: list[int] = []
        self._correct: list[bool] = []

    def add(self, logits: Sequence[Tensor], readings: Sequence[Reading], targets: Targets) -> None:
        """Add a batch of readings with the (N, C) logits of each."""
        classes = targets["target"].tolist()
        sizes = targets.lengths["target"].tolist()
        for rows, reading, target, size in zip(logits, readings, classes, sizes, strict=True):
            self._logits.append(rows.cpu())
            self._classes += reading.labels
            read, truth = self._spelled(reading.labels), self._spelled(target[:size])
            self._correct += correct_units(read, truth)

    def add_texts(
        self, log_probabilities: Sequence[float], readings: Sequence[Reading], targets: Targets
    ) -> None:
        """Add the log probabilities of a batch of texts."""
        classes = targets["target"].tolist()
        sizes = targets.lengths["target"].tolist()
        rows = zip(log_probabilities, readings, classes, sizes, strict=True)
        self.texts += [
            (log, "".join(self._spelled(one.labels)) == "".join(self._spelled(target[:size])))
            for log, one, target, size in rows
        ]

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return logits (N, C), classes (N,) and correctness (N,)."""
        logits = torch.cat(self._logits).numpy() if self._logits else np.zeros((0, 1))
        return logits, np.array(self._classes, np.int64), np.array(self._correct, bool)


class Bin(NamedTuple):
    """The confidences in (low, high], and how many of them were right."""

    low: float
    high: float
    size: int
    confidence: float
    accuracy: float


def correct_characters(read: Sequence[int], truth: Sequence[int]) -> list[bool]:
    """Return for each label that was read whether a minimal edit alignment keeps it.

    >>> correct_characters([1, 2, 3], [1, 3])
    [True, False, True]
    """
    correct = [False] * len(read)
    for step in Levenshtein.opcodes(read, truth):
        if step.tag == "equal":
            correct[step.src_start : step.src_end] = [True] * (step.src_end - step.src_start)
    return correct


def correct_units(read: Sequence[str], truth: Sequence[str]) -> list[bool]:
    """Return for each unit that was read whether all its characters are kept.

    A text that is divided into other units is right all the same.

    >>> correct_units(["▁he", "llo"], ["▁hel", "lo"]), correct_units(["▁he", "l"], ["▁hi"])
    ([True, True], [False, False])
    """
    kept = correct_characters(list(map(ord, "".join(read))), list(map(ord, "".join(truth))))
    ends = list(accumulate(map(len, read), initial=0))
    return [all(kept[start:end]) for start, end in pairwise(ends)]


class Calibration(NamedTuple):
    """From scores to a probability: logit p = logit softmax(scores / temperature) + offset."""

    temperature: float = 1.0
    offset: float = 0.0


def fit_calibration(
    logits: NDArray[Any], classes: NDArray[Any], correct: NDArray[Any], rounds: int = 4
) -> Calibration:
    """Return the temperature and the offset that best say whether a class is correct.

    They minimise the log loss, in turn (Guo et al. 2017, section 4.2, with the offset of Platt
    1999): a temperature alone cannot say that what a language model chose is likelier right than
    the frames alone have it.

    Args:
        logits: (N, C), C at least 2.
        classes: (N,) integers, the class that was chosen in each row.
        correct: (N,) booleans.
        rounds: Number of rounds in which both are fitted.
    """
    if len(np.unique(correct)) < 2:  # all right, or all wrong: what is between was not seen
        return Calibration()
    found = Calibration(fit_temperature(logits, classes, correct))
    for _ in range(rounds):
        offset = _fit_offset(logits, classes, correct, found.temperature)
        found = Calibration(fit_temperature(logits, classes, correct, offset), offset)
    return found


def fit_exponent(texts: Sequence[tuple[float, bool]]) -> float:
    """Return the power of a text's probability that best says whether the text is right.

    It minimises the log loss, as the temperature does for characters; it is 1 where all texts are
    right, or all are wrong.

    Args:
        texts: Log of the probability, and whether the text is right.
    """
    if len({right for _, right in texts}) < 2:
        return 1.0
    logs = np.minimum([log for log, _ in texts], -SURE)
    right = np.array([right for _, right in texts])

    def loss(log_exponent: float) -> float:
        powers = logs * math.exp(log_exponent)
        return -float(np.where(right, powers, np.log(-np.expm1(powers))).mean())

    return math.exp(_minimum(loss, math.log(COLDEST), math.log(HOTTEST)))


def calibrated(probability: float, offset: float) -> float:
    """Return a probability with its logit moved by an offset.

    >>> calibrated(0.5, 0.0), calibrated(1.0, 2.0)
    (0.5, 1.0)
    """
    likelier = probability * math.exp(offset)
    return likelier / (likelier + 1 - probability)


def _fit_offset(
    logits: NDArray[Any], classes: NDArray[Any], correct: NDArray[Any], temperature: float
) -> float:
    against, sign = _against(logits, classes), np.where(correct, 1.0, -1.0)
    odds = _log_sum(against / temperature)
    return _minimum(
        lambda offset: float(np.logaddexp(0.0, sign * (odds - offset)).mean()), -FURTHEST, FURTHEST
    )


def _against(logits: NDArray[Any], classes: NDArray[Any]) -> Array:
    """Return the scores of the likeliest other classes against that of the chosen one, (N, K)."""
    logits = np.array(logits, dtype=np.float64)
    rows = np.arange(len(classes))
    logits -= logits[rows, classes][:, None]
    logits[rows, classes] = -np.inf
    if logits.shape[1] <= RIVALS:
        return logits
    return np.partition(logits, -RIVALS, axis=1)[:, -RIVALS:]


def fit_temperature(
    logits: NDArray[Any], classes: NDArray[Any], correct: NDArray[Any], offset: float = 0.0
) -> float:
    """Return T for which softmax(logits / T)[class] best says whether the class is correct.

    T minimises the log loss (Guo et al. 2017, section 4.2); it lies between `COLDEST` and
    `HOTTEST`, and is 1 without any classes.

    Args:
        logits: (N, C), C at least 2.
        classes: (N,) integers, the class that was chosen in each row.
        correct: (N,) booleans.
        offset: Offset of the probability's logit.
    """
    if not len(classes):
        return 1.0
    against, sign = _against(logits, classes), np.where(correct, 1.0, -1.0)

    def loss(log_temperature: float) -> float:
        odds = _log_sum(against * np.exp(-log_temperature))
        return float(np.logaddexp(0.0, sign * (odds - offset)).mean())

    return float(np.exp(_minimum(loss, float(np.log(COLDEST)), float(np.log(HOTTEST)))))


def _log_sum(logits: Array) -> Array:
    """Return log Σ exp over the last axis; -inf where all is -inf."""
    greatest = np.maximum(logits.max(1, keepdims=True), np.finfo(np.float64).min)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(logits - greatest).sum(1)) + greatest[:, 0])


def _minimum(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function is least: the best of a grid, then a golden-section search."""
    grid = np.linspace(low, high, 13).tolist()
    best = int(np.argmin([function(x) for x in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, 12)]
    share = (5**0.5 - 1) / 2
    left, right = high - share * (high - low), low + share * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > 1e-4:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - share * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + share * (high - low)
            at_right = function(right)
    return (low + high) / 2


def reliability(confidence: NDArray[Any], correct: NDArray[Any], bins: int = 15) -> list[Bin]:
    """Return the bins that hold any of N confidences, from low to high, all equally wide."""
    confidence, correct = np.asarray(confidence, dtype=np.float64), np.asarray(correct)
    places = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1)
    table = []
    for place in np.unique(places).astype(int).tolist():
        inside = places == place
        means = float(confidence[inside].mean()), float(correct[inside].mean())
        table.append(Bin(place / bins, (place + 1) / bins, int(inside.sum()), *means))
    return table


def calibration_error(confidence: NDArray[Any], correct: NDArray[Any], bins: int = 15) -> float:
    """Return the expected calibration error (Guo et al. 2017, equation 3); 0 of nothing.

    Args:
        confidence: (N,) in [0, 1].
        correct: (N,) booleans.
        bins: Number of bins of equal width.
    """
    table = reliability(confidence, correct, bins)
    gaps = sum(row.size * abs(row.accuracy - row.confidence) for row in table)
    return gaps / max(len(confidence), 1)
