"""The head ``secondary_structure``: a state for each residue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from seqloom.interfaces import Encoded, Head, Prediction, Targets
from seqloom.nn import LockedDropout, length_mask, zero_padding
from torch import Tensor, nn

from seqloom_protein.codec import UNRESOLVED, StructureCodec

if TYPE_CHECKING:
    from seqloom_protein.metric import StateAccuracy


class SecondaryStructureHead(Head):
    """Head that predicts one of C states for each residue independently, by softmax.

    The outputs are scores, (B, T, C).

    Args:
        codec: Fitted codec.
        input_size: Size H of the states.
        field, mask, dropout: See `seqloom_protein.SecondaryStructure`.
    """

    monitor = "q3"

    def __init__(
        self,
        codec: StructureCodec,
        input_size: int,
        *,
        field: str = "structure",
        mask: str = "resolved",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.codec = codec
        self.monitor = codec.score
        self.dropout = LockedDropout(dropout)
        self.project = nn.Linear(input_size, len(codec.states))

    @classmethod
    def make_codec(cls, **params: Any) -> StructureCodec:
        """Return an unfitted codec for the component's parameters."""
        return StructureCodec(params.get("field", "structure"), params.get("mask", "resolved"))

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Tensor:
        """Return the scores of the states, (B, T, C)."""
        states = zero_padding(encoded.states, encoded.lengths)
        scores: Tensor = self.project(self.dropout(states))
        return scores

    def loss(self, outputs: Tensor, targets: Targets) -> Tensor:
        """Return losses, (B,), in nats: the mean cross entropy over the resolved residues.

        With a mean, the loss of a protein does not grow with its length. Batches contain proteins
        of similar length, so residues have similar weights.
        """
        lengths = targets.lengths["states"]
        size = int(lengths.max())
        scores = outputs[:, :size].transpose(1, 2).float()  # (B, C, T)
        inside = length_mask(lengths, size, scores.device)
        states = targets["states"][:, :size].masked_fill(~inside, UNRESOLVED)
        losses = F.cross_entropy(scores, states, ignore_index=UNRESOLVED, reduction="none")
        return losses.sum(1) / (states != UNRESOLVED).sum(1)

    @torch.no_grad()
    def decode(
        self, outputs: Tensor, encoded: Encoded, *, scores: bool = True, **_: Any
    ) -> list[Prediction]:
        """Return ``states`` for each example, one letter per residue.

        With ``scores``, also return ``confidence``, the probability of each of these states.
        """
        best, chosen = outputs.float().softmax(2).max(2)  # (B, T) each
        lengths = encoded.lengths.tolist()
        predictions: list[Prediction] = [
            {"states": "".join(self.codec.states[number] for number in row[:length])}
            for row, length in zip(chosen.tolist(), lengths, strict=True)
        ]
        if scores:
            for prediction, row, length in zip(predictions, best.tolist(), lengths, strict=True):
                prediction["confidence"] = row[:length]
        return predictions

    def metrics(self) -> StateAccuracy:
        """Return a new metric: Q3 and the recall of each state."""
        # importing torchmetrics takes a second, which prediction does not need
        from seqloom_protein.metric import StateAccuracy

        return StateAccuracy(self.codec.states, self.codec.score)
