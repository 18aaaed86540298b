"""The head ``ner``: a tag for each token, with a softmax or a conditional random field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqloom.checks import check_probability
from seqloom.interfaces import Encoded, Head, Prediction, Targets
from seqloom.nn import LockedDropout, length_mask, zero_padding
from seqloom_ner import Decoder, Scheme
from seqloom_ner.codec import NerCodec
from seqloom_ner.crf import CRF
from seqloom_ner.lattice import Chain
from seqloom_ner.spans import Ints, batch_spans, continuations, legal_steps, types_of

if TYPE_CHECKING:
    from seqloom_ner.metric import SpanF1


class NerHead(Head):
    """Scores C tags for each token, and finds the best sequence of them.

    The outputs are emissions, (B, T, C). With ``crf`` predicted tags are always valid IOB2. With
    ``softmax`` they may not be: an entity is then a B- and the I- of its type that follow it
    directly (strict IOB2), and any other I- belongs to no entity.

    Args:
        codec: Restored codec.
        input_size: H.
        field: See `seqloom_ner.Ner`, as for the others.
        decoder: How the tags of a sentence depend on one another.
        scheme: Tag scheme of the data.
        dropout: Probability of zeroing a unit of the encoder's states; None is 0.

    Raises:
        ConfigError: ``dropout`` is not in [0, 1).
    """

    monitor = "f1"

    def __init__(
        self,
        codec: NerCodec,
        input_size: int,
        *,
        field: str = "tags",
        decoder: Decoder | str = Decoder.crf,
        scheme: Scheme | str = Scheme.auto,
        dropout: float | None = None,
    ) -> None:
        super().__init__()
        dropout = dropout or 0.0
        check_probability("head.dropout", dropout)
        self.codec = codec
        self.tags = codec.tags
        size = len(self.tags)
        self.dropout = LockedDropout(dropout)
        self.project = nn.Linear(input_size, size)
        crf = Decoder(decoder) == Decoder.crf
        self.crf = CRF(size, *legal_steps(size)) if crf else None

    @classmethod
    def make_codec(cls, **params: Any) -> NerCodec:
        """Return an unfitted codec for the component's parameters."""
        return NerCodec(params.get("field", "tags"), params.get("scheme", Scheme.auto))

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Tensor:
        """Return the scores of the tags, (B, T, C)."""
        states = encoded.states
        if torch.is_grad_enabled():  # else whatever is in the padding is not read
            states = zero_padding(states, encoded.lengths)
        scores: Tensor = self.project(self.dropout(states))
        return scores

    def loss(self, outputs: Tensor, targets: Targets) -> Tensor:
        """Return (B,): the negative log likelihood of each example's tags.

        With ``softmax`` it is the sum of the cross entropies of its tokens. It is undefined for
        examples with entities of unseen types, see ``undefined``.
        """
        lengths = targets.lengths["tags"]
        size = int(lengths.max())
        scores, tags = outputs[:, :size], targets["tags"][:, :size]
        if not self.training:
            tags = tags.where(tags < len(self.tags), 0)
        if self.crf:
            return self.crf.loss(scores, tags, lengths)
        losses = F.cross_entropy(scores.transpose(1, 2).float(), tags, reduction="none")
        return losses.masked_fill(~length_mask(lengths, size, scores.device), 0.0).sum(1)

    def undefined(self, targets: Targets) -> Tensor:
        """Return which examples have an entity of a type that no training example has, (B,)."""
        return (targets["tags"] >= len(self.tags)).any(1)

    def decode(
        self, outputs: Tensor, encoded: Encoded, *, scores: bool = True, **_: Any
    ) -> list[Prediction]:
        """Return for each row its ``tags`` (IOB2) and ``entities``.

        An entity has ``type``, ``start`` and ``end`` (tokens, from 0, the end exclusive) and, if
        ``scores``, a ``confidence``: with ``crf`` the exact posterior that this is an entity of the
        type and ends there; with ``softmax`` the product of the probabilities of its tags.
        """
        emissions, lengths = outputs.detach(), encoded.lengths
        tags, chain = self._best(emissions, lengths)
        spans = batch_spans(tags, lengths.numpy())
        confidences = self._confidences(emissions, lengths, chain, tags, spans) if scores else None
        return _predictions(tags, lengths, spans, confidences, self.tags)

    def _best(self, emissions: Tensor, lengths: Tensor) -> tuple[Ints, Chain | None]:
        """Return the best tags, (B, T), with the chain of scores if they were found in one."""
        if self.crf is None:
            return emissions.argmax(2).cpu().numpy(), None
        if lengths.shape[0] == 1:
            return self.crf.decode(emissions, lengths), None
        chain = self.crf.chain(emissions, lengths)
        return self.crf.decode_chain(chain), chain

    def _confidences(
        self, emissions: Tensor, lengths: Tensor, chain: Chain | None, tags: Ints, spans: Ints
    ) -> list[float]:
        """Return the probability of each of the (N, 4) spans."""
        if not len(spans):
            return []
        if self.crf is None:
            found = _products(emissions, lengths, torch.from_numpy(tags), spans)
            return cast("list[float]", found.clamp(0.0, 1.0).tolist())
        continues = continuations(len(self.tags))
        if chain is None:
            one = emissions[0, : int(lengths)], tags[0, : int(lengths)], spans[:, 1:3]
            values = self.crf.span_posteriors_of_one(*one, continues)
            if values is not None:
                return values
            chain = self.crf.chain(emissions, lengths)
        arrays = tags, spans[:, :3].copy(), continues
        given = (torch.from_numpy(array).to(emissions.device) for array in arrays)
        return cast("list[float]", self.crf.span_posteriors(chain, *given).tolist())

    def metrics(self) -> SpanF1:
        """Return a fresh metric: strict span F1."""
        from seqloom_ner.metric import SpanF1  # torchmetrics takes a second that predicting saves

        return SpanF1(self.codec.tags_of_truth, len(self.codec.unseen))


def _products(emissions: Tensor, lengths: Tensor, tags: Tensor, spans: Ints) -> Tensor:
    """Return (N,), the products of the probabilities of the tags of (N, 4) spans, by a softmax."""
    device = emissions.device
    row, first, end = torch.from_numpy(spans[:, :3].copy()).to(device).unbind(1)
    logs = emissions.float().log_softmax(2).gather(2, tags.to(device).unsqueeze(2)).squeeze(2)
    logs = logs.masked_fill(~length_mask(lengths, logs.shape[1], device), 0.0)
    along = F.pad(logs.cumsum(1), (1, 0))
    return (along[row, end] - along[row, first]).exp()


def _predictions(
    tags: Ints,
    lengths: Tensor,
    spans: Ints,
    confidences: Sequence[float] | None,
    names: Sequence[str],
) -> list[Prediction]:
    """Return B predictions as plain types, from (B, T) numbered tags and their (N, 4) spans."""
    types = types_of(names)
    found: list[Prediction] = [
        {"tags": [names[tag] for tag in row[:length]], "entities": []}
        for row, length in zip(tags.tolist(), lengths.tolist(), strict=True)
    ]
    for position, (row, start, end, kind) in enumerate(spans.tolist()):
        entity = {"type": types[kind], "start": start, "end": end}
        if confidences is not None:
            entity["confidence"] = confidences[position]
        found[row]["entities"].append(entity)
    return found
