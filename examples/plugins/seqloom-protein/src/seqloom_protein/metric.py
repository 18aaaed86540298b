"""Q3: the share of the resolved residues whose state is right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch
from seqloom.interfaces import HeadMetric, Matrix, Prediction, Table, Targets
from torch import Tensor

from seqloom_protein.codec import UNRESOLVED

NAMES = {"H": "helix", "E": "strand", "C": "coil"}
"""Of the three states; others, of DSSP's eight say, go by their letters."""


class StateAccuracy(HeadMetric):
    """Accuracy over all resolved residues of all proteins, and the recall of each state.

    With three states the accuracy is Q3 as it is published: each residue counts once, so that a
    long protein counts more than a short one. Where there is nothing to divide by, a score is 0.

    Args:
        states: the letters of the numbered states.
        name: of the accuracy: ``q3`` where there are three.
    """

    confusion: Tensor

    def __init__(self, states: Sequence[str], name: str = "q3") -> None:
        super().__init__()
        self.states = list(states)
        self.name = name
        names = [name, *(f"recall_{_name(one)}" for one in self.states)]
        self.modes = dict.fromkeys(names, "max")
        self._numbers = {letter: number for number, letter in enumerate(self.states)}
        zeros = torch.zeros(len(self.states), len(self.states), dtype=torch.int64)
        self.add_state("confusion", zeros, dist_reduce_fx="sum")  # rows are the truth

    def update(self, predictions: Sequence[Prediction], targets: Targets) -> None:
        """Count the predictions of a batch against its ``states``."""
        padded = targets["states"].cpu().numpy()
        lengths = targets.lengths["states"].numpy()
        truth = padded[np.arange(padded.shape[1]) < lengths[:, None]]  # row after row
        letters = chain.from_iterable(prediction["states"] for prediction in predictions)
        guess = np.fromiter(map(self._numbers.__getitem__, letters), np.int64, len(truth))
        resolved = truth != UNRESOLVED
        size = len(self.states)
        counts = np.bincount(truth[resolved] * size + guess[resolved], minlength=size * size)
        self.confusion += torch.from_numpy(counts).view(size, size).to(self.confusion.device)

    def compute(self) -> dict[str, Tensor]:
        """Return ``q3``, or what it is named, and ``recall_helix`` and so on, () each."""
        right, total = self.confusion.diagonal(), self.confusion.sum(1)
        recall = right / total.clamp_min(1)
        return {
            self.name: right.sum() / total.sum().clamp_min(1),
            **{f"recall_{_name(one)}": recall[i] for i, one in enumerate(self.states)},
        }

    def details(self) -> list[Table | Matrix]:
        """Return the scores of each state, and what is taken for what."""
        right = self.confusion.diagonal()
        truth, guessed = self.confusion.sum(1), self.confusion.sum(0)
        shares = [right / truth.clamp_min(1), right / guessed.clamp_min(1)]
        columns = [[round(share, 4) for share in one.tolist()] for one in shares]
        names = [_name(one) for one in self.states]
        rows = list(zip(names, *columns, truth.tolist(), guessed.tolist(), strict=True))
        titles = ("state", "recall", "precision", "residues", "predicted")
        return [
            Table("Scores by state (resolved residues)", titles, rows),
            Matrix("Resolved residues: true and predicted states", names, self.confusion.tolist()),
        ]


def _name(letter: str) -> str:
    return NAMES.get(letter, letter)
