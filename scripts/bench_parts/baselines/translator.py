"""Translation as one writes it with stock parts: packed ``nn.LSTM``, attention, a greedy loop."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from seqloom.interfaces import SequenceBatch

PAD, BOS, EOS = 0, 2, 3
BATCH = 256


class Translator(nn.Module):
    """A BiLSTM, and a decoder of two LSTMs with attention between them (Luong et al. 2015).

    Args:
        sources: Number of units of the input.
        targets: Number of units of the translation.
        size: Size of vectors and states.
        dropout: Probability of zeroing a value.

    Attributes:
        smoothing: Probability that is given to all units evenly in training.
    """

    def __init__(self, sources: int, targets: int, size: int, dropout: float) -> None:
        super().__init__()
        self.source = nn.Embedding(sources, size, padding_idx=PAD)
        self.encoder = nn.LSTM(size, size, batch_first=True, bidirectional=True)
        self.embedding = nn.Embedding(targets, size, padding_idx=PAD)
        self.bias = nn.Parameter(torch.zeros(targets))
        self.start = nn.Linear(2 * size, 2 * size)
        self.key = nn.Linear(2 * size, size, bias=False)
        self.reader = nn.LSTM(size, size, batch_first=True)
        self.writer = nn.LSTM(3 * size, size, batch_first=True)
        self.output = nn.Linear(3 * size, size)
        self.dropout = nn.Dropout(dropout)
        self.smoothing = 0.1

    def encode(self, pieces: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states, (B, T, 2 H), and the last ones of both directions, (B, 2 H)."""
        vectors = self.dropout(self.source(pieces))
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        states, (last, _) = self.encoder(packed)
        return pad_packed_sequence(states, batch_first=True)[0], torch.cat([*last], 1)

    def attend(self, queries: Tensor, states: Tensor, keys: Tensor, beyond: Tensor) -> Tensor:
        """Return the contexts of queries, (B, S, 2 H)."""
        scores = torch.bmm(queries, keys.transpose(1, 2))
        return torch.bmm(scores.masked_fill(beyond, -torch.inf).softmax(2), states)

    def forward(self, pieces: Tensor, lengths: Tensor, units: Tensor) -> Tensor:
        """Return the scores of all units at each place of the translation, (B, S, V)."""
        states, summary = self.encode(pieces, lengths)
        beyond = (torch.arange(pieces.shape[1]) >= lengths[:, None])[:, None]
        hidden, cell = self.start(summary).tanh().chunk(2, 1)
        before = self.embedding(F.pad(units[:, :-1], (1, 0), value=BOS))
        given = hidden.contiguous()[None], cell.contiguous()[None]
        queries, _ = self.reader(self.dropout(before), given)
        contexts = self.attend(queries, states, self.key(states), beyond)
        written, _ = self.writer(self.dropout(torch.cat([queries, contexts], 2)))
        found = self.dropout(self.output(torch.cat([written, contexts], 2)).tanh())
        return F.linear(found, self.embedding.weight, self.bias)

    def loss(self, batch: SequenceBatch) -> Tensor:
        """Return the mean loss of the units."""
        (targets,) = batch.targets.values()
        units = targets["units"].long()
        scores = self(batch.inputs["pieces"].long(), batch.inputs.lengths["pieces"], units)
        return F.cross_entropy(
            scores.flatten(0, 1),
            units.flatten(),
            ignore_index=PAD,
            label_smoothing=self.smoothing if self.training else 0.0,
        )

    @torch.inference_mode()
    def translate(self, rows: Sequence[Sequence[int]], ratio: float, extra: int) -> list[list[int]]:
        """Return the most probable unit at each step, of texts in batches sorted by length.

        Args:
            rows: Pieces of each text.
            ratio: Largest number of units of a translation for each piece.
            extra: Number of units beyond these.
        """
        self.eval()
        found: list[list[int]] = [[]] * len(rows)
        order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        for start in range(0, len(order), BATCH):
            group = order[start : start + BATCH]
            limits = [math.ceil(ratio * len(rows[place])) + extra for place in group]
            units = self._greedy([rows[place] for place in group], max(limits))
            for place, limit, row in zip(group, limits, units, strict=True):
                kept = row[:limit]
                found[place] = kept[: kept.index(EOS)] if EOS in kept else kept
        return found

    def _greedy(self, rows: Sequence[Sequence[int]], most: int) -> list[list[int]]:
        """Return the units of each row, up to its end, with which it leaves the batch."""
        lengths = torch.tensor([len(row) for row in rows])
        pieces = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
        states, summary = self.encode(pieces, lengths)
        keys = self.key(states)
        beyond = (torch.arange(pieces.shape[1]) >= lengths[:, None])[:, None]
        reader = self.start(summary).tanh().chunk(2, 1)
        writer = torch.zeros_like(reader[0]), torch.zeros_like(reader[0])
        unit, places = torch.full((len(rows),), BOS), torch.arange(len(rows))
        found: list[list[int]] = [[] for _ in rows]
        for _ in range(most):
            reader = torch.lstm_cell(self.embedding(unit), reader, *self.reader.all_weights[0])
            context = self.attend(reader[0][:, None], states, keys, beyond)[:, 0]
            read = torch.cat([reader[0], context], 1)
            writer = torch.lstm_cell(read, writer, *self.writer.all_weights[0])
            hidden = self.output(torch.cat([writer[0], context], 1)).tanh()
            scores = F.linear(hidden, self.embedding.weight, self.bias)
            unit = scores[:, EOS:].argmax(1) + EOS
            for place, one in zip(places.tolist(), unit.tolist(), strict=True):
                found[place].append(one)
            kept = unit != EOS
            if not kept.any():
                break
            if not kept.all():
                unit, places, states, keys, beyond = (
                    one[kept] for one in (unit, places, states, keys, beyond)
                )
                reader, writer = (tuple(one[kept] for one in pair) for pair in (reader, writer))
        return found
