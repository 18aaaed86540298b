"""Time a step of handwriting recognition against the stock one: one thread, A B A B.

The network is PyLaia's default one: convolutions 16-16-32-32 of 3×3, three poolings by two, three
BiLSTM layers of 256, CTC; lines of 64 pixels' height and log-normal widths, ten a batch. The stock
step is plain torch: maps as they come (NCHW), a packed ``nn.LSTM``, no batch norm. Ours is the
frontend and encoder of a pipeline, with its batch norm and its masks. ``P11``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqloom.interfaces import Features, Inputs
from seqloom_ctc.paths import best_path, ctc_loss
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.images.frontend import LineImageFrontend
from seqloom_recurrent.encoders import BiLSTM

B, HEIGHT, CLASSES = 10, 64, 100
CHANNELS, POOLING = [16, 16, 32, 32], ["2x2", "2x2", "2x2", "1x1"]
ROUNDS, WARM_UP = 7, 1
Run = Callable[[], Any]


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


class Ours(nn.Module):
    """The same network from the parts of a pipeline."""

    def __init__(self) -> None:
        super().__init__()
        params: dict[str, Any] = {"height": HEIGHT, "channels": CHANNELS, "pooling": POOLING}
        self.frontend = LineImageFrontend(LineImageCodec(**params), **params)
        self.encoder = BiLSTM(self.frontend.output_size, hidden_size=256, num_layers=3)
        self.linear = nn.Linear(512, CLASSES)

    def forward(self, data: Data) -> tuple[Tensor, Tensor]:
        """Return (B, T, C) scores and the numbers of frames."""
        inputs = Inputs({"image": data.images}, {"image": data.widths})
        features: Features = self.frontend(inputs)
        return self.linear(self.encoder(features).states), features.lengths

    def loss(self, data: Data) -> Tensor:
        """Return the mean loss."""
        scores, lengths = self(data)
        return (ctc_loss(scores, lengths, data.targets, data.sizes) / data.sizes).mean()


def _training(network: Ours | Stock, data: Data) -> Run:
    optimizer = torch.optim.RMSprop(network.parameters(), 3e-4)

    def run() -> None:
        network.train()
        optimizer.zero_grad()
        network.loss(data).backward()
        optimizer.step()

    return run


def _inference(network: Ours | Stock, data: Data) -> Run:
    def run() -> None:
        network.eval()
        with torch.inference_mode():
            best_path(*network(data))

    return run


def interleaved(*runs: Run) -> list[float]:
    """Return the median processor seconds of each of several functions that are run in turn."""
    times: list[list[float]] = [[] for _ in runs]
    for turn in range(ROUNDS + WARM_UP):
        for run, kept in zip(runs, times, strict=True):
            started = time.process_time()
            run()
            if turn >= WARM_UP:
                kept.append(time.process_time() - started)
    return [statistics.median(kept) for kept in times]


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison: id, what, ratio of our time to theirs, target."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    try:
        return _compare(Ours(), Stock(), Data.made())
    finally:
        torch.set_num_threads(threads)


def _compare(ours: Ours, stock: Stock, data: Data) -> list[dict[str, Any]]:
    rows = []
    for what, make, target in (("training", _training, 0.5), ("inference", _inference, 0.417)):
        mine, theirs = interleaved(make(ours, data), make(stock, data))
        rows.append(
            _row(f"P11-{what}", f"{what}, against the packed stock step", mine, theirs, target)
        )
    with torch.inference_mode():
        scores = ours(data)
        greedy, whole = interleaved(lambda: best_path(*scores), _inference(ours, data))
    return [
        *rows,
        _row("P11-greedy", "greedy decoding, as a share of inference", greedy, whole, 0.01),
    ]


def _row(name: str, what: str, ours: float, theirs: float, target: float) -> dict[str, Any]:
    return {
        "id": name,
        "what": f"handwriting, {what}",
        "ratio": ours / theirs,
        "target": target,
        "ours": ours,
        "theirs": theirs,
    }


if __name__ == "__main__":
    for row in measure():
        print(row)
