"""The two encoders: stacks of minGRU layers, unidirectional and bidirectional."""

from __future__ import annotations

from typing import Any

from seqloom.checks import check_count, check_features, check_option, check_probability
from seqloom.interfaces import Encoded, Encoder, Features, State
from seqloom.nn import Bidirectional, Layer, Merge, Stack, zero_padding
from torch import Tensor

from seqloom_mingru import Candidate
from seqloom_mingru.layer import MinGRULayer
from seqloom_mingru.normalised import Normalised


class MinGRU(Encoder):
    """Stack of minGRU layers: (B, T, D) → (B, T, H).

    The state for ``forward``, ``step`` and ``final_state`` is a tuple of the layers' states, the
    lowest layer first, each (B, H).

    Args:
        input_size: Size D of the inputs.
        hidden_size: Units of a layer, per direction.
        num_layers: Number of layers.
        dropout: Probability of zeroing a value between two layers, in [0, 1).
        locked_dropout: Whether one mask is used for all steps of a sequence.
        candidate: ``linear`` or ``positive``; see `MinGRULayer`.
        norm: Whether the inputs of each layer are normalized; see `Normalised`.
        merge: How the two directions of a layer are merged; None for one direction.

    Raises:
        ConfigError: If a parameter is out of range.
    """

    def __init__(
        self,
        input_size: int,
        *,
        hidden_size: int = 128,
        num_layers: int = 3,
        dropout: float = 0.0,
        locked_dropout: bool = True,
        candidate: str = Candidate.linear,
        norm: bool = True,
        merge: str | None = None,
    ) -> None:
        super().__init__()
        check_count("encoder.hidden_size", hidden_size)
        check_count("encoder.num_layers", num_layers)
        check_probability("encoder.dropout", dropout)
        check_option("encoder.candidate", candidate, Candidate)
        layers: list[Layer] = []
        for _ in range(num_layers):
            size = layers[-1].output_size if layers else input_size
            layer = _layer(size, hidden_size, candidate, merge)
            layers.append(Normalised(size, layer) if norm else layer)
        self.stack = Stack(layers, dropout, locked_dropout)
        self.output_size = self.stack.output_size
        self.causal = self.stack.causal

    def forward(self, features: Features, state: State | None = None) -> Encoded:
        """Encode a batch, starting from ``state`` if it is passed.

        Raises:
            ValueError: If the batch is empty, a sequence has no steps, or a state was passed to a
                bidirectional encoder.
        """
        check_features(features)
        values = zero_padding(features.values, features.lengths)
        output = self.stack(values, features.lengths, state)
        return Encoded(output.outputs, output.summary, features.lengths, features, output.finish)

    def initial_state(self, batch_size: int) -> State:
        """Return zeros for each layer; ``mingru`` only."""
        return self.stack.initial_state(batch_size)

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return its output, (B, H), and the state; ``mingru`` only."""
        return self.stack.step(values, state)


class BiMinGRU(MinGRU):
    """Stack of bidirectional minGRU layers.

    (B, T, D) → (B, T, 2H) if ``merge`` is ``concat``, (B, T, H) otherwise. The summary merges the
    last step of the forward direction with the first step of the backward direction. The final
    state has a pair (forward, backward) for each layer; encoding cannot be continued from it.
    """

    def __init__(self, input_size: int, *, merge: str = Merge.concat, **params: Any) -> None:
        check_option("encoder.merge", merge, Merge)
        super().__init__(input_size, merge=merge, **params)


def _layer(input_size: int, hidden_size: int, candidate: str, merge: str | None) -> Layer:
    forward = MinGRULayer(input_size, hidden_size, candidate)
    if merge is None:
        return forward
    return Bidirectional(forward, MinGRULayer(input_size, hidden_size, candidate), merge)
