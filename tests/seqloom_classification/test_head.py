from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

from seqloom.errors import ConfigError
from seqloom_classification.head import ClassificationHead

H = 6
POOLINGS = ["summary", "mean", "max", "summary_mean_max", "attention"]


def _head(codec: Any, **params: Any) -> ClassificationHead:
    torch.manual_seed(1)
    sets = codec.multi_label
    given = {"multi_label": sets, "dropout": 0.0, "direct": False, "label_smoothing": 0.0, **params}
    return ClassificationHead(codec, H, features_size=H, **given).eval()


@pytest.mark.parametrize("balanced", [False, True])
def test_loss_is_torchs_own(fit: Any, batch_of: Any, balanced: bool) -> None:
    codec = fit(["a", "a", "b", "c"], balanced=balanced)
    scores, target = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    loss = _head(codec).loss(scores, batch_of(target))
    oracle = nn.CrossEntropyLoss(torch.tensor(codec.weights))(scores, target)
    assert loss.shape == (5,)
    # Torch divides its mean by the sum of the weights; our losses are each example's own.
    weights = torch.tensor(codec.weights)[target]
    torch.testing.assert_close(loss.sum() / weights.sum(), oracle)


def test_labels_are_smoothed_in_training_only(three: Any, batch_of: Any) -> None:
    head, scores, target = _head(three, label_smoothing=0.2), torch.randn(3, 3), torch.arange(3)
    plain = nn.functional.cross_entropy(scores, target, reduction="none")
    torch.testing.assert_close(head.loss(scores, batch_of(target)), plain)
    even = -scores.log_softmax(1).mean(1)
    smoothed = head.train().loss(scores, batch_of(target))
    torch.testing.assert_close(smoothed, 0.8 * plain + 0.2 * even)


def test_loss_of_sets_is_torchs_own(fit: Any, batch_of: Any) -> None:
    codec = fit([["a"], ["a"], ["b"]], multi_label=True, class_weights={"b": 3.0})
    scores, target = torch.randn(4, 2), torch.tensor([[0.0, 1], [1, 1], [0, 0], [1, 0]])
    loss = _head(codec).loss(scores, batch_of(target))
    oracle = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 3.0]))(scores, target)
    assert loss.shape == (4,)
    torch.testing.assert_close(loss.mean(), oracle)


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_and_order_change_nothing(
    pooling: str, direct: bool, three: Any, encode: Any, batch_of: Any
) -> None:
    head = _head(three, pooling=pooling, direct=direct, dropout=0.5)
    lengths = [4, 1, 3]
    states = torch.randn(3, 6, H)
    for row, n in enumerate(lengths):
        states[row, n:] = torch.nan
    states.requires_grad_()
    losses = head.loss(head(encode(states, lengths)), batch_of(torch.tensor([0, 1, 2])))
    losses.sum().backward()
    assert states.grad is not None
    for row in [2, 0, 1]:
        alone = states[row : row + 1, : lengths[row]].detach().requires_grad_()
        one = encode(alone, lengths[row : row + 1])
        loss = head.loss(head(one), batch_of(torch.tensor([row])))
        loss.sum().backward()
        torch.testing.assert_close(loss[0], losses[row], atol=1e-5, rtol=0)
        grad = states.grad[row, : lengths[row]]
        torch.testing.assert_close(alone.grad[0], grad, atol=1e-5, rtol=0)


def test_decoding_one_label(three: Any, encode: Any) -> None:
    scores = torch.tensor([[0.0, 1.0, -1.0], [3.0, 0.0, 0.0]])
    head, states = _head(three), encode(torch.zeros(2, 1, H), [1, 1])
    first, second = head.decode(scores, states)
    assert (first["label"], second["label"]) == ("b", "a")
    assert list(first["probabilities"]) == ["a", "b", "c"]
    assert list(first["probabilities"].values()) == pytest.approx(scores[0].softmax(0).tolist())
    assert first["confidence"] == first["probabilities"]["b"]
    assert json.loads(json.dumps(first)) == first
    assert head.decode(scores, states, scores=False) == [{"label": "b"}, {"label": "a"}]


def test_decoding_sets_of_labels(sets: Any, encode: Any) -> None:
    scores = torch.tensor([[0.5, 2.0, -1.0], [-3.0, -2.0, -1.0]])
    states = encode(torch.zeros(2, 1, H), [1, 1])
    assert _head(sets).decode(scores, states, scores=False) == [
        {"labels": ["b", "a"]},
        {"labels": []},
    ]
    low = _head(sets, threshold=0.2).decode(scores, states)
    assert [p["labels"] for p in low] == [["b", "a", "c"], ["c"]]
    assert low[0]["probabilities"]["a"] == pytest.approx(torch.tensor(0.5).sigmoid().item())
    assert json.loads(json.dumps(low)) == low


