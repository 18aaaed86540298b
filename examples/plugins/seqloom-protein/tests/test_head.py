from __future__ import annotations

from typing import Any

import pytest
import torch
from seqloom.interfaces import Encoded, Features

from seqloom_protein.codec import StructureCodec
from seqloom_protein.head import SecondaryStructureHead


@pytest.fixture
def head(codec: StructureCodec) -> SecondaryStructureHead:
    torch.manual_seed(3)
    return SecondaryStructureHead(codec, 4).eval()


def encoded(*lengths: int) -> Encoded:
    generator = torch.Generator().manual_seed(5)
    states = torch.randn(len(lengths), max(lengths), 4, generator=generator)
    sizes = torch.tensor(lengths)
    return Encoded(states, states[:, 0], sizes, Features(states, sizes))


def test_the_loss_is_the_mean_over_resolved_residues(
    head: SecondaryStructureHead, protein: Any, batch_of: Any
) -> None:
    batch = batch_of(protein("HEC", "101"), protein("EH"))
    outputs = head(encoded(3, 2))
    logs = outputs.log_softmax(2)  # C, E, H are 0, 1, 2
    expected = [(logs[0, 0, 2] + logs[0, 2, 0]) / -2, (logs[1, 0, 1] + logs[1, 1, 2]) / -2]
    torch.testing.assert_close(head.loss(outputs, batch), torch.stack(expected))


def test_unresolved_residues_teach_nothing(
    head: SecondaryStructureHead, protein: Any, batch_of: Any
) -> None:
    outputs = head(encoded(3)).detach().requires_grad_()
    head.loss(outputs, batch_of(protein("HEC", "101"))).sum().backward()
    assert outputs.grad is not None
    assert (outputs.grad[0, 1] == 0).all()
    assert (outputs.grad[0, [0, 2]] != 0).all()


def test_what_is_predicted_for_an_unresolved_residue_is_said_all_the_same(
    head: SecondaryStructureHead,
) -> None:
    given = encoded(3, 1)
    outputs = head(given)
    first, second = head.decode(outputs, given)
    best = outputs.softmax(2).max(2)
    assert first["states"] == "".join("CEH"[number] for number in best.indices[0])
    assert first["confidence"] == pytest.approx(best.values[0].tolist())
    assert (len(second["states"]), len(second["confidence"])) == (1, 1)
    assert head.decode(outputs, given, scores=False)[0] == {"states": first["states"]}


def test_rows_and_description(head: SecondaryStructureHead, protein: Any) -> None:
    example = protein("HE", residues="MK")
    prediction = {"states": "HC", "confidence": [0.5, 0.25]}
    described = head.codec.describe(example, prediction)
    assert described == {"residues": "MK", **prediction}
    assert head.codec.columns(example, described) == [["M", "H", "0.5000"], ["K", "C", "0.2500"]]
    assert head.codec.columns(example, {"states": "HC"}) == [["M", "H", ""], ["K", "C", ""]]


def test_the_score_is_named_after_the_number_of_states(protein: Any) -> None:
    codec = StructureCodec()
    codec.restore(codec.fit([protein("HBEGITSC")]))
    head = SecondaryStructureHead(codec, 4)
    assert head.monitor == "q8"
    with pytest.warns(UserWarning, match="before the ``update`` method"):
        assert "q8" in head.metrics().compute()


def test_dropout_is_on_the_states(codec: StructureCodec) -> None:
    torch.manual_seed(1)
    head = SecondaryStructureHead(codec, 4, dropout=0.5)
    given = encoded(6)
    assert not torch.equal(head(given), head(given))
    head.eval()
    assert torch.equal(head(given), head(given))
