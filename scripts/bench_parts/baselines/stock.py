"""What loops around stock networks share: a step of training, and weights from a pipeline."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from _steps import size_of
from seqloom.interfaces import SequenceBatch


class Network(Protocol):
    """A network that returns the loss of a batch."""

    def loss(self, batch: SequenceBatch) -> Tensor:
        """Return the mean loss."""
        ...


class Loop:
    """Trains a network, one batch after the other.

    Args:
        network: Network, an ``nn.Module``.
        optimizer: Its optimizer.
        batches: Batches without end.
        clip: Largest norm of the gradients.
        half: Whether to compute in bfloat16 what autocast does.
    """

    def __init__(
        self,
        network: Network,
        optimizer: torch.optim.Optimizer,
        batches: Iterator[SequenceBatch],
        clip: float,
        *,
        half: bool = False,
    ) -> None:
        self.network, self.optimizer, self.batches = network, optimizer, batches
        self.clip, self.half = clip, half

    def __call__(self) -> int:
        """Take a step; return the size of its batch."""
        batch = next(self.batches)
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            loss = self.network.loss(batch)
        loss.backward()
        clip_grad_norm_(self.optimizer.param_groups[0]["params"], self.clip)
        self.optimizer.step()
        return size_of(batch)


def take_weights(
    network: nn.Module, model: nn.Module, names: Mapping[str, str], without: Collection[str] = ()
) -> None:
    """Give a stock network all weights of a model, of which none may be left out.

    Args:
        network: Network with an ``nn.LSTM`` as ``encoder``.
        model: Model with an encoder ``bilstm``.
        names: Starts of the model's names, and what they are in the network.
        without: Values of the model that its loss does not depend on.
    """
    found = {
        _stock_name(name, names): value
        for name, value in model.state_dict().items()
        if name not in without
    }
    network.load_state_dict(found)


def _stock_name(name: str, names: Mapping[str, str]) -> str:
    layer = re.fullmatch(r"encoder\.stack\.layers\.(\d)\.(\w+)_layer\.core\.(\w+)_l0", name)
    if layer:
        end = "_reverse" if layer[2] == "backward" else ""
        return f"encoder.{layer[3]}_l{layer[1]}{end}"
    start = next((one for one in names if name.startswith(one)), "")
    return names.get(start, "") + name.removeprefix(start)
