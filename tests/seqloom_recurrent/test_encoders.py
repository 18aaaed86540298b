"""What else the encoders promise: steps, states, causality, sizes, refusals."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from seqloom.errors import ConfigError
from seqloom.interfaces import Features
from seqloom_recurrent.encoders import BiLSTM

CAUSAL = ["rnn", "lstm", "gru"]
BOTH = ["birnn", "bilstm", "bigru"]


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("name", CAUSAL)
def test_step_equals_forward(tools: Any, name: str, num_layers: int, nonlinearity: str) -> None:
    params = {"nonlinearity": nonlinearity} if name == "rnn" else {}
    encoder = tools.make(name, hidden_size=6, num_layers=num_layers, dropout=0.5, **params).eval()
    values = torch.randn(4, 7, 3)
    state = encoder.initial_state(4)
    wanted = encoder(Features(values, torch.full((4,), 7)))
    for t in range(7):
        output, state = encoder.step(values[:, t], state)
        torch.testing.assert_close(output, wanted.states[:, t], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(state, wanted.final_state, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("path", [None, "dense", "pieces", "packed"])
@pytest.mark.parametrize("name", CAUSAL)
def test_goes_on_from_a_state(tools: Any, name: str, path: str | None) -> None:
    encoder = tools.make(name, hidden_size=6, num_layers=2, path=path)
    rows = [torch.randn(n, 3) for n in (12, 4, 7)]
    whole = encoder(tools.features(rows))
    start = encoder(
        tools.features([row[: n // 3] for row, n in zip(rows, (12, 4, 7), strict=True)])
    )
    rest = encoder(
        tools.features([row[n // 3 :] for row, n in zip(rows, (12, 4, 7), strict=True)]),
        start.final_state,
    )
    torch.testing.assert_close(rest.summary, whole.summary, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(rest.final_state, whole.final_state, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", CAUSAL + BOTH)
def test_causality(tools: Any, name: str) -> None:
    encoder = tools.make(name, hidden_size=4, num_layers=2)
    values = torch.randn(1, 6, 3)
    changed = values.clone()
    changed[:, 4] += 1.0
    length = torch.tensor([6])
    before = encoder(Features(values, length)).states
    after = encoder(Features(changed, length)).states
    same = bool((before[:, :4] - after[:, :4]).abs().max() < 1e-7)
    assert same is encoder.causal is (name in CAUSAL)
    assert (before[:, 4:] - after[:, 4:]).abs().max() > 1e-3


@pytest.mark.parametrize("merge", ["concat", "sum", "average", "multiply"])
def test_apple_needs_the_other_direction(tools: Any, merge: str) -> None:
    fruit = ["Apple", "is", "something", "that", "I", "like", "to", "eat", "."]
    firm = ["Apple", "is", "something", "that", "competitors", "simply", "cannot", "reproduce", "."]
    words = {word: k for k, word in enumerate(sorted({*fruit, *firm}))}
    embedding = torch.nn.Embedding(len(words), 8)
    batch = [embedding(torch.tensor([words[word] for word in text])) for text in (fruit, firm)]

    one = tools.make("lstm", 8, hidden_size=16)(tools.features(batch))
    two = tools.make("bilstm", 8, hidden_size=16, merge=merge)(tools.features(batch))

    assert fruit[:4] == firm[:4]
    assert torch.equal(one.states[0, :4], one.states[1, :4])
    assert (two.states[0, 0] - two.states[1, 0]).abs().max() > 1e-3


@pytest.mark.parametrize("name", BOTH)
def test_length_one_is_its_own_summary(tools: Any, name: str) -> None:
    encoder = tools.make(name, hidden_size=4)
    given = encoder(tools.features([torch.randn(1, 3)]))
    torch.testing.assert_close(given.states[:, 0], given.summary)


@pytest.mark.parametrize("name", CAUSAL + BOTH)
@pytest.mark.parametrize("merge", ["concat", "sum"])
def test_output_size_is_known_at_once(tools: Any, name: str, merge: str) -> None:
    params = {"merge": merge} if name in BOTH else {}
    encoder = tools.make(name, hidden_size=5, num_layers=2, **params)
    assert encoder.output_size == (10 if params == {"merge": "concat"} else 5)
    given = encoder(tools.features([torch.randn(2, 3)]))
    assert given.states.shape == (1, 2, encoder.output_size)
    assert given.summary.shape == (1, encoder.output_size)


@pytest.mark.parametrize("name", CAUSAL + BOTH)
def test_dropout_is_between_layers_in_training_only(tools: Any, name: str) -> None:
    encoder = tools.make(name, hidden_size=32, num_layers=2, dropout=0.5)
    features = tools.features([torch.randn(5, 3)])
    assert not torch.equal(encoder(features).states, encoder(features).states)
    encoder.eval()
    assert torch.equal(encoder(features).states, encoder(features).states)
    single = tools.make(name, hidden_size=32, num_layers=1, dropout=0.5)
    assert torch.equal(single(features).states, single(features).states)


def test_final_state_agrees_with_dropped_inputs(tools: Any) -> None:
    encoder = tools.make("lstm", hidden_size=8, num_layers=2, dropout=0.5)
    given = encoder(tools.features([torch.randn(n, 3) for n in (6, 2)]))
    torch.testing.assert_close(given.final_state[1][0], given.summary, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", CAUSAL + BOTH)
def test_survives_a_deep_copy_and_a_state_dict(tools: Any, name: str) -> None:
    params = {"merge": "multiply"} if name in BOTH else {}
    encoder = tools.make(name, hidden_size=4, **params)
    features = tools.features([torch.randn(n, 3) for n in (6, 2)])
    other = tools.make(name, hidden_size=4, **params)
    other.load_state_dict(encoder.state_dict())
    wanted = encoder(features).states
    assert torch.equal(other(features).states, wanted)
    assert torch.equal(copy.deepcopy(encoder)(features).states, wanted)


@pytest.mark.parametrize("name", CAUSAL + BOTH)
@pytest.mark.parametrize("lengths", [(7, 7, 7), (20, 3, 1), (8, 7, 7)])
def test_bfloat16(tools: Any, name: str, lengths: tuple[int, ...]) -> None:
    encoder = tools.make(name, 8, hidden_size=16, num_layers=2)
    rows = [torch.randn(n, 8) for n in lengths]
    wanted = encoder(tools.features(rows))
    with torch.autocast("cpu", torch.bfloat16):
        given = encoder(tools.features(rows, fill=float("nan")))
        alone = [encoder(tools.features([row])).states[0] for row in rows]
    for b, n in enumerate(lengths):
        ours = given.states[b, :n].float()
        assert (ours - alone[b].float()).abs().max() < 1e-2
        assert (ours - wanted.states[b, :n]).square().mean().sqrt() < 1e-2
    given.summary.float().sum().backward()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())


@pytest.mark.parametrize("name", BOTH)
def test_two_directions_take_no_state(tools: Any, name: str) -> None:
    encoder = tools.make(name)
    features = tools.features([torch.randn(2, 3)])
    with pytest.raises(ValueError, match="cannot continue from a state"):
        encoder(features, encoder(features).final_state)
    with pytest.raises(NotImplementedError, match="not causal"):
        encoder.initial_state(1)
    with pytest.raises(NotImplementedError, match="not causal"):
        encoder.step(torch.randn(1, 3), ())


@pytest.mark.parametrize(
    ("shape", "lengths", "text"),
    [
        ((0, 3, 3), [], "The batch is empty"),
        ((2, 0, 3), [0, 0], "Sequence 0 of the batch has length 0"),
        ((2, 3, 3), [3, 0], "Sequence 1 of the batch has length 0"),
        ((2, 3, 3), [3, 4], "Sequence 1 of the batch has length 4, but .* only 3 steps"),
    ],
)
@pytest.mark.parametrize("name", CAUSAL + BOTH)
def test_refuses_what_has_no_steps(
    tools: Any, name: str, shape: tuple[int, ...], lengths: list[int], text: str
) -> None:
    features = Features(torch.zeros(shape), torch.tensor(lengths, dtype=torch.int64))
    with pytest.raises(ValueError, match=text):
        tools.make(name)(features)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"hidden_size": 0}, "encoder.hidden_size is 0; it must be a whole number, 1 or more"),
        ({"hidden_size": True}, "encoder.hidden_size is True"),
        ({"num_layers": 0}, "encoder.num_layers is 0; it must be a whole number, 1 or more"),
        ({"dropout": 1.0}, r"encoder.dropout=1.0: expected a number in \[0, 1\)"),
        ({"dropout": -0.1}, r"encoder.dropout=-0.1: expected a number in \[0, 1\)"),
    ],
)
@pytest.mark.parametrize("name", CAUSAL + BOTH)
def test_refuses_parameters(tools: Any, name: str, params: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        tools.make(name, **params)


@pytest.mark.parametrize("name", CAUSAL + BOTH)
def test_a_dropout_that_changes_nothing(
    tools: Any, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    tools.make(name, num_layers=2, dropout=0.3)
    tools.make(name, num_layers=1)
    assert caplog.text == ""
    tools.make(name, num_layers=1, dropout=0.3)
    assert "encoder.dropout=0.3 changes nothing with encoder.num_layers=1" in caplog.text


def test_refuses_unknown_options(tools: Any) -> None:
    with pytest.raises(ConfigError, match=r"encoder.merge is 'summ'. Did you mean 'sum'\?"):
        tools.make("bilstm", merge="summ")
    with pytest.raises(ConfigError, match=r"nonlinearity is 'tan'. Did you mean 'tanh'\?"):
        tools.make("birnn", nonlinearity="tan")


def test_the_forget_bias_reaches_the_layers() -> None:
    encoder = BiLSTM(3, 4, num_layers=2, forget_bias=3.0)
    biases = [bias for key, bias in encoder.named_parameters() if "bias_ih" in key]
    assert len(biases) == 4
    assert all(bias[4:8].eq(3.0).all() for bias in biases)
