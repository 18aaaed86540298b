"""Strict span scores, from sums over batches and devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from seqloom.interfaces import HeadMetric, Matrix, Mode, Prediction, Table, Targets
from seqloom_ner.spans import Ints, count_ill_formed, flat_spans, separated, types_of


class SpanF1(HeadMetric):
    """Precision, recall and F1 of entities by strict IOB2.

    An entity counts as found if type, start and end are correct: seqeval's ``mode="strict",
    scheme=IOB2``. A score with denominator 0 is 0. ``f1`` is over all entities,
    ``f1_macro`` the mean over the types that the reference or the predictions have.

    Args:
        tags: Names of the numbered tags, O first.
        unseen: Number of types, the last ones, that the model does not know: their entities are
            misses.
    """

    modes: Mapping[str, Mode] = {
        "f1": "max",
        "precision": "max",
        "recall": "max",
        "f1_macro": "max",
        "token_accuracy": "max",
        "ill_formed": "min",
    }

    found: Tensor
    predicted: Tensor
    gold: Tensor
    right_tokens: Tensor
    tokens: Tensor
    ill_formed: Tensor

    def __init__(self, tags: Sequence[str], unseen: int = 0) -> None:
        super().__init__()
        self.types = types_of(tags)
        self.known = len(self.types) - unseen
        self._numbers = {tag: number for number, tag in enumerate(tags)}
        for name in ("found", "predicted", "gold"):
            zeros = torch.zeros(len(self.types), dtype=torch.int64)
            self.add_state(name, zeros, dist_reduce_fx="sum")
        for name in ("right_tokens", "tokens", "ill_formed"):
            self.add_state(name, torch.tensor(0), dist_reduce_fx="sum")

    def update(self, predictions: Sequence[Prediction], targets: Targets) -> None:
        """Count the predictions of a batch against its ``tags``."""
        lengths = targets.lengths["tags"].numpy()
        gold = separated(targets["tags"].cpu().numpy(), lengths)
        guess = self._numbered(predictions, gold.shape)
        right, predicted, expected = self._spans(guess.ravel(), gold.ravel())
        self.found += right
        self.predicted += predicted
        self.gold += expected
        total = int(lengths.sum())
        padding = gold.size - total  # is O in both
        self.right_tokens += int((gold == guess).sum()) - padding
        self.tokens += total
        self.ill_formed += count_ill_formed(guess.ravel())

    def _numbered(self, predictions: Sequence[Prediction], shape: tuple[int, ...]) -> Ints:
        """Return the predicted tags' numbers in the shape of ``separated``."""
        numbers = np.zeros(shape, dtype=np.int64)
        lengths = np.array([len(prediction["tags"]) for prediction in predictions])
        names = chain.from_iterable(prediction["tags"] for prediction in predictions)
        flat = np.fromiter(map(self._numbers.__getitem__, names), dtype=np.int64)
        numbers[np.arange(shape[1]) < lengths[:, None]] = flat
        return numbers

    def _spans(self, guess: Ints, gold: Ints) -> tuple[Tensor, Tensor, Tensor]:
        """Return how many spans of each type are in both, in the guess, and in the reference."""
        (starts, ends, kinds), (gold_starts, gold_ends, gold_kinds) = (
            flat_spans(guess),
            flat_spans(gold),
        )
        keys = (starts * (len(gold) + 1) + ends) * (len(self.types) + 1) + kinds
        gold_keys = (gold_starts * (len(gold) + 1) + gold_ends) * (len(self.types) + 1) + gold_kinds
        right = kinds[np.isin(keys, gold_keys)]
        counts = (np.bincount(k, minlength=len(self.types)) for k in (right, kinds, gold_kinds))
        first, second, third = (torch.from_numpy(c).to(self.found.device) for c in counts)
        return first, second, third

    def compute(self) -> dict[str, Tensor]:
        """Return the scores of everything counted."""
        precision, recall, f1 = _scores(self.found.sum(), self.predicted.sum(), self.gold.sum())
        present = (self.predicted + self.gold) > 0
        by_type = _scores(self.found, self.predicted, self.gold)[2]
        return {
            "f1": f1,
            "precision": precision,
            "recall": recall,
            "f1_macro": (by_type * present).sum() / present.sum().clamp_min(1),
            "token_accuracy": self.right_tokens / self.tokens.clamp_min(1),
            "ill_formed": self.ill_formed,
        }

    def details(self) -> list[Table | Matrix]:
        """Return the scores of each type as a table."""
        scores = torch.stack(_scores(self.found, self.predicted, self.gold), dim=1).tolist()
        counts = torch.stack([self.gold, self.predicted, self.found], dim=1).tolist()
        titles = ("type", "precision", "recall", "f1", "gold", "predicted", "right")
        rows = [
            [kind, *(round(value, 4) for value in values), *numbers]
            for place, (kind, values, numbers) in enumerate(
                zip(self.types, scores, counts, strict=True)
            )
            if place < self.known or numbers[0]
        ]
        return [Table("Scores by type (strict IOB2)", titles, rows)]


def _scores(found: Tensor, predicted: Tensor, gold: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return precision, recall and F1 of counts, 0 where the denominator is 0."""
    precision = found / predicted.clamp_min(1)
    recall = found / gold.clamp_min(1)
    return precision, recall, 2 * found / (predicted + gold).clamp_min(1)
