from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
import without_plots

from seqloom.interfaces.head import Matrix, Table
from seqloom.train.report import Report, ShownExample, write_report

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Reads a page and fails where a tag is closed that is not open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [value for found, value in self.attributes if found == name]


@pytest.fixture
def page_of(tmp_path: Path) -> Callable[[Report], Page]:
    def write(report: Report) -> Page:
        path = tmp_path / "a new folder" / "report.html"
        write_report(path, report)
        return Page(path.read_text(encoding="utf-8"))

    return write


@pytest.fixture
def typical() -> Report:
    return Report(
        title="intent",
        config={"encoder": {"name": "bilstm", "merge": "concat"}, "seed": 1},
        summary=[("device", "CPU")],
        metrics={"val": {"f1": 0.75, "loss": 0.5}, "test": {"f1": 0.71875}},
        monitor="f1",
        history=[
            {"step": 10, "epoch": 0, "train/loss": 2.0},
            {"step": 20, "epoch": 0, "val/loss": 1.5, "val/f1": 0.5},
            {"step": 30, "epoch": 1, "train/loss": 1.0},
            {"step": 40, "epoch": 1, "val/loss": 1.25, "val/f1": 0.75},
        ],
        lengths={"train": [1, 2, 2, 9], "val": [3], "test": []},
        fill=0.975,
        tables=[
            Table("Scores by type", ("type", "f1", "count"), [("per", 0.5, 4), ("loc", 0.9, 2)])
        ],
        matrices=[Matrix("Confusion", ["per", "loc"], [[3, 1], [0, 2]])],
        worst=[
            ShownExample("easy", "a.csv:1", 0.25, "<p>easy one</p>"),
            ShownExample("broken", "a.csv:2", float("nan"), "<p>broken one</p>"),
            ShownExample("hard", "", 7.5, "<p>hard one</p>"),
        ],
        skipped=[("a.csv:9", "no label")],
        plugins=[{"name": "recurrent", "version": "0.1.0"}, {"name": "mine", "author": None}],
    )


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the plots, at which a test does not look."""
    without_plots.replace_plots(monkeypatch.setattr)
