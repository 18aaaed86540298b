from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from seqloom.interfaces import Example
from seqloom_ner.codec import NerCodec
from seqloom_ner.head import NerHead

SENTENCES = [["B-PER", "I-PER", "O", "B-LOC"], ["O"], ["B-LOC", "I-LOC"]]
LENGTHS = [4, 1, 2]


def make(codec: NerCodec, decoder: str, **params: Any) -> NerHead:
    torch.manual_seed(3)
    head = NerHead(codec, 6, decoder=decoder, **params).eval()
    with torch.no_grad():
        for weights in head.parameters():
            weights.normal_()
    return head


@pytest.fixture(params=["crf", "softmax"])
def head(request: pytest.FixtureRequest, codec: NerCodec) -> NerHead:
    return make(codec, request.param)


def states(padding: float = float("nan"), extra: int = 0) -> torch.Tensor:
    values = torch.randn(3, 4 + extra, 6, generator=torch.Generator().manual_seed(0))
    for row, length in enumerate(LENGTHS):
        values[row, length:] = padding
    return values


def test_softmax_loss_is_the_sum_of_cross_entropies(
    codec: NerCodec, encode: Any, batch_of: Any
) -> None:
    head, batch = make(codec, "softmax"), batch_of(codec, SENTENCES)
    outputs = head(encode(states(), LENGTHS))
    losses = head.loss(outputs, batch)
    for row, length in enumerate(LENGTHS):
        expected = F.cross_entropy(
            outputs[row, :length], batch["tags"][row, :length], reduction="sum"
        )
        torch.testing.assert_close(losses[row], expected)


def test_confidences_of_one_sentence_do_not_underflow(codec: NerCodec, encode: Any) -> None:
    head, values = make(codec, "crf"), states(padding=0.0)
    alone, both = encode(values[:1], [4]), encode(values[[0, 0]], [4, 4])
    outputs = 3000 * head(alone).detach()  # so far apart that sums of exponentials are 0
    (found,) = head.decode(outputs, alone)
    first, second = head.decode(outputs.repeat(2, 1, 1), both)
    assert found["entities"]
    for one in (first, second):
        assert one["tags"] == found["tags"]
        for ours, theirs in zip(found["entities"], one["entities"], strict=True):
            assert ours == pytest.approx(theirs, abs=1e-5)


