"""The values of the plots as tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from seqloom.interfaces.head import Matrix, Table
from seqloom.train.report.content import Report, Rows

Cell = str | int | float


def metrics_table(metrics: Mapping[str, Mapping[str, float]]) -> Table:
    """Return the final metrics, one row per metric and one column per split."""
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    rows = [[name, *(values.get(name, "") for values in metrics.values())] for name in names]
    return Table("Final metrics", ["metric", *metrics], rows)


def epochs_table(rows: Rows) -> Table:
    """Return the validation metrics with their steps and epochs."""
    validated = [row for row in rows if any(name.startswith("val/") for name in row)]
    names = dict.fromkeys(name for row in validated for name in row)
    first = [name for name in names if name in {"epoch", "step"}]
    columns = first + [name for name in names if name.startswith("val/")]
    cells = [[_cell(row.get(name)) for name in columns] for row in validated]
    return Table("Validation by epoch", columns, cells)


def lengths_table(lengths: Mapping[str, Sequence[int]]) -> Table:
    """Return the distribution of the lengths, one row per split; percentiles by nearest rank."""
    rows = [_spread(split, sorted(values)) for split, values in lengths.items() if values]
    columns = ["split", "sequences", "shortest", "median", "mean", "95 %", "longest", "steps"]
    return Table("Lengths by split", columns, rows)


def _spread(split: str, values: Sequence[int]) -> list[Cell]:
    ninety_fifth = values[math.ceil(0.95 * len(values)) - 1]
    median, mean = statistics.median_low(values), round(statistics.fmean(values), 1)
    total = sum(values)
    return [split, len(values), values[0], median, mean, ninety_fifth, values[-1], total]


def confusions_table(matrix: Matrix, most: int = 20) -> Table:
    """Return the most frequent confusions of a matrix."""
    pairs = [
        (count, truth, predicted)
        for truth, row in zip(matrix.labels, matrix.counts, strict=True)
        for predicted, count in zip(matrix.labels, row, strict=True)
        if truth != predicted and count
    ]
    pairs.sort(key=lambda pair: -pair[0])
    rows = [(truth, predicted, count) for count, truth, predicted in pairs[:most]]
    return Table(f"{matrix.title}: most frequent", ("truth", "predicted", "count"), rows)


def matrix_table(matrix: Matrix) -> Table:
    """Return all counts of a matrix; rows are the truth."""
    rows: list[list[Cell]] = [
        [label, *row] for label, row in zip(matrix.labels, matrix.counts, strict=True)
    ]
    return Table(f"{matrix.title}: all counts", ["truth \\ predicted", *matrix.labels], rows)


def plugins_table(report: Report) -> Table:
    """Return the plugins, one column per property."""
    columns = list(dict.fromkeys(name for plugin in report.plugins for name in plugin))
    rows = [[_text(plugin.get(name)) for name in columns] for plugin in report.plugins]
    return Table("Plugins", columns, rows)


def _cell(value: object) -> Cell:
    return value if isinstance(value, str | int | float) else _text(value)


def _text(value: object) -> str:
    return "" if value is None else str(value)
