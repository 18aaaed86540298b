"""Vectors of a word's character n-grams, hashed into a table."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqloom_text.frontends.distinct import MULTIPLIER, distinct_rows
from seqloom_text.frontends.fields import PAD

_SHIFT = 32  # the upper half of a product depends on all bits of its factors


def buckets_for(words: Iterable[str], lengths: tuple[int, int], most: int) -> int:
    """Return the size of a table for the n-grams of these words, such that few of them collide.

    Args:
        words: Words of the training examples.
        lengths: Number of characters of the shortest and of the longest n-grams, marks included.
        most: Largest number of rows.

    Returns:
        The smallest power of two that is not below the number of distinct n-grams, or ``most``.

    >>> buckets_for(["ab", "abc"], (3, 3), 16384)  # <ab, ab>, abc, bc>
    4
    """
    shortest, longest = lengths
    found = {
        marked[start : start + length]
        for marked in (f"\0{word}\1" for word in words)
        for length in range(shortest, longest + 1)
        for start in range(len(marked) - length + 1)
    }
    return min(most, 1 << max(0, len(found) - 1).bit_length())


class SubwordVectors(nn.Module):
    """The mean of the vectors of a word's character n-grams.

    The subwords of fastText; Bojanowski et al. 2017 (TACL 5, section 3.2). A word is read between
    two marks, so that prefixes and suffixes differ from what is inside a word. Each n-gram has the
    row of a table that a hash of its characters chooses; the hash is integer arithmetic in torch,
    the same on any device and in any process.

    Args:
        folded: Id (A,) that each of the A character ids is read as: the same id, or that of the
            character's lower case.
        size: D, size of a vector.
        buckets: Number of rows of the table.
        lengths: Number of characters of the shortest and of the longest n-grams, marks included.
        std: Standard deviation of the initial vectors.

    Attributes:
        output_size: D.
    """

    folded: Tensor

    def __init__(
        self, folded: Tensor, size: int, buckets: int, lengths: tuple[int, int], std: float
    ) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(buckets, size, mode="mean")
        self.register_buffer("folded", folded.long(), persistent=False)
        self.shortest, self.longest = lengths
        self.output_size = size
        nn.init.normal_(self.table.weight, std=std)

    def forward(self, characters: Tensor) -> Tensor:
        """Return (B, T, D) for ids (B, T, W); zeros for words that are only padding."""
        batch, steps, width = characters.shape
        spellings = characters.reshape(batch * steps, width).long()
        if spellings.device.type == "cpu" and not torch.compiler.is_compiling():
            rows, place = distinct_rows(spellings)
            vectors = F.embedding(place, self._means(rows))
        else:
            vectors = self._means(spellings)
        return vectors.view(batch, steps, self.output_size)

    def _means(self, spellings: Tensor) -> Tensor:
        """Return (N, D) for spellings (N, W)."""
        hashes, present = self.hashes(spellings)
        counts = present.sum(1)
        offsets = counts.cumsum(0) - counts
        means: Tensor = self.table(hashes[present], offsets)
        return means

    def hashes(self, spellings: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows (N, G) of the n-grams of spellings (N, W), and which of them exist."""
        marked = self._marked(spellings)
        filled = marked != PAD
        hashes, present, rolling, whole = [], [], torch.zeros_like(marked), filled
        for length in range(1, self.longest + 1):
            shift = length - 1
            rolling = rolling[:, : marked.shape[1] - shift] * MULTIPLIER + marked[:, shift:] + 1
            whole = whole[:, : marked.shape[1] - shift] & filled[:, shift:]
            if length >= self.shortest:
                mixed = (rolling ^ (rolling >> _SHIFT)) * MULTIPLIER
                hashes.append((mixed >> _SHIFT) % self.table.num_embeddings)
                present.append(whole)
        return torch.cat(hashes, 1), torch.cat(present, 1)

    def _marked(self, spellings: Tensor) -> Tensor:
        """Return spellings (N, W) between two marks, padded on the right; padding has none."""
        count, begin = spellings.shape[0], len(self.folded)
        read = torch.cat([self.folded, self.folded.new_tensor([begin, begin + 1])])[spellings]
        lengths = (spellings != PAD).sum(1)
        beyond = max(1, self.longest - 1 - spellings.shape[1])  # room for the longest n-gram
        marked = F.pad(read, (1, beyond), value=PAD)
        marked[:, 0] = torch.where(lengths > 0, begin, PAD)
        rows = torch.arange(count, device=spellings.device)
        marked[rows, lengths + 1] = torch.where(lengths > 0, begin + 1, PAD)
        return marked
