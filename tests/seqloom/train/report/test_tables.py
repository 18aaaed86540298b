from __future__ import annotations

import numpy as np
import pytest

from seqloom.interfaces.head import Matrix
from seqloom.train.report import Report, tables

MATRIX = Matrix("M", ["a", "b", "c"], [[5, 2, 0], [3, 4, 0], [1, 0, 0]])


def test_metrics_by_split() -> None:
    table = tables.metrics_table({"val": {"f1": 0.5}, "test": {"f1": 0.25, "loss": 1.0}})
    assert table.columns == ["metric", "val", "test"]
    assert table.rows == [["f1", 0.5, 0.25], ["loss", "", 1.0]]


def test_epochs() -> None:
    rows = [
        {"step": 1, "epoch": 0, "train/loss": 1.0},
        {"step": 2, "epoch": 0, "val/f1": 0.5, "time": 3.0},
        {"step": 4, "epoch": 1, "val/f1": None, "val/loss": 2.0},
    ]
    table = tables.epochs_table(rows)
    assert table.columns == ["step", "epoch", "val/f1", "val/loss"]
    assert table.rows == [[2, 0, 0.5, ""], [4, 1, "", 2.0]]


@pytest.mark.parametrize("size", [1, 2, 19, 20, 21, 100])
def test_lengths_equal_numpy(size: int) -> None:
    values = np.random.default_rng(size).integers(1, 50, size)
    (row,) = tables.lengths_table({"train": values.tolist(), "val": []}).rows
    high = np.percentile(values, 95, method="inverted_cdf")
    median = np.percentile(values, 50, method="inverted_cdf")
    mean = round(float(values.mean()), 1)
    assert row == ["train", size, values.min(), median, mean, high, values.max(), values.sum()]


def test_confusions_by_frequency() -> None:
    table = tables.confusions_table(MATRIX)
    assert table.rows == [("b", "a", 3), ("a", "b", 2), ("c", "a", 1)]
    assert len(tables.confusions_table(MATRIX, most=2).rows) == 2


def test_matrix_has_all_counts() -> None:
    table = tables.matrix_table(MATRIX)
    assert table.columns == ["truth \\ predicted", "a", "b", "c"]
    assert table.rows[1] == ["b", 3, 4, 0]


def test_plugins_need_not_know_the_same() -> None:
    report = Report("x", plugins=[{"name": "a"}, {"name": "b", "version": None, "api": [1]}])
    table = tables.plugins_table(report)
    assert table.columns == ["name", "version", "api"]
    assert table.rows == [["a", "", ""], ["b", "", "[1]"]]
