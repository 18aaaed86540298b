"""Time a step of handwriting recognition against the stock one: one thread, A B A B.

The network is PyLaia's default one: convolutions 16-16-32-32 of 3×3, three poolings by two, three
BiLSTM layers of 256, CTC; lines of 64 pixels' height and log-normal widths, ten a batch. The stock
step is plain torch: maps as they come (NCHW), a packed ``nn.LSTM``, no batch norm. Ours is the
frontend and encoder of a pipeline, with its batch norm and its masks. ``P11``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from _timing import Run, interleaved, rounds, row
from baselines.handwriting import CHANNELS, CLASSES, HEIGHT, POOLING, Data, Stock
from seqloom.interfaces import Features, Inputs
from seqloom.nn.companion import single_thread
from seqloom_ctc.paths import best_path, ctc_loss
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.images.frontend import LineImageFrontend
from seqloom_recurrent.encoders import BiLSTM

ROUNDS = 7


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


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison."""
    torch.manual_seed(0)
    with single_thread():
        return _compare(Ours(), Stock(), Data.made())


def _compare(ours: Ours, stock: Stock, data: Data) -> list[dict[str, Any]]:
    rows = []
    for what, make, target in (("training", _training, 0.5), ("inference", _inference, 0.417)):
        mine, theirs = interleaved(make(ours, data), make(stock, data), rounds=rounds(ROUNDS))
        name = f"handwriting, {what}, against the packed stock step"
        rows.append(row(f"P11-{what}", name, mine, theirs, target))
    with torch.inference_mode():
        scores = ours(data)
        runs = (lambda: best_path(*scores), _inference(ours, data))
        greedy, whole = interleaved(*runs, rounds=rounds(ROUNDS))
    name = "handwriting, greedy decoding, as a share of inference"
    return [*rows, row("P11-greedy", name, greedy, whole, 0.01)]


if __name__ == "__main__":
    for one in measure():
        print(one)
