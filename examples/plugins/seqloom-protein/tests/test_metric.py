from __future__ import annotations

from typing import Any

import pytest
import torch
from seqloom.interfaces import Matrix, Table
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from seqloom_protein.metric import StateAccuracy


def scores(metric: StateAccuracy) -> dict[str, float]:
    return {name: value.item() for name, value in metric.compute().items()}


def test_each_resolved_residue_counts_once(protein: Any, batch_of: Any) -> None:
    metric = StateAccuracy("CEH")
    # Of the first protein 1 of 2 resolved residues is right, of the second 5 of 6: 6 of 8.
    batch = batch_of(protein("HHHH", "0110"), protein("EECCHH"))
    metric.update([{"states": "CHEC"}, {"states": "EECCHC"}], batch)
    assert scores(metric) == pytest.approx(
        {"q3": 6 / 8, "recall_coil": 1.0, "recall_strand": 1.0, "recall_helix": 2 / 4}
    )


def test_against_scikit_learn(protein: Any, batch_of: Any) -> None:
    generator = torch.Generator().manual_seed(2)

    def draw(letters: str, size: int) -> str:
        return "".join(
            letters[i] for i in torch.randint(len(letters), (size,), generator=generator)
        )

    sizes = (30, 7, 1, 12)
    truth, guess = [[draw("CEH", size) for size in sizes] for _ in range(2)]
    masks = ["1" + draw("01", size - 1) for size in sizes]
    metric = StateAccuracy("CEH")
    for rows in ((0, 2), (1, 3)):
        examples = [protein(truth[row], masks[row]) for row in rows]
        metric.update([{"states": guess[row]} for row in rows], batch_of(*examples))
    seen = [mark == "1" for mark in "".join(masks)]
    y = [letter for letter, kept in zip("".join(truth), seen, strict=True) if kept]
    z = [letter for letter, kept in zip("".join(guess), seen, strict=True) if kept]
    found = scores(metric)
    assert found["q3"] == pytest.approx(accuracy_score(y, z))
    recalls = recall_score(y, z, labels=list("CEH"), average=None)
    names = ("recall_coil", "recall_strand", "recall_helix")
    assert [found[name] for name in names] == pytest.approx(recalls.tolist())
    assert metric.confusion.tolist() == confusion_matrix(y, z, labels=list("CEH")).tolist()


def test_details(protein: Any, batch_of: Any) -> None:
    metric = StateAccuracy("CEH")
    metric.update([{"states": "HEHH"}], batch_of(protein("HECH", "1110")))
    table, matrix = metric.details()
    assert isinstance(table, Table)
    assert table.columns == ("state", "recall", "precision", "residues", "predicted")
    assert table.rows == [
        ("coil", 0.0, 0.0, 1, 0),
        ("strand", 1.0, 1.0, 1, 1),
        ("helix", 1.0, 0.5, 1, 2),
    ]
    assert isinstance(matrix, Matrix)
    assert matrix.labels == ["coil", "strand", "helix"]
    assert matrix.counts == [[0, 0, 1], [0, 1, 0], [0, 0, 1]]


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_nothing_counted_is_zero_not_nan() -> None:
    assert set(scores(StateAccuracy("CEH")).values()) == {0.0}


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_states_beyond_the_three_go_by_their_letters() -> None:
    assert list(StateAccuracy("GH", "q2").compute()) == ["q2", "recall_G", "recall_helix"]
