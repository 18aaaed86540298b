"""The encoder equals attention's equations, and attends to real steps only."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from seqloom.errors import ConfigError
from seqloom.interfaces import Features
from torch import Tensor, nn

from seqloom_transformer.encoder import TransformerEncoder
from seqloom_transformer.positions import sinusoids

D, H, HEADS = 5, 8, 2
LENGTHS = torch.tensor([6, 1, 4])


def made(input_size: int = D, **params: Any) -> TransformerEncoder:
    torch.manual_seed(1)
    encoder = TransformerEncoder(
        input_size, hidden_size=H, heads=HEADS, feedforward_size=12, **params
    )
    with torch.no_grad():  # biases and norms of their own, so that a mistake about them shows
        for parameter in encoder.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return encoder.eval()


def features(size: int = D) -> Features:
    torch.manual_seed(2)
    values = torch.randn(3, 6, size)
    for row, length in enumerate(LENGTHS.tolist()):
        values[row, length:] = torch.nan
    return Features(values, LENGTHS)


def normed(values: Tensor, norm: Any) -> Tensor:
    centred = values - values.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    scaled: Tensor = centred / (variance + norm.eps).sqrt() * norm.weight + norm.bias
    return scaled


def attention(values: Tensor, part: Any) -> Tensor:
    """Return softmax(Q Kᵀ / √d) V of one sequence, (T, H), head by head."""
    q, k, v = (values @ part.in_proj_weight.T + part.in_proj_bias).chunk(3, -1)
    size, heads = H // HEADS, []
    for head in range(HEADS):
        own = slice(head * size, (head + 1) * size)
        scores = q[:, own] @ k[:, own].T / math.sqrt(size)
        weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
        heads.append(weights @ v[:, own])
    attended: Tensor = torch.cat(heads, -1) @ part.out_proj.weight.T + part.out_proj.bias
    return attended


def by_the_equations(encoder: Any, sequence: Tensor) -> Tensor:
    """Return the states, (T, H), of one sequence, (T, D)."""
    values = normed(encoder.project(sequence), encoder.norm)
    values = values + sinusoids(len(values), H, values)
    for layer in encoder.layers.layers:
        values = values + attention(normed(values, layer.norm1), layer.self_attn)
        inner = layer.linear1(normed(values, layer.norm2))
        gelu = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
        values = values + layer.linear2(gelu)
    return normed(values, encoder.layers.norm)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("summary", ["mean", "first"])
def test_it_equals_the_equations(summary: str, fast: bool) -> None:
    """Also on torch's fast path, which is taken where no gradients are wanted."""
    encoder, given = made(summary=summary), features()
    with torch.set_grad_enabled(not fast):
        found = encoder(given)
    for row, length in enumerate(LENGTHS.tolist()):
        expected = by_the_equations(encoder, given.values[row, :length])
        torch.testing.assert_close(found.states[row, :length], expected, rtol=1e-4, atol=1e-5)
        whole = expected.mean(0) if summary == "mean" else expected[0]
        torch.testing.assert_close(found.summary[row], whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fast", [False, True])
def test_steps_that_no_sequence_has(fast: bool) -> None:
    """A batch may be padded beyond its longest row; states stay as long as the features."""
    values = torch.randn(2, 9, D)
    given, cut = (Features(values[:, :size], torch.tensor([3, 5])) for size in (9, 5))
    with torch.set_grad_enabled(not fast):
        found, expected = made()(given), made()(cut)
    assert found.states.shape == (2, 9, H)
    torch.testing.assert_close(found.states[1, :5], expected.states[1])
    torch.testing.assert_close(found.summary, expected.summary)


def test_every_step_reaches_every_state_of_its_own_sequence_alone() -> None:
    encoder, given = made(), features()
    values = given.values.nan_to_num()
    jacobian = torch.autograd.functional.jacobian(
        lambda inputs: encoder(Features(inputs, LENGTHS)).states, values
    )  # (B, T, H, B, T, D)
    reached = jacobian.abs().sum((2, 5)) > 0
    for row, length in enumerate(LENGTHS.tolist()):
        for other, size in enumerate(LENGTHS.tolist()):
            block = reached[row, :length, other]
            assert block[:, :size].all() == (row == other)
            assert not block[:, size:].any()


def test_order_matters() -> None:
    encoder, values = made(), torch.randn(1, 4, D)
    ahead = encoder(Features(values, torch.tensor([4]))).summary
    back = encoder(Features(values.flip(1), torch.tensor([4]))).summary
    assert (ahead - back).abs().max() > 1e-2


def test_layers_start_with_weights_of_their_own() -> None:
    first, second = made(num_layers=2).layers.layers
    assert not torch.equal(first.linear1.weight, second.linear1.weight)
    assert not torch.equal(first.self_attn.in_proj_weight, second.self_attn.in_proj_weight)


def test_it_projects_where_sizes_differ_only() -> None:
    assert isinstance(made(D).project, nn.Linear)
    assert isinstance(made(H).project, nn.Identity)
    assert made(H)(features(H)).states.shape == (3, 6, H)


def test_the_frontends_scale_does_not_matter() -> None:
    encoder, given = made(H), features(H)
    louder = Features(100 * given.values, LENGTHS)
    torch.testing.assert_close(
        encoder(louder).summary, encoder(given).summary, rtol=1e-3, atol=1e-3
    )


def test_two_thousand_steps() -> None:
    encoder = made()
    values = torch.randn(2, 2_000, D)
    whole = encoder(Features(values, torch.tensor([2_000, 50])))
    assert whole.states.isfinite().all()
    alone = encoder(Features(values[1:, :50], torch.tensor([50])))
    torch.testing.assert_close(whole.states[1, :50], alone.states[0])


def test_a_state_is_refused() -> None:
    encoder = made()
    assert not encoder.causal
    with pytest.raises(ValueError, match="cannot continue from a state"):
        encoder(features(), torch.zeros(3, H))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"hidden_size": 100, "heads": 8},
            r"encoder\.hidden_size=100 is not a multiple of encoder\.heads=8\. Set "
            r"encoder\.hidden_size=96, for example, or another number of heads\.",
        ),
        ({"hidden_size": 3, "heads": 8}, r"Set encoder\.hidden_size=8, for example"),
        ({"heads": 0}, r"encoder\.heads is 0; it must be a whole number, 1 or more\."),
        ({"feedforward_size": -1}, r"encoder\.feedforward_size is -1; it must be"),
        (
            {"dropout": 1.5},
            r"encoder\.dropout=1\.5: expected a number in .0, 1.\.",
        ),
        ({"summary": "last"}, r"encoder\.summary is 'last'\. There are: first, mean\."),
    ],
)
def test_wrong_parameters_are_rejected(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TransformerEncoder(D, **params)
