"""The weights that a recurrent layer starts with."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def initialise(core: nn.RNNBase, forget_bias: float | None = None) -> None:
    """Set the recurrent weights and biases of a one-layer, one-direction torch layer.

    The recurrent matrix of each gate becomes orthogonal, so that a state keeps its length through
    many steps (Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks"). Biases become zero. torch adds two biases to each gate:
    ``forget_bias`` goes into one of them only (Jozefowicz et al. 2015, "An empirical exploration
    of recurrent network architectures"). Input weights stay as torch draws them.

    Args:
        core: whose weights are set.
        forget_bias: of an LSTM; None for layers without a forget gate.
    """
    size = core.hidden_size
    _, recurrent, input_bias, recurrent_bias = core.all_weights[0]
    for gate in recurrent.chunk(len(recurrent) // size):
        nn.init.orthogonal_(gate)
    input_bias.zero_()
    recurrent_bias.zero_()
    if forget_bias is not None:
        input_bias[size : 2 * size] = forget_bias  # torch's order of the gates is i, f, g, o
