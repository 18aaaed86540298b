"""All six encoders against the equations: values, gradients, final states, on every path."""

from __future__ import annotations

from typing import Any

import pytest
import torch

LENGTHS = [9, 1, 4, 11, 2]  # enough padding to be cut into pieces
MERGES = ["concat", "sum", "average", "multiply"]
CASES: list[tuple[str, dict[str, Any]]] = [
    ("rnn", {}),
    ("rnn", {"nonlinearity": "relu"}),
    ("lstm", {}),
    ("gru", {}),
    *((name, {"merge": merge}) for name in ("birnn", "bilstm", "bigru") for merge in MERGES),
]


def flat(state: Any) -> list[torch.Tensor]:
    if isinstance(state, torch.Tensor):
        return [state]
    return [tensor for part in state for tensor in flat(part)]


@pytest.mark.parametrize("path", [None, "dense", "pieces", "packed"])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize(("name", "params"), CASES)
def test_equals_the_equations(
    tools: Any, name: str, params: dict[str, Any], num_layers: int, path: str | None
) -> None:
    encoder = tools.make(name, path=path, hidden_size=4, num_layers=num_layers, **params)
    rows = [torch.randn(n, 3, requires_grad=True) for n in LENGTHS]
    weights = list(encoder.parameters())

    given = encoder(tools.features(rows, 13, fill=float("nan")))
    wanted = [tools.reference(encoder, row) for row in rows]

    ours, theirs = torch.zeros(()), torch.zeros(())
    for b, (outputs, summary, states) in enumerate(wanted):
        torch.testing.assert_close(given.states[b, : LENGTHS[b]], outputs, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(given.summary[b], summary, atol=1e-5, rtol=1e-5)
        for state, want in zip(flat(given.final_state), flat(states), strict=True):
            torch.testing.assert_close(state[b], want, atol=1e-5, rtol=1e-5)
        pull = torch.randn_like(outputs)
        ours = ours + (given.states[b, : LENGTHS[b]] * pull).sum() + given.summary[b].sum()
        theirs = theirs + (outputs * pull).sum() + summary.sum()
    pairs = zip(
        torch.autograd.grad(ours, [*rows, *weights]),
        torch.autograd.grad(theirs, [*rows, *weights]),
        strict=True,
    )
    for our, their in pairs:
        torch.testing.assert_close(our, their, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("path", ["dense", "pieces", "packed"])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_gradient_of_the_final_state(tools: Any, name: str, path: str) -> None:
    encoder = tools.make(name, path=path, hidden_size=4)
    rows = [torch.randn(n, 3, requires_grad=True) for n in LENGTHS]
    ours = sum(t.square().sum() for t in flat(encoder(tools.features(rows, 13)).final_state))
    finals = [t for row in rows for t in flat(tools.reference(encoder, row)[2])]
    theirs = sum(t.square().sum() for t in finals)
    for our, their in zip(
        torch.autograd.grad(ours, rows), torch.autograd.grad(theirs, rows), strict=True
    ):
        torch.testing.assert_close(our, their, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_concat_equals_torch_weight_for_weight(tools: Any, kind: str, num_layers: int) -> None:
    encoder = tools.make(f"bi{kind.lower()}", hidden_size=5, num_layers=num_layers)
    theirs = getattr(torch.nn, kind)(
        3, 5, num_layers=num_layers, bidirectional=True, batch_first=True
    )
    directions = [
        direction
        for layer in encoder.stack.layers
        for direction in (layer.forward_layer, layer.backward_layer)
    ]
    with torch.no_grad():
        for direction, weights in zip(directions, theirs.all_weights, strict=True):
            for ours, weight in zip(direction.core.all_weights[0], weights, strict=True):
                weight.copy_(ours)

    features = tools.features([torch.randn(n, 3) for n in LENGTHS])
    features.values.requires_grad_()
    given = encoder(features)
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        features.values, features.lengths, batch_first=True, enforce_sorted=False
    )
    outputs, final = theirs(packed)
    wanted, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
    real = torch.arange(max(LENGTHS)) < features.lengths[:, None]
    torch.testing.assert_close(given.states[real], wanted[real], atol=1e-5, rtol=1e-5)
    last = final[0] if kind == "LSTM" else final
    torch.testing.assert_close(given.summary, torch.cat((last[-2], last[-1]), 1))
    pull = torch.randn_like(wanted) * real[..., None]
    ours_grad = torch.autograd.grad((given.states * pull).sum(), features.values)[0]
    their_grad = torch.autograd.grad((wanted * pull).sum(), features.values)[0]
    torch.testing.assert_close(ours_grad, their_grad, atol=1e-5, rtol=1e-4)
