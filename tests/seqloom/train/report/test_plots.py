from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from seqloom.interfaces.head import Matrix, Table
from seqloom.train.report import Report, plots
from seqloom.train.report.drawing import short, style, to_svg
from seqloom.train.report.plots import figures_of


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with style():
        yield


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_run_that_logged_no_steps_has_the_other_curve() -> None:
    axes = plots.loss_curves([], [(2.0, 2.5)]).axes[0]
    assert [line.get_label() for line in axes.get_lines()] == ["val"]


def test_loss_curves_hold_the_history() -> None:
    axes = plots.loss_curves([(1.0, 3.0), (2.0, 2.0)], [(2.0, 2.5)]).axes[0]
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert lines == {"train": [[1, 3], [2, 2]], "val": [[2, 2.5]]}


@pytest.mark.parametrize(("higher", "marked"), [(True, [1.0, 0.75]), (False, [2.0, 0.25])])
def test_best_is_marked(higher: bool, marked: list[float]) -> None:
    drawn = plots.monitor_curve([(0.0, 0.5), (1.0, 0.75), (2.0, 0.25)], "val/f1", higher)
    assert drawn.axes[0].lines[1].get_xydata().tolist() == [marked]
    assert _texts(drawn) == [f"best {marked[1]}"]


def test_confusion_is_shaded_by_row() -> None:
    drawn = plots.confusion(Matrix("M", ["a", "b", "c"], [[50, 50, 0], [0, 1, 0], [0, 0, 0]]))
    (squares,) = drawn.axes[0].collections
    assert isinstance(squares, PolyCollection)
    alpha = np.asarray(squares.get_facecolor())[:, 3].reshape(3, 3)
    np.testing.assert_allclose(alpha, [[0.54, 0.54, 0], [0, 1, 0], [0, 0, 0]])
    assert _texts(drawn) == ["50", "50", "1"]


def test_large_matrix_keeps_the_most_frequent() -> None:
    size = 45
    counts = np.eye(size, dtype=int) * 9
    counts[7, 7] = counts[44, 44] = 0
    matrix = Matrix("M", [f"c{i}" for i in range(size)], counts.tolist())
    labels = [t.get_text() for t in plots.confusion(matrix).axes[0].get_xticklabels()]
    assert len(labels) == 40
    assert "c7" not in labels
    (plot,) = figures_of(Report("x", matrices=[matrix])).matrices
    assert plot.remark == "The 40 most frequent classes of 45; the table has all."
    assert plot.wide


def test_bars_hold_the_scores() -> None:
    rows = [("x", 0.05, 1), ("y", 0.75, 2), ("z", float("nan"), 0)]
    drawn = plots.score_bars(Table("T", ("type", "F1", "n"), rows))
    assert [bar.get_width() for bar in drawn.axes[0].patches] == [0.05, 0.75, 0.0]
    assert drawn.axes[0].get_xlim() == (0, 1)


def test_only_tables_with_f1_are_drawn() -> None:
    tables = [Table("A", ("x", "n"), [("a", 1)]), Table("B", ("x", "f1"), [])]
    many = Table("C", ("x", "f1"), [(str(i), 0.5) for i in range(31)])
    (plot,) = figures_of(Report("x", tables=[*tables, many])).bars
    assert plot.title == "C: f1"
    assert plot.remark == "The first 30 rows; the table has all."


@pytest.mark.parametrize("longest", [1, 39, 40, 1000])
def test_histogram_counts_every_length(longest: int) -> None:
    values = [1, 1, longest]
    drawn = plots.length_histogram({"train": values, "val": []})
    (outline,) = drawn.axes[0].patches
    assert drawn.axes[0].get_xlim()[1] > longest
    heights = outline.get_path().vertices[1::2, 1]
    assert heights.sum() == pytest.approx(100)


@pytest.mark.parametrize("label", ["$x_{$", "名前", "<b>&", "_hidden", "a\nb\x07", "%", ""])
def test_any_label_can_be_drawn(label: str) -> None:
    svg = to_svg(plots.confusion(Matrix("M", [label, "b"], [[1, 0], [0, 1]])), "p", label)
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>")
    assert "\n" not in "".join(short([label]))


def test_users_settings_are_kept() -> None:
    before = matplotlib.rcParams["font.size"]
    matplotlib.rcParams["font.size"] = 33
    try:
        with style():
            assert matplotlib.rcParams["font.size"] == 9
        assert matplotlib.rcParams["font.size"] == 33
    finally:
        matplotlib.rcParams["font.size"] = before
