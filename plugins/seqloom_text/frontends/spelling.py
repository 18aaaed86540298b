"""Features of a word from its characters: a convolution, and the maximum over the word."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqloom_text.frontends.distinct import distinct_rows
from seqloom_text.frontends.fields import PAD, UNK

_FEW = 64
"""Number of spellings up to which it does not pay, in inference, to look for equal ones."""

_POSITIONS = 1 << 14
"""Number of positions up to which, in inference, those of padding are computed too: fewer calls."""


class _Tables(NamedTuple):
    """Responses of the filters to each character, (A, F), one table for each of K positions."""

    each: list[Tensor]
    joined: Tensor  # (K · A, F), with -inf where padding is in the middle
    starts: Tensor  # (K,), the row of each in the joined one


def _join(tables: list[Tensor]) -> _Tables:
    joined = torch.stack(tables)
    joined[len(tables) // 2, PAD] = -torch.inf
    starts = torch.arange(0, joined.shape[0] * joined.shape[1], joined.shape[1])
    return _Tables(tables, joined.flatten(0, 1), starts)


class SpellingFeatures(nn.Module):
    """A convolution over the characters of each word, then the maximum of each filter.

    The character features of Ma and Hovy, 2016 (ACL, section 2.1), without their dropout. On a CPU
    the convolution is computed as look-ups, once for each distinct spelling in the batch; the
    parameters, values and gradients are still those of ``nn.Conv1d``.

    Args:
        alphabet_size: A, number of character ids, with padding (0) and unknown (1).
        size: Size of a character's vector.
        filters: F, number of features of a word.
        width: K, width of the filters, in characters; odd.

    Attributes:
        output_size: F.
    """

    def __init__(self, alphabet_size: int, size: int, filters: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(alphabet_size, size, padding_idx=PAD)
        self.convolution = nn.Conv1d(size, filters, width, padding=width // 2)
        self.output_size = filters
        self._kept: tuple[list[Tensor], _Tables] | None = None
        self._initialise()

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for copies and other processes, without the tables that are kept."""
        return {**self.__dict__, "_kept": None}

    def forward(self, characters: Tensor) -> Tensor:
        """Return (B, T, F) for ids (B, T, W); zeros for words that are only padding."""
        batch, steps, width = characters.shape
        spellings = characters.reshape(batch * steps, width).long()
        if spellings.device.type == "cpu" and not torch.compiler.is_compiling():
            features = self._distinct(spellings)
        else:
            features = self.reference(spellings)
        return features.view(batch, steps, self.output_size)

    def reference(self, spellings: Tensor) -> Tensor:
        """Return the features (N, F) of spellings (N, W), by ``nn.Conv1d`` over all positions."""
        embedded = self.embedding(spellings).transpose(1, 2)  # (N, C, W)
        filtered: Tensor = self.convolution(embedded)  # (N, F, W)
        padding = (spellings == PAD).unsqueeze(1)
        best = filtered.masked_fill(padding, -torch.inf).amax(2)
        return best.masked_fill(padding.all(2), 0.0)

    def _distinct(self, spellings: Tensor) -> Tensor:
        """Compute each distinct row of (N, W) once and copy the result to its duplicates."""
        learns = torch.is_grad_enabled()
        if spellings.shape[0] <= _FEW and not learns:
            return self._look_up_all(spellings)
        rows, place = distinct_rows(spellings)
        look_up = self._look_up if learns or rows.numel() > _POSITIONS else self._look_up_all
        return F.embedding(place, look_up(rows))

    def _look_up_all(self, spellings: Tensor) -> Tensor:
        """Return what ``_look_up`` does, from all positions at once, those of padding included."""
        tables = self._known_tables()
        width = len(tables.each)
        padded = F.pad(spellings, (width // 2, width // 2), value=PAD)
        windows = (padded.unfold(1, width, 1) + tables.starts).reshape(-1, width)
        filtered = F.embedding_bag(windows, tables.joined, mode="sum")
        best = filtered.view(*spellings.shape, self.output_size).amax(1)
        return best.masked_fill_(spellings[:, :1] == PAD, 0.0)

    def _look_up(self, spellings: Tensor) -> Tensor:
        """Return (N, F) for (N, W): the filters' responses to a character are a table's row.

        Each position in a filter has a table; the value at a character is the sum of K rows.
        Positions of padding are left out, not masked.
        """
        tables = self._tables() if torch.is_grad_enabled() else self._known_tables().each
        reach = len(tables) // 2
        padded = F.pad(spellings, (reach, reach), value=PAD)
        present = spellings != PAD
        rows, columns = present.nonzero(as_tuple=True)
        start = rows * padded.shape[1] + columns
        flat = padded.flatten()
        filtered = F.embedding(flat[start], tables[0])
        for place, table in enumerate(tables[1:], start=1):
            filtered = filtered + F.embedding(flat[start + place], table)
        counts = present.sum(1)
        positions = torch.arange(len(start))
        return F.embedding_bag(positions, filtered, counts.cumsum(0) - counts, mode="max")

    def _known_tables(self) -> _Tables:
        """Return the tables for inference, those of the last call if they would be equal.

        They are small, so that comparing all weights takes much less time than computing them.
        """
        if torch.is_autocast_enabled("cpu"):
            return _join(self._tables())
        weights = self.embedding.weight, self.convolution.weight, self.convolution.bias
        own = [one.detach() for one in weights if one is not None]
        if self._kept is None or not all(map(_equal, own, self._kept[0])):
            self._kept = [one.clone() for one in own], _join(self._tables())
        return self._kept[1]

    def _tables(self) -> list[Tensor]:
        """Return K tables (A, F); the bias is in the middle one, which each position reads."""
        # Through the embedding, so that padding stays zero: it has no gradient.
        vectors = self.embedding(torch.arange(self.embedding.num_embeddings))
        tables = torch.einsum("ac,fck->kaf", vectors, self.convolution.weight).to(vectors.dtype)
        middle = len(tables) // 2
        return [t + self.convolution.bias if k == middle else t for k, t in enumerate(tables)]

    @torch.no_grad()
    def _initialise(self) -> None:
        """Draw vectors of length 1 on average; those never seen in training are zero."""
        nn.init.normal_(self.embedding.weight, std=self.embedding.embedding_dim**-0.5)
        self.embedding.weight[[PAD, UNK]] = 0.0


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one, other)
