"""A Transformer encoder: the entry module, which imports neither torch nor Lightning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from seqloom.plugins import Component, hookimpl


class Summary(StrEnum):
    """How the states of a sequence are summarized in one vector."""

    mean = "mean"  # over the steps of the sequence
    first = "first"  # the state of the first step, which attends to all


@dataclass
class Transformer:
    """Parameters of ``transformer``.

    Attributes:
        hidden_size: Size of a state; a multiple of ``heads``.
        num_layers: Number of layers.
        heads: Number of attention heads.
        feedforward_size: Units between the two linear maps that follow attention.
        dropout: Probability of zeroing a value in attention, in the feed-forward block, and in the
            output of each block.
        summary: Vector for the whole sequence.
    """

    hidden_size: int = 128
    num_layers: int = 2
    heads: int = 4
    feedforward_size: int = 256
    dropout: float = 0.1
    summary: Summary = Summary.mean


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the encoder."""
    target = "seqloom_transformer.encoder:TransformerEncoder"
    return [Component("encoder", "transformer", Transformer, target)]


@hookimpl
def seqloom_config_packages() -> Iterable[str]:
    """Return the package of presets."""
    return ["seqloom_transformer.conf"]
