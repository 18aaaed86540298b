"""PyLaia's default network and its training step in plain torch: maps NCHW, a packed LSTM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

B, HEIGHT, CLASSES = 10, 64, 100
CHANNELS, POOLING = [16, 16, 32, 32], ["2x2", "2x2", "2x2", "1x1"]


@dataclass(frozen=True)
class Data:
    """Ten lines: images (B, W, H) uint8, their widths, and targets (B, S) with their sizes."""

    images: Tensor
    widths: Tensor
    targets: Tensor
    sizes: Tensor

    @classmethod
    def made(cls) -> Data:
        """Return lines whose widths are log-normal around 1000 pixels (σ 0.4)."""
        rng = np.random.default_rng(1)
        widths = torch.tensor(rng.lognormal(np.log(1000), 0.4, B).astype(int).clip(200))
        images = torch.zeros(B, int(widths.max()), HEIGHT, dtype=torch.uint8)
        for row, width in enumerate(widths.tolist()):
            images[row, :width] = torch.from_numpy(rng.integers(0, 256, (width, HEIGHT), np.uint8))
        sizes = widths // 22
        return cls(images, widths, torch.randint(1, CLASSES, (B, int(sizes.max()))), sizes)


class Stock(nn.Module):
    """The network as a tutorial writes it."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after, pooling in zip([1, *CHANNELS], CHANNELS, POOLING, strict=False):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.LeakyReLU()]
            layers += [nn.MaxPool2d(2)] if pooling == "2x2" else []
        self.convolutions = nn.Sequential(*layers)
        self.lstm = nn.LSTM(
            CHANNELS[-1] * HEIGHT // 8, 256, 3, batch_first=True, bidirectional=True
        )
        self.linear = nn.Linear(512, CLASSES)

    def forward(self, data: Data) -> tuple[Tensor, Tensor]:
        """Return (B, T, C) scores and the numbers of frames."""
        maps = self.convolutions(data.images.float().div(255).transpose(1, 2)[:, None])
        values, lengths = maps.flatten(1, 2).transpose(1, 2), data.widths // 8
        packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.linear(states), lengths

    def loss(self, data: Data) -> Tensor:
        """Return the mean loss."""
        scores, lengths = self(data)
        log_probs = scores.log_softmax(-1).transpose(0, 1)
        return F.ctc_loss(log_probs, data.targets, lengths, data.sizes)
