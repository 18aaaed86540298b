"""Entities of types that no training example has: misses in evaluation, refused in training."""

from __future__ import annotations

import pytest
import torch

from seqloom.data.encode import Codecs, encode
from seqloom.data.rejected import Rejected
from seqloom.errors import ExampleError
from seqloom.interfaces import Encoded, Example, Features, Targets
from seqloom_ner import Decoder
from seqloom_ner.codec import NerCodec
from seqloom_ner.head import NerHead


def example(*tags: str) -> Example:
    return Example("-".join(tags), {"tokens": ["word"] * len(tags), "tags": list(tags)})


@pytest.fixture
def codec() -> NerCodec:
    codec = NerCodec()
    codec.restore(codec.fit([example("B-PER", "I-PER", "O")]))
    return codec


def test_their_numbers_follow_the_others(codec: NerCodec) -> None:
    mixed = example("B-CITY", "I-CITY", "O", "B-PER", "B-LAW")
    with pytest.raises(ExampleError, match="type 'CITY', which no training example has"):
        codec.encode(mixed)
    assert codec.encode_truth(mixed)["tags"].tolist() == [3, 4, 0, 1, 5]
    assert codec.unseen == ["CITY", "LAW"]
    assert codec.encode_truth(example("B-LAW", "I-LAW"))["tags"].tolist() == [5, 6]
    with pytest.raises(ExampleError, match="I-CITY"):
        codec.encode_truth(example("O", "I-CITY"))


@pytest.mark.parametrize("decoder", list(Decoder))
def test_their_examples_have_no_loss_and_change_no_other(codec: NerCodec, decoder: Decoder) -> None:
    head = NerHead(codec, 4, decoder=decoder).eval()
    states, lengths = torch.randn(2, 3, 4), torch.tensor([3, 2])
    encoded = Encoded(states, states[:, 0], lengths, Features(states, lengths))
    targets = Targets({"tags": torch.tensor([[1, 2, 0], [0, 3, 0]])}, {"tags": lengths}, ["a", "b"])
    assert head.undefined(targets).tolist() == [False, True]
    alone = Targets({"tags": torch.tensor([[1, 2, 0]])}, {"tags": lengths[:1]}, ["a"])
    one = Encoded(states[:1], states[:1, 0], lengths[:1], Features(states[:1], lengths[:1]))
    losses = head.loss(head(encoded), targets).detach()
    assert losses[0] == pytest.approx(float(head.loss(head(one), alone).detach()[0]), abs=1e-5)


def test_they_are_misses_in_recall_and_in_the_table(codec: NerCodec) -> None:
    head = NerHead(codec, 4)
    codec.encode_truth(example("B-LAW"))  # of another evaluation
    tags = codec.encode_truth(example("B-PER", "O", "B-CITY"))["tags"]
    metric = head.metrics()
    targets = Targets({"tags": torch.tensor(tags)[None]}, {"tags": torch.tensor([3])}, ["a"])
    metric.update([{"tags": ["B-PER", "O", "O"]}], targets)
    scores = {name: float(value) for name, value in metric.compute().items()}
    assert (scores["recall"], scores["precision"], scores["f1_macro"]) == (0.5, 1.0, 0.5)
    assert scores["token_accuracy"] == pytest.approx(2 / 3)
    (table,) = metric.details()
    assert [[row[0], row[2], row[4]] for row in table.rows] == [["PER", 1.0, 1], ["CITY", 0.0, 1]]


def test_training_examples_with_them_are_refused(codec: NerCodec) -> None:
    from seqloom.model.build import build_codecs

    codecs = Codecs(build_codecs(_SPEC).frontend, {"ner": codec})
    codecs.frontend.restore(codecs.frontend.fit([example("O")]))
    rejected = Rejected(skip=True)
    assert not encode(codecs, [example("B-CITY")], rejected)
    assert len(rejected.errors) == 1
    unknown: list[ExampleError] = []
    assert len(encode(codecs, [example("B-CITY")], rejected, unknown=unknown)) == 1
    assert len(unknown) == 1


_SPEC = {"frontend": {"name": "words", "size": 4, "characters": False}, "head": {"name": "ner"}}