def test_columns(three: Any, sets: Any, example: Any) -> None:
    assert three.columns(example("a"), {"label": "b", "confidence": 0.5}) == [
        ["b", "0.5000", "a text"]
    ]
    assert three.columns(example("a"), {"label": "b"}) == [["b", "", "a text"]]
    chosen = {"labels": ["b", "a"], "probabilities": {"a": 0.625, "b": 0.75, "c": 0.1}}
    assert sets.columns(example([]), chosen) == [["b|a", "0.7500|0.6250", "a text"]]
    assert sets.columns(example([]), {"labels": []}) == [["", "", "a text"]]
    assert len(three.column_names) == 3


def test_what_was_read_stands_beside_the_prediction(three: Any, example: Any) -> None:
    read = example("a")
    read.fields |= {"text": None, "tokens": ["a", "b"]}
    assert three.describe(read, {"label": "b"}) == {"label": "b", "tokens": ["a", "b"]}
    assert three.columns(read, {"label": "b"}) == [["b", "", "a b"]]
    read.fields["text"] = "a  b"
    assert three.describe(read, {"label": "b"}) == {"label": "b", "text": "a  b"}
    assert three.columns(read, {"label": "b"}) == [["b", "", "a  b"]]
    assert three.target(read) == ["a"]


def test_watched_metric_is_computed(three: Any, sets: Any) -> None:
    for codec, name in [(three, "accuracy"), (sets, "f1_micro")]:
        head = _head(codec)
        assert head.monitor == name
        metric = head.metrics()
        metric.update([], _empty(len(codec.classes), codec.multi_label))
        assert name in metric.compute()


def _empty(classes: int, several: bool) -> dict[str, torch.Tensor]:
    shape = (0, classes) if several else (0,)
    return {"target": torch.zeros(shape, dtype=torch.float32 if several else torch.int64)}


def test_weights_are_not_stored_twice(three: Any) -> None:
    assert set(_head(three).state_dict()) == {"linear.weight", "linear.bias"}


def test_dropout_acts_in_training_only(three: Any, encode: Any) -> None:
    head, states = _head(three, dropout=0.5), encode(torch.randn(2, 3, H), [3, 2])
    torch.testing.assert_close(head(states), head(states))
    assert not torch.equal(head.train()(states), head(states))


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"dropout": 1.0}, r"head\.dropout=1\.0: expected a number in \[0, 1\)"),
        ({"threshold": 0.0}, r"head\.threshold=0\.0: expected a number in"),
        ({"pooling": "median"}, r"no pooling 'median'"),
    ],
)
def test_wrong_parameters(params: dict[str, Any], text: str, three: Any) -> None:
    with pytest.raises(ConfigError, match=text):
        ClassificationHead(three, H, features_size=H, **params)


def test_two_classifiers_are_trained_each_on_its_own(
    three: Any, encode: Any, batch_of: Any
) -> None:
    head, encoded = _head(three, direct=True).train(), encode(torch.randn(4, 5, H), [5, 3, 1, 2])
    target = torch.tensor([0, 2, 1, 1])
    outputs = head(encoded)
    expected = [
        nn.functional.cross_entropy(outputs[:, k], target, reduction="none") for k in (0, 1)
    ]
    torch.testing.assert_close(head.loss(outputs, batch_of(target)), expected[0] + expected[1])
    alone = _head(three)
    alone.load_state_dict(head.state_dict(), strict=False)
    torch.testing.assert_close(outputs[:, 0], alone(encoded))
    product = outputs.softmax(2).prod(1).sqrt()
    expected_probabilities = product / product.sum(1, keepdim=True)
    torch.testing.assert_close(head.eval()(encoded).softmax(1), expected_probabilities)


def test_sets_of_two_classifiers(fit: Any, encode: Any, batch_of: Any) -> None:
    head = _head(fit([["a"], ["a", "b"], ["b"]], multi_label=True), direct=True).train()
    encoded = encode(torch.randn(3, 5, H), [5, 3, 1])
    outputs = head(encoded)
    assert outputs.shape == (3, 2, 2)
    assert head.loss(outputs, batch_of(torch.ones(3, 2))).shape == (3,)
    torch.testing.assert_close(head.eval()(encoded), outputs.mean(1))


def test_it_learns(three: Any, encode: Any, batch_of: Any) -> None:
    head = _head(three, pooling="attention").train()
    states, target = torch.randn(12, 5, H), torch.arange(12) % 3
    states[torch.arange(12), 2, target] += 4.0
    optimizer = torch.optim.Adam(head.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        head.loss(head(encode(states, [5] * 12)), batch_of(target)).mean().backward()
        optimizer.step()
    found = head.decode(head(encode(states, [5] * 12)), encode(states, [5] * 12), scores=False)
    assert [p["label"] for p in found] == ["abc"[i] for i in target]


@pytest.mark.parametrize(("multi_label", "said"), [(False, True), (True, False)])
def test_a_threshold_that_changes_nothing(
    multi_label: bool, said: bool, fit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    codec = fit([["a"], ["b"]] if multi_label else ["a", "b"], multi_label=multi_label)
    _head(codec)
    assert "threshold" not in caplog.text
    _head(codec, threshold=0.9)
    wanted = "head.threshold=0.9 changes nothing without head.multi_label=true: the label is the"
    assert (wanted in caplog.text) == said
