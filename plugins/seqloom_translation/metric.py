"""The metrics of translations: sums over the corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from seqloom.interfaces import HeadMetric, Matrix, Mode, Prediction, Table, Targets
from seqloom_translation.codec import references
from seqloom_translation.scores import (
    BLEU_SIGNATURE,
    CHARACTERS,
    CHRF_SIGNATURE,
    WORDS,
    bleu,
    bleu_counts,
    chrf,
    chrf_counts,
)

BOUNDS = (5, 10, 15, 20, 30, 40, 60)
"""Upper bounds of the lengths by which scores are listed."""

POOR = 0.15
"""chrF below which a model has hardly learned to translate; BLEU is 0 on texts of few words."""


class TranslationMetric(HeadMetric):
    """BLEU, chrF, the share of exact translations, and the perplexity of a unit.

    BLEU and chrF are those of sacrebleu (`BLEU_SIGNATURE`, `CHRF_SIGNATURE`) divided by 100, over
    all references. The perplexity is that of the first reference; it depends on the units.

    Args:
        field: Name of the translation in predictions.
        mean_length: Number of units that the head's loss is divided by.
    """

    modes: Mapping[str, Mode] = {"bleu": "max", "chrf": "max", "exact": "max", "perplexity": "min"}

    def __init__(self, field: str, mean_length: float) -> None:
        super().__init__()
        self.field = field
        self.mean_length = mean_length
        shapes = {
            "bleu_sums": (2 + 2 * WORDS,),
            "chrf_sums": (3 * CHARACTERS,),
            "by_length": (len(BOUNDS) + 1, 3 + 2 * WORDS),
            "counts": (2,),
            "likelihood": (2,),
        }
        for name, shape in shapes.items():
            self.add_state(name, torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")
        self.bleu_sums: Tensor
        self.chrf_sums: Tensor
        self.by_length: Tensor
        self.counts: Tensor
        self.likelihood: Tensor

    def update(
        self,
        predictions: Sequence[Prediction],
        targets: Targets,
        *,
        losses: Tensor | None = None,
        outputs: Any = None,
    ) -> None:
        """Update the sums with the predictions and targets of a batch."""
        bounds = torch.tensor(BOUNDS)
        lengths = None if outputs is None else torch.bucketize(outputs.memory.lengths, bounds)
        sizes = targets.lengths["references"].tolist()
        for row, (prediction, size) in enumerate(zip(predictions, sizes, strict=True)):
            others = references(bytes(targets["references"][row, :size].tolist()))
            text = prediction[self.field]
            words = self._sum(bleu_counts(text, others))
            self.bleu_sums += words
            self.chrf_sums += self._sum(chrf_counts(text, others))
            self.counts += self._sum([1, text in others])
            if lengths is not None:
                self.by_length[lengths[row]] += torch.cat([words.new_ones(1), words])
        if losses is not None:
            total = losses.detach().double().sum() * self.mean_length
            self.likelihood[0] += total
            self.likelihood[1] += int(targets.lengths["units"].sum())

    def _sum(self, values: Sequence[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, device=self.counts.device)

    def compute(self) -> dict[str, Tensor]:
        """Return ``bleu``, ``chrf``, ``exact`` and, if losses are known, ``perplexity``."""
        total, exact = self.counts.tolist()
        nats, units = self.likelihood.tolist()
        found = {
            "bleu": bleu(self.bleu_sums.tolist()),
            "chrf": chrf(self.chrf_sums.tolist()),
            "exact": exact / max(1.0, total),
        }
        values = {name: torch.tensor(value, dtype=torch.float64) for name, value in found.items()}
        if units:
            values["perplexity"] = torch.tensor(nats / units, dtype=torch.float64).exp()
        return values

    def details(self) -> list[Table | Matrix]:
        """Return BLEU by the length of the input, and how the scores are computed."""
        rows: list[list[str | int | float]] = []
        starts = [1, *(bound + 1 for bound in BOUNDS)]
        for start, end, sums in zip(starts, [*BOUNDS, None], self.by_length.tolist(), strict=True):
            count, *words = sums
            if count:
                name = f"{start}–{end}" if end else f"{start} and more"
                rows.append([name, int(count), round(bleu(words), 4)])
        variants = [["bleu", BLEU_SIGNATURE], ["chrf", CHRF_SIGNATURE]]
        found: list[Table | Matrix] = [
            Table("Variants of the scores, as sacrebleu names them", ["score", "variant"], variants)
        ]
        if rows:
            columns = ["steps", "examples", "bleu"]
            found.insert(0, Table("BLEU by length of the input", columns, rows))
        return found

    def notes(self) -> list[str]:
        """Return a note on a model that has hardly learned to translate."""
        score = chrf(self.chrf_sums.tolist())
        if not self.counts[0] or score >= POOR:
            return []
        return [
            f"chrf is {score:.3f}: the model has hardly learned to translate. Train for longer "
            "(budget.min_steps), on more pairs, or with smaller batches."
        ]
