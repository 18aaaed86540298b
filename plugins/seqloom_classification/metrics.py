"""Accuracy and F1 from counts, which are summed over batches and devices.

F1 = 2 TP / (2 TP + FP + FN). Macro F1 is the plain mean over the classes that occur in the truth or
in the predictions; a class that occurs in neither has no F1 and does not count.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from seqloom.interfaces import HeadMetric, Matrix, Mode, Prediction, Table, Targets


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """Return part / whole, 0 where the whole is 0."""
    return part / whole.clamp(min=1)


class _Scores(HeadMetric):
    """Base of both metrics: true positives, predictions and truths by class.

    Args:
        classes: Names of the classes.
        unseen: Number of classes, the last ones, that the model does not know: their examples are
            misses.
    """

    def __init__(self, classes: Sequence[str], unseen: int = 0) -> None:
        super().__init__()
        self.classes = list(classes)
        self.known = len(self.classes) - unseen
        self._number = {name: i for i, name in enumerate(self.classes)}

    @abstractmethod
    def _by_class(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the numbers of hits, predictions and truths, (C,) each."""

    def _f1(self) -> tuple[Tensor, Tensor]:
        """Return micro and macro F1."""
        hits, predicted, true = self._by_class()
        there = predicted + true
        micro = _share(2 * hits.sum(), there.sum())
        return micro, _share(_share(2 * hits, there).sum(), (there > 0).sum())

    def _table(self) -> Table:
        hits, predicted, true = self._by_class()
        scores = [_share(hits, predicted), _share(hits, true), _share(2 * hits, predicted + true)]
        columns: list[list[float]] = [score.tolist() for score in scores]
        every = list(zip(self.classes, *columns, true.tolist(), strict=True))
        rows = [every[place] for place in self._shown()]
        return Table("Scores by class", ("class", "precision", "recall", "f1", "count"), rows)

    def _shown(self) -> list[int]:
        """Return the numbers of the classes that the model knows or an example has."""
        true = self._by_class()[2].tolist()
        return [place for place, count in enumerate(true) if place < self.known or count]


class LabelMetrics(_Scores):
    """Accuracy and macro F1 of single labels, from a matrix of counts (truth, predicted)."""

    modes: Mapping[str, Mode] = {"accuracy": "max", "f1_macro": "max"}
    confusion: Tensor

    def __init__(self, classes: Sequence[str], unseen: int = 0) -> None:
        super().__init__(classes, unseen)
        zeros = torch.zeros(len(classes), len(classes), dtype=torch.long)
        self.add_state("confusion", zeros, dist_reduce_fx="sum")

    def update(self, predictions: Sequence[Prediction], targets: Targets) -> None:
        """Count one batch."""
        predicted = torch.tensor([self._number[p["label"]] for p in predictions], dtype=torch.long)
        truth = targets["target"].to(self.confusion.device)
        pairs = truth * len(self.classes) + predicted.to(self.confusion.device)
        counts = torch.bincount(pairs, minlength=self.confusion.numel())
        self.confusion += counts.view_as(self.confusion)

    def compute(self) -> dict[str, Tensor]:
        """Return ``accuracy`` and ``f1_macro``, () each."""
        accuracy = _share(self.confusion.diagonal().sum(), self.confusion.sum())
        return {"accuracy": accuracy, "f1_macro": self._f1()[1]}

    def details(self) -> list[Table | Matrix]:
        """Return the scores by class and the confusion matrix."""
        shown = self._shown()
        names = [self.classes[place] for place in shown]
        return [self._table(), Matrix("Confusion", names, self.confusion[shown][:, shown].tolist())]

    def notes(self) -> list[str]:
        """Return a note if always answering the most frequent class would be as good."""
        hits, _, true = self._by_class()
        most, right, examples = int(true.max()), int(hits.sum()), int(true.sum())
        if right > most or most == examples:
            return []
        return [
            f"the accuracy of {right / examples:.4f} is not above {most / examples:.4f}, that of "
            f"the most frequent class, {self.classes[int(true.argmax())]!r}: nothing useful was "
            "learned. Train for longer (budget.min_steps), change optimizer.lr, or check the "
            "labels."
        ]

    def _by_class(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.confusion.diagonal(), self.confusion.sum(0), self.confusion.sum(1)


class LabelSetMetrics(_Scores):
    """Micro F1, macro F1 and exact match of sets of labels, from counts by class."""

    modes: Mapping[str, Mode] = {
        "f1_micro": "max",
        "f1_macro": "max",
        "exact_match": "max",
    }
    hits: Tensor
    predicted: Tensor
    true: Tensor
    exact: Tensor
    examples: Tensor

    def __init__(self, classes: Sequence[str], unseen: int = 0) -> None:
        super().__init__(classes, unseen)
        for name in ("hits", "predicted", "true"):
            self.add_state(name, torch.zeros(len(classes), dtype=torch.long), dist_reduce_fx="sum")
        for name in ("exact", "examples"):
            self.add_state(name, torch.tensor(0), dist_reduce_fx="sum")

    def update(self, predictions: Sequence[Prediction], targets: Targets) -> None:
        """Count one batch."""
        truth = targets["target"].to(self.hits.device).bool()  # (B, C), or less with unseen classes
        truth = F.pad(truth, (0, len(self.classes) - truth.shape[1]))
        chosen = torch.zeros(truth.shape, dtype=torch.bool)
        for row, prediction in enumerate(predictions):
            chosen[row, [self._number[name] for name in prediction["labels"]]] = True
        chosen = chosen.to(truth.device)
        self.hits += (truth & chosen).sum(0)
        self.predicted += chosen.sum(0)
        self.true += truth.sum(0)
        self.exact += (truth == chosen).all(1).sum()
        self.examples += len(truth)

    def compute(self) -> dict[str, Tensor]:
        """Return ``f1_micro``, ``f1_macro`` and ``exact_match``, () each."""
        micro, macro = self._f1()
        exact = _share(self.exact, self.examples)
        return {"f1_micro": micro, "f1_macro": macro, "exact_match": exact}

    def details(self) -> list[Table | Matrix]:
        """Return the scores by class."""
        return [self._table()]

    def _by_class(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.hits, self.predicted, self.true
