"""The two encoders: minGRU layers on top of one another, in one direction or in two."""

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
    """minGRU layers on top of one another: (B, T, D) → (B, T, H).

    Its state, for ``forward``, ``step`` and ``final_state``, is the tuple of its layers' states,
    the lowest first, (B, H) each.

    Args:
        input_size: D.
        hidden_size: units of a layer, per direction.
        num_layers: how many.
        dropout: p between two layers, in [0, 1).
        locked_dropout: one mask for all steps of a sequence.
        candidate: ``linear`` or ``positive``; see `MinGRULayer`.
        norm: layer norm of what each layer reads; see `Normalised`.
        merge: how two directions of a layer become one; None has one direction.

    Raises:
        ConfigError: a parameter is out of its range; the text has its key.
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
        """Encode a batch, from ``state`` if it is given.

        Raises:
            ValueError: the batch is empty, a sequence has no step, or an encoder of two directions
                was given a state.
        """
        check_features(features)
        values = zero_padding(features.values, features.lengths)
        given = self.stack(values, features.lengths, state)
        return Encoded(given.outputs, given.summary, features.lengths, features, given.finish)

    def initial_state(self, batch_size: int) -> State:
        """Return zeros for each layer; ``mingru`` only."""
        return self.stack.initial_state(batch_size)

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return its output, (B, H), with the state; ``mingru`` only."""
        return self.stack.step(values, state)


class BiMinGRU(MinGRU):
    """Each layer reads in both directions and merges what they give, before the next one reads it.

    (B, T, D) → (B, T, 2H) if ``merge`` is ``concat``, (B, T, H) otherwise. The summary merges, in
    the same way, the forward direction's last step with the backward direction's first. The final
    state has a pair for each layer, forward's and backward's; it cannot be gone on from.
    """

    def __init__(self, input_size: int, *, merge: str = Merge.concat, **params: Any) -> None:
        check_option("encoder.merge", merge, Merge)
        super().__init__(input_size, merge=merge, **params)


def _layer(input_size: int, hidden_size: int, candidate: str, merge: str | None) -> Layer:
    forward = MinGRULayer(input_size, hidden_size, candidate)
    if merge is None:
        return forward
    return Bidirectional(forward, MinGRULayer(input_size, hidden_size, candidate), merge)
