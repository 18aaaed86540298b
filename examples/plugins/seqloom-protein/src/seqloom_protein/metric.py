"""Q3: the fraction of resolved residues whose state is right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch
from seqloom.interfaces import HeadMetric, Matrix, Prediction, Table, Targets
from torch import Tensor

from seqloom_protein.codec import UNRESOLVED

NAMES = {"H": "helix", "E": "strand", "C": "coil"}
"""Names of the three states; others, such as those of DSSP, are named by their letters."""


class StateAccuracy(HeadMetric):
    """Accuracy over all resolved residues of all proteins, and the recall of each state.

    With three states the accuracy is Q3 as in publications: each residue counts once, so long
    proteins have more weight than short ones. Scores without any residues are 0.

    Args:
        states: Letters of the numbered states.
        name: Name of the accuracy, such as ``q3`` for three states.
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
        """Return the accuracy and the recall of each state, such as ``recall_helix``, each ()."""
        right, total = self.confusion.diagonal(), self.confusion.sum(1)
        recall = right / total.clamp_min(1)
        return {
            self.name: right.sum() / total.sum().clamp_min(1),
            **{f"recall_{_name(one)}": recall[i] for i, one in enumerate(self.states)},
        }

    def details(self) -> list[Table | Matrix]:
        """Return the scores of each state and the confusion matrix."""
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
