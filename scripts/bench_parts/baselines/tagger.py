"""A BiLSTM-CRF tagger as one writes it with stock parts: packed ``nn.LSTM``, pytorch-crf.

``python -m baselines.tagger train|predict FILE`` prints the peak of its memory in KiB.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torchcrf
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from _memory import peak_memory

Sentence = Sequence[tuple[str, str]]
BATCH, CLIP, RATE = 32, 5.0, 0.1


class Tagger(nn.Module):
    """Embedding, dropout, packed BiLSTM, dropout, linear layer, CRF.

    Args:
        words: Number of words, with padding and the unknown word.
        tags: Number of tags.
        size: Size of an embedding.
        hidden_size: Units of a direction.
        dropout: Probability of zeroing a value.
    """

    def __init__(
        self, words: int, tags: int, size: int = 100, hidden_size: int = 256, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, size, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(size, hidden_size, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * hidden_size, tags)
        self.crf = torchcrf.CRF(tags, batch_first=True)

    def emissions(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Return the score of each tag at each step, (B, T, C)."""
        values = self.dropout(self.embedding(words))
        packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        scores: Tensor = self.linear(self.dropout(states))
        return scores

    def loss(self, words: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean loss of the sentences."""
        mask = torch.arange(words.shape[1]) < lengths[:, None]
        loss: Tensor = -self.crf(self.emissions(words, lengths), tags, mask=mask, reduction="mean")
        return loss

    @torch.inference_mode()
    def predict(self, words: Tensor, lengths: Tensor) -> list[list[int]]:
        """Return the best tags of each sentence."""
        mask = torch.arange(words.shape[1]) < lengths[:, None]
        found: list[list[int]] = self.crf.decode(self.emissions(words, lengths), mask=mask)
        return found


class Loop:
    """Training and inference around it, in random batches.

    Args:
        sentences: Sentences with their tags.
        seed: Seed of weights and order.
    """

    def __init__(self, sentences: Sequence[Sentence], seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.random = random.Random(seed)
        pairs = [pair for one in sentences for pair in one]
        self.words = {one: n for n, one in enumerate(dict.fromkeys(w for w, _ in pairs), 2)}
        self.tags = {one: n for n, one in enumerate(sorted({tag for _, tag in pairs}))}
        self.names = list(self.tags)
        self.rows = [
            (
                torch.tensor([self.words[word] for word, _ in one]),
                torch.tensor([self.tags[tag] for _, tag in one]),
            )
            for one in sentences
        ]
        self.model = Tagger(len(self.words) + 2, len(self.tags))
        parameters = list(self.model.parameters())
        self.optimizer = torch.optim.SGD(parameters, RATE, momentum=0.9, fused=True)
        self.batches = self._endless()

    def _endless(self) -> Iterator[list[tuple[Tensor, Tensor]]]:
        while True:
            self.random.shuffle(self.rows)
            for start in range(0, len(self.rows) - BATCH + 1, BATCH):
                yield self.rows[start : start + BATCH]

    def step(self) -> int:
        """Train on a batch; return its number of tokens."""
        rows = next(self.batches)
        lengths = torch.tensor([len(words) for words, _ in rows])
        words = pad_sequence([words for words, _ in rows], batch_first=True)
        tags = pad_sequence([tags for _, tags in rows], batch_first=True)
        self.optimizer.zero_grad()
        self.model.train().loss(words, tags, lengths).backward()
        clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        return int(lengths.sum())

    def predict(self, sentences: Sequence[Sequence[str]], batch: int = 64) -> list[list[str]]:
        """Return the tags of sentences, in batches of their order."""
        self.model.eval()
        found: list[list[str]] = []
        for start in range(0, len(sentences), batch):
            part = sentences[start : start + batch]
            rows = [torch.tensor([self.words.get(word, 1) for word in one]) for one in part]
            lengths = torch.tensor([len(one) for one in rows])
            tags = self.model.predict(pad_sequence(rows, batch_first=True), lengths)
            found += [[self.names[tag] for tag in one] for one in tags]
        return found


def read(path: Path) -> list[list[tuple[str, str]]]:
    """Return the sentences of a CoNLL file."""
    parts = path.read_text("utf-8").strip().split("\n\n")
    return [[(line.split()[0], line.split()[-1]) for line in one.splitlines()] for one in parts]


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = read(Path(sys.argv[2]))
    loop = Loop(found)
    if sys.argv[1] == "train":
        for _ in range(60):
            loop.step()
    else:
        loop.predict([[word for word, _ in one] for one in found])
    print(peak_memory())
