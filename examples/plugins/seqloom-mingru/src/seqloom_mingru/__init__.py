"""minGRU encoders: the entry module, which imports neither torch nor Lightning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from seqloom.nn import Merge
from seqloom.plugins import Component, hookimpl


class Candidate(StrEnum):
    """Function g that computes the candidate state."""

    linear = "linear"  # x
    positive = "positive"  # x + 1/2 for x ≥ 0, else σ(x): for scans in logarithms


@dataclass
class MinGRU:
    """Parameters of ``mingru``.

    Attributes:
        hidden_size: Units of a layer, per direction.
        num_layers: Number of layers. Gates depend on previous steps only from the second layer on.
            Three layers have about as many weights as one LSTM layer.
        dropout: Probability of zeroing a value between two layers.
        locked_dropout: Whether the same units are zeroed at all steps of a sequence.
        candidate: Function that computes the candidate state.
        norm: Whether the inputs of each layer are normalized (layer norm).
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
        merge: How the two directions of a layer are merged.
    """

    merge: Merge = Merge.concat


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the unidirectional and the bidirectional encoder."""
    return [
        Component("encoder", "mingru", MinGRU, "seqloom_mingru.encoders:MinGRU"),
        Component("encoder", "bimingru", BiMinGRU, "seqloom_mingru.encoders:BiMinGRU"),
    ]


@hookimpl
def seqloom_config_packages() -> Iterable[str]:
    """Return the package of presets."""
    return ["seqloom_mingru.conf"]
