"""One minGRU layer in one direction."""

from __future__ import annotations

import torch
from seqloom.interfaces import State
from seqloom.nn import Layer, LayerOutput
from torch import Tensor, nn

from seqloom_mingru import Candidate
from seqloom_mingru.scan import linear_recurrence


class MinGRULayer(Layer):
    """z_t = σ(W_z x_t), c_t = g(W_h x_t), h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ c_t.

    Feng et al. 2024, "Were RNNs all we needed?" (arXiv 2410.01201), section 3.1; both maps have a
    bias. Neither the gate nor the candidate depends on h_{t-1}: the recurrence is linear in h, and
    a whole sequence is computed at once. A state is a mean of candidates whose weights sum to at
    most 1, so it cannot overflow at any length.

    The recurrence and its state use at least float32: in bfloat16, with 8 bits, a state would not
    change where z_t is below 1/512.

    Args:
        input_size: Size D of the inputs.
        hidden_size: Size H of a state.
        candidate: Function g, ``linear`` or ``positive``.
    """

    causal = True

    def __init__(
        self, input_size: int, hidden_size: int, candidate: str = Candidate.linear
    ) -> None:
        super().__init__()
        self.output_size = hidden_size
        self.candidate = Candidate(candidate)
        self.read = nn.Linear(input_size, 2 * hidden_size)  # gate and candidate in one product

    def _read(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return z and c, each (…, H), for inputs (…, D)."""
        gate, candidate = exact(self.read(values)).chunk(2, -1)
        if self.candidate is Candidate.positive:
            candidate = torch.where(candidate >= 0, candidate + 0.5, candidate.sigmoid())
        return gate.sigmoid(), candidate

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        """Read a batch, (B, T, D), starting from ``state`` or from zeros."""
        z, c = self._read(values)
        start = self.initial_state(len(values)) if state is None else state
        states = linear_recurrence(1 - z, z * c, start)
        last = (lengths - 1).to(states.device, non_blocking=True)
        final = states[torch.arange(len(states), device=states.device), last]
        return LayerOutput(states.to(values.dtype), final.to(values.dtype), lambda: final)

    def initial_state(self, batch_size: int) -> State:
        """Return zeros, (B, H)."""
        return exact(self.read.weight.new_zeros(batch_size, self.output_size))

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one step, (B, D), and return its output, (B, H), and the state."""
        z, c = self._read(values)
        state = torch.lerp(state, c, z)
        return state.to(values.dtype), state

    def extra_repr(self) -> str:
        """Return g, for ``repr``."""
        return f"candidate={self.candidate}"


def exact(values: Tensor) -> Tensor:
    """Return the values in float32 if their type is shorter."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
