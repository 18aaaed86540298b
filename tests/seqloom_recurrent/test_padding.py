"""The rule of padding: alone, padded with NaN in any batch, and in any order, the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

NAMES = ["rnn", "lstm", "gru", "birnn", "bilstm", "bigru"]
BATCHES = st.lists(st.integers(1, 20), min_size=1, max_size=5)


def results(
    encoder: Any, features: Any, rows: list[Tensor], pulls: list[Tensor]
) -> tuple[list[list[Tensor]], tuple[Tensor, ...]]:
    """Return each row's (states, summary, input gradient), and the weights' gradients."""
    given = encoder(features)
    states = [given.states[b, : len(row)] for b, row in enumerate(rows)]
    total = given.summary.square().sum()
    for of_row, pull in zip(states, pulls, strict=True):
        total = total + (of_row * pull).sum()
    grads = torch.autograd.grad(total, [*rows, *encoder.parameters()])
    each = [list(z) for z in zip(states, given.summary, grads[: len(rows)], strict=True)]
    return each, grads[len(rows) :]


def close(ours: Tensor, theirs: Tensor) -> None:
    size = max(1.0, theirs.abs().max().item())  # relu's gradients can be large
    torch.testing.assert_close(ours, theirs, atol=1e-5 * size, rtol=0.0)


@pytest.mark.parametrize("merge", ["concat", "multiply"])
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, deadline=None)
@given(lengths=BATCHES, data=st.data())
def test_alone_padded_permuted(
    tools: Any, name: str, merge: str, lengths: list[int], data: st.DataObject
) -> None:
    params = {"merge": merge} if name.startswith("bi") else {"nonlinearity": "relu"}
    params = params if name in ("rnn", "birnn", "bilstm", "bigru") else {}
    encoder = tools.make(name, hidden_size=4, num_layers=2, **params).eval()
    rows = [torch.randn(n, 3, requires_grad=True) for n in lengths]
    pulls = [torch.randn(n, encoder.output_size) for n in lengths]
    more = data.draw(st.integers(0, 6))
    order = data.draw(st.permutations(range(len(rows))))

    single = [
        results(encoder, tools.features([row]), [row], [pull])
        for row, pull in zip(rows, pulls, strict=True)
    ]
    padded = tools.features(rows, max(lengths) + more, fill=float("nan"))
    together, weights = results(encoder, padded, rows, pulls)
    shuffled, _ = results(
        encoder,
        tools.features([rows[i] for i in order], fill=float("nan")),
        [rows[i] for i in order],
        [pulls[i] for i in order],
    )
    for (our, (their, _)), again in zip(
        zip(together, single, strict=True),
        [shuffled[order.index(i)] for i in range(len(rows))],
        strict=True,
    ):
        for k in range(3):
            close(our[k], their[0][k])
            close(again[k], their[0][k])
    for k, weight in enumerate(weights):
        close(weight, torch.stack([grads[k] for _, grads in single]).sum(0))


@pytest.mark.parametrize("name", NAMES)
def test_padding_gets_no_gradient(tools: Any, name: str) -> None:
    encoder = tools.make(name, hidden_size=4)
    features = tools.features([torch.randn(n, 3) for n in (3, 1)], 5, fill=float("nan"))
    features.values.requires_grad_()
    encoder(features).summary.sum().backward()
    padding = torch.arange(5) >= features.lengths[:, None]
    assert features.values.grad[padding].eq(0).all()
    assert features.values.grad[~padding].ne(0).any()


def test_relu_does_not_overflow_in_the_padding(tools: Any) -> None:
    encoder = tools.make("rnn", hidden_size=4, nonlinearity="relu")
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.copy_(weight.abs() * 10)
    features = tools.features([torch.ones(2, 3), torch.ones(1, 3)], 400)
    encoder(features).summary.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())
