"""Error rates of texts, from sums that add up over batches and devices.

CER = Σ edits of characters / Σ characters of the truth; WER the same over words, which white space
parts. An edit replaces, inserts or leaves out one code point of the normal form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor

from seqloom.interfaces import HeadMetric, Matrix, Mode, Prediction, Table, Targets
from seqloom_ctc.codec import CtcCodec
from seqloom_ctc.confidence import correct_units

BINS = 15
NOTHING = "∅"
SHOWN = 40
HARDLY_LEARNED = 0.5
SUMS = ("edits", "characters", "word_edits", "words", "exact", "lines")


class TextErrors(HeadMetric):
    """Character and word error rate, the share of lines without a mistake, calibration error."""

    modes: Mapping[str, Mode] = {
        "cer": "min",
        "wer": "min",
        "line_accuracy": "max",
        "calibration_error": "min",
    }
    edits: Tensor
    characters: Tensor
    word_edits: Tensor
    words: Tensor
    exact: Tensor
    lines: Tensor
    confidences: Tensor
    confusions: list[Tensor] | Tensor

    def __init__(self, codec: CtcCodec) -> None:
        super().__init__()
        self.codec = codec
        for name in SUMS:
            self.add_state(name, torch.tensor(0), dist_reduce_fx="sum")
        # by bin of confidence: characters, the sum of their confidences, those that are right
        zeros = torch.zeros(BINS, 3, dtype=torch.float64)
        self.add_state("confidences", zeros, dist_reduce_fx="sum")
        # pairs of code points, (truth, read); 0 stands for nothing. Each update adds a row: ranks
        # without a mistake could not be put together with others.
        self.add_state("confusions", [], dist_reduce_fx="cat")

    def update(self, predictions: Sequence[Prediction], targets: Targets) -> None:
        """Count one batch."""
        sizes = targets.lengths["target"].tolist()
        rows = zip(predictions, targets["target"].tolist(), sizes, strict=True)
        pairs = [(0, 0)]
        for one, target, size in rows:
            truth, read = self.codec.decode(target[:size]), one["text"]
            errors = _confusions(read, truth)
            pairs += errors
            self._count(truth, read, len(errors))
            units = one.get("characters", one.get("pieces"))
            if units is not None:
                self._add_confidences(units, self.codec.spelled(target[:size]))
        if isinstance(self.confusions, list):  # else they are put together already
            self.confusions.append(torch.tensor(pairs, device=self.edits.device))

    def _count(self, truth: str, read: str, errors: int) -> None:
        self.edits += errors
        self.characters += len(truth)
        self.word_edits += Levenshtein.distance(read.split(), truth.split())
        self.words += len(truth.split())
        self.exact += int(read == truth)
        self.lines += 1

    def _add_confidences(self, units: Sequence[Mapping[str, Any]], truth: Sequence[str]) -> None:
        """Add characters or subwords with their confidences; and their truth, spelled out."""
        confidence = np.array([unit["confidence"] for unit in units], np.float64)
        read = [str(unit.get("character", unit.get("text"))) for unit in units]
        correct = np.array(correct_units(read, truth), np.float64)
        bins = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1).astype(int)
        sums = np.zeros((BINS, 3))
        for column, values in enumerate((np.ones_like(confidence), confidence, correct)):
            sums[:, column] = np.bincount(bins, values, BINS)
        self.confidences += torch.from_numpy(sums).to(self.confidences.device)

    def compute(self) -> dict[str, Tensor]:
        """Return ``cer``, ``wer``, ``line_accuracy`` and, if there were confidences, their
        ``calibration_error``: by how much they are off, over bins of equal width (Guo et al. 2017).
        """  # noqa: D205
        found = {
            "cer": self.edits / self.characters.clamp(min=1),
            "wer": self.word_edits / self.words.clamp(min=1),
            "line_accuracy": self.exact / self.lines.clamp(min=1),
        }
        count, confidence, correct = self.confidences.unbind(1)
        if count.sum() > 0:
            found["calibration_error"] = (confidence - correct).abs().sum() / count.sum()
        return found

    def details(self) -> list[Table | Matrix]:
        """Return the most frequent confusions, and how reliable the confidences are."""
        return [table for table in (self._mistakes(), self._reliability()) if table.rows]

    def notes(self) -> list[str]:
        """Return a note if more than half of the characters are read wrong."""
        rate = float(self.edits / self.characters.clamp(min=1))
        if rate < HARDLY_LEARNED:
            return []
        return [
            f"the character error rate is {rate:.2f}: the model has hardly learned to read. Train "
            "for longer (budget.min_steps), and compare inputs with their texts in the report: a "
            "text must belong to its input, run in the same direction, and be of characters that "
            "training texts have too."
        ]

    def _mistakes(self) -> Table:
        pairs = (
            torch.cat(self.confusions)
            if isinstance(self.confusions, list) and self.confusions
            else self.confusions
        )
        counts = Counter(map(tuple, pairs.tolist())) if isinstance(pairs, Tensor) else Counter()
        del counts[0, 0]
        rows = [
            (_shown(truth), _shown(read), count)
            for (truth, read), count in sorted(counts.items(), key=lambda i: (-i[1], i[0]))[:SHOWN]
        ]
        return Table("Confusions of characters", ("truth", "read", "count"), rows)

    def _reliability(self) -> Table:
        rows = [
            (f"{low / BINS:.2f}–{(low + 1) / BINS:.2f}", int(count), conf / count, right / count)
            for low, (count, conf, right) in enumerate(self.confidences.tolist())
            if count
        ]
        columns = ("confidence", "characters", "mean confidence", "right")
        return Table("Reliability of the confidences", columns, rows)


def _confusions(read: str, truth: str) -> list[tuple[int, int]]:
    """Return the edits from the truth to what was read as (truth, read) code points."""
    found = []
    for edit in Levenshtein.editops(truth, read):
        wanted = 0 if edit.tag == "insert" else ord(truth[edit.src_pos])
        got = 0 if edit.tag == "delete" else ord(read[edit.dest_pos])
        found.append((wanted, got))
    return found


def _shown(code: int) -> str:
    """Return a character so that it can be seen in a table."""
    return {0: NOTHING, ord(" "): "␣"}.get(code, chr(code))