def test_alone_and_padded_with_nan_are_the_same(
    head: NerHead, codec: NerCodec, encode: Any, batch_of: Any
) -> None:
    values = states(extra=2).requires_grad_()
    outputs = head(encode(values, LENGTHS))
    losses = head.loss(outputs, batch_of(codec, SENTENCES))
    losses.sum().backward()
    together = [weights.grad.clone() for weights in head.parameters()]  # type: ignore[union-attr]
    predictions = head.decode(outputs, encode(values, LENGTHS))
    head.zero_grad()
    for row, length in enumerate(LENGTHS):
        alone = values[row : row + 1, :length].detach().requires_grad_()
        encoded = encode(alone, [length])
        single = head.loss(head(encoded), batch_of(codec, SENTENCES[row : row + 1]))
        single.sum().backward()
        torch.testing.assert_close(single[0], losses[row], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(alone.grad[0], values.grad[row, :length])  # type: ignore[index]
        assert not values.grad[row, length:].any()  # type: ignore[index]
        (prediction,) = head.decode(head(encoded), encoded)
        assert prediction["tags"] == predictions[row]["tags"]
        for ours, theirs in zip(prediction["entities"], predictions[row]["entities"], strict=True):
            assert ours == pytest.approx(theirs, abs=1e-5)
    for weights, expected in zip(head.parameters(), together, strict=True):
        torch.testing.assert_close(weights.grad, expected, rtol=1e-4, atol=1e-5)


def outputs_for(codec: NerCodec, tags: list[str], margin: float = 2.0) -> torch.Tensor:
    numbers = torch.tensor([[codec.tags.index(tag) for tag in tags]])
    return margin * F.one_hot(numbers, len(codec.tags)).float()


def test_softmax_may_be_ill_formed_and_has_entities_by_strict_iob2(
    codec: NerCodec, encode: Any
) -> None:
    head = make(codec, "softmax")
    tags = ["I-PER", "B-PER", "I-PER", "I-LOC"]
    outputs = outputs_for(codec, tags)
    (prediction,) = head.decode(outputs, encode(torch.zeros(1, 4, 6), [4]))
    assert prediction["tags"] == tags
    (entity,) = prediction["entities"]
    probability = torch.softmax(outputs[0, 0], 0).max().item()
    assert entity.pop("confidence") == pytest.approx(probability**2)
    assert entity == {"type": "PER", "start": 1, "end": 3}


def test_crf_is_legal_whatever_the_scores(codec: NerCodec, encode: Any) -> None:
    head = make(codec, "crf")
    outputs = outputs_for(codec, ["I-PER", "O", "I-LOC", "I-PER"], margin=50.0)
    (prediction,) = head.decode(outputs, encode(torch.zeros(1, 4, 6), [4]))
    metric = head.metrics()
    assert metric._numbered([prediction], (1, 5)).any()
    follows = zip(["O", *prediction["tags"]], prediction["tags"], strict=False)
    for before, tag in follows:
        assert tag[0] != "I" or before[2:] == tag[2:]


def test_crf_confidence_is_the_posterior_of_the_span(codec: NerCodec, encode: Any) -> None:
    """One token: its posterior of B-X, by the definition."""
    head = make(codec, "crf")
    assert head.crf is not None
    outputs = outputs_for(codec, ["B-PER"], margin=5.0)
    (prediction,) = head.decode(outputs, encode(torch.zeros(1, 1, 6), [1]))
    scores = outputs[0, 0] + head.crf.start + head.crf.end
    legal = scores.masked_fill(head.crf.forbidden[-2], float("-inf"))
    expected = legal.softmax(0)[codec.tags.index("B-PER")].item()
    assert prediction["entities"][0]["confidence"] == pytest.approx(expected)


def test_without_scores_there_is_no_confidence(head: NerHead, codec: NerCodec, encode: Any) -> None:
    outputs = outputs_for(codec, ["B-PER", "I-PER", "O"], margin=40.0)
    encoded = encode(torch.zeros(1, 3, 6), [3])
    (bare,) = head.decode(outputs, encoded, scores=False)
    (full,) = head.decode(outputs, encoded)
    assert bare["tags"] == full["tags"] == ["B-PER", "I-PER", "O"]
    assert bare["entities"] == [{"type": "PER", "start": 0, "end": 2}]
    assert 0.0 <= full["entities"][0]["confidence"] <= 1.0


def test_a_data_set_without_entities_works(fit: Any, encode: Any, batch_of: Any) -> None:
    codec = fit(["O", "O"])
    for decoder in ("crf", "softmax"):
        head = make(codec, decoder)
        encoded = encode(torch.zeros(1, 2, 6), [2])
        outputs = head(encoded)
        assert head.loss(outputs, batch_of(codec, [["O", "O"]])).tolist() == [0.0]
        assert head.decode(outputs, encoded) == [{"tags": ["O", "O"], "entities": []}]


def test_learns_a_tiny_task(codec: NerCodec, encode: Any, batch_of: Any) -> None:
    batch = batch_of(codec, SENTENCES)
    for decoder in ("crf", "softmax"):
        head = make(codec, decoder, dropout=0.1).train()
        values = states(padding=0.0)
        optimizer = torch.optim.Adam(head.parameters(), 0.1)
        for _ in range(60):
            optimizer.zero_grad()
            head.loss(head(encode(values, LENGTHS)), batch).sum().backward()
            optimizer.step()
        encoded = encode(values, LENGTHS)
        metric = head.eval().metrics()
        metric.update(head.decode(head(encoded), encoded), batch)
        assert metric.compute()[head.monitor].item() == 1.0


def test_make_codec_takes_all_parameters() -> None:
    codec = NerHead.make_codec(field="slots", decoder="softmax", scheme="bioes", dropout=0.3)
    assert (codec.field, codec.wanted) == ("slots", "bioes")


def test_columns_are_those_named(head: NerHead) -> None:
    example = Example("1", {"tokens": ["Ada", "ran"]})
    entity = {"type": "PER", "start": 0, "end": 1, "confidence": 0.98765}
    rows = head.codec.columns(example, {"tags": ["B-PER", "O"], "entities": [entity]})
    assert rows == [["Ada", "B-PER", "0.9877"], ["ran", "O", ""]]
    assert len(head.codec.column_names) == len(rows[0])
    assert head.codec.row_per_token
