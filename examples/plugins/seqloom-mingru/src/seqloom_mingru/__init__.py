"""minGRU encoders: the entry module, which imports neither torch nor Lightning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from seqloom.nn import Merge
from seqloom.plugins import Component, hookimpl


class Candidate(StrEnum):
    """The function g that makes the candidate state of what was read."""

    linear = "linear"  # x
    positive = "positive"  # x + 1/2 from zero on, σ(x) below: for scans in logarithms


@dataclass
class MinGRU:
    """Parameters of ``mingru``.

    Attributes:
        hidden_size: units of a layer, per direction.
        num_layers: layers on top of one another; only from the second on do gates know what was
            read before. Three have about the weights of one LSTM layer.
        dropout: probability of zeroing a value between two layers.
        locked_dropout: zero the same units at all steps of a sequence, not others at each step.
        candidate: what makes the candidate state.
        norm: bring what each layer reads to mean 0 and variance 1 (layer norm).
    """

    hidden_size: int = 128
    num_layers: int = 3
    dropout: float = 0.0
    locked_dropout: bool = True
    candidate: Candidate = Candidate.linear
    norm: bool = True


@dataclass
class BiMinGRU(MinGRU):
    """Parameters of ``bimingru``.

    Attributes:
        merge: how the two directions of a layer become one.
    """

    merge: Merge = Merge.concat


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the encoder of one direction, and that of two."""
    return [
        Component("encoder", "mingru", MinGRU, "seqloom_mingru.encoders:MinGRU"),
        Component("encoder", "bimingru", BiMinGRU, "seqloom_mingru.encoders:BiMinGRU"),
    ]


@hookimpl
def seqloom_config_packages() -> Iterable[str]:
    """Return the package of presets."""
    return ["seqloom_mingru.conf"]
