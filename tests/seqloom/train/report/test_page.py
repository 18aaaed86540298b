from __future__ import annotations

import builtins
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seqloom.extras import install_command
from seqloom.interfaces.head import Matrix, Table
from seqloom.train.report import Report, ShownExample, write_report
from seqloom.train.report.page import shown

HOSTILE = "</script></style></svg>\"'><script>alert(1)</script>&$x_{$\x00"
INSTALL = install_command("report")
PageOf = Callable[[Report], Any]
UNDRAWN = pytest.mark.usefixtures("undrawn")


def test_all_facts_are_there(page_of: PageOf, typical: Report) -> None:
    page = page_of(typical)
    for text in [
        "intent", "device", "CPU", "97.5 %", "0.7188", "best val/f1, step 40", "per", "loc",
        "easy one", "a.csv:1", "loss 7.5", "loss not a number", "a.csv:9", "no label",
        "merge: concat", "recurrent", "0.1.0", "Validation by epoch", "Scores by type",
    ]:  # fmt: skip
        assert text in page.text, text
    assert page.tags.count("svg") == 5
    assert page.tags.count("figure") == 5
    assert INSTALL not in page.text


@UNDRAWN
def test_worst_comes_first(page_of: PageOf, typical: Report) -> None:
    text = page_of(typical).text
    assert text.index("broken one") < text.index("hard one") < text.index("easy one")


@UNDRAWN
@pytest.mark.parametrize(
    ("test", "higher", "flawless"),
    [({"f1": 1.0}, True, True), ({"f1": 0.0}, False, True), ({"f1": 0.99}, True, False)],
)
def test_examples_without_mistakes_are_not_called_worst(
    page_of: PageOf, typical: Report, *, test: dict[str, float], higher: bool, flawless: bool
) -> None:
    metrics = {"val": {"f1": 0.75}, "test": test}
    text = page_of(replace(typical, metrics=metrics, higher_is_better=higher)).text
    assert ("Worst examples" in text) != flawless
    assert ("Examples with the largest losses" in text) == flawless
    assert ("None of them has a mistake." in text) == flawless


@UNDRAWN
def test_many_worst_examples_are_folded(page_of: PageOf, typical: Report) -> None:
    many = [ShownExample(f"id{i}", "", float(i), f"<p>html {i}</p>") for i in range(12)]
    page = page_of(replace(typical, worst=many))
    assert "7 more" in page.text
    assert page.tags.count("article") == 12
    assert "more" not in page_of(typical).text


def test_nothing_is_fetched(page_of: PageOf, typical: Report) -> None:
    page = page_of(typical)
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(page.tags)
    assert page.values("src") == []
    assert all(value.startswith("#") for value in page.values("href"))
    assert page.values("xlink:href") == []
    assert "@import" not in page.html
    assert set(re.findall(r"url\((.)", page.html)) <= {"#"}
    assert not re.search(r"https?://", page.html)


def test_identifiers_are_unique_and_resolve(page_of: PageOf, typical: Report) -> None:
    page = page_of(typical)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    used = re.findall(r"url\(#([^)]*)\)", page.html) + [v[1:] for v in page.values("href")]
    assert used
    assert set(used) <= set(ids)


def test_same_report_same_bytes(tmp_path: Path, typical: Report) -> None:
    for name in "ab":
        write_report(tmp_path / name, typical)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_plots_take_the_pages_colours(page_of: PageOf, typical: Report) -> None:
    page = page_of(typical)
    assert "currentColor" in page.html
    assert "var(--series-1)" in page.html
    assert not re.search(r"#0[1-5]0[1-5]0[1-5]\b|#fefefe", page.html)


def test_hostile_texts_are_escaped(page_of: PageOf, typical: Report) -> None:
    h = HOSTILE
    report = Report(
        title=h,
        config={h: {h: [h]}},
        summary=[(h, h)],
        metrics={h: {h: 0.5}},
        monitor=f"val/{h}",
        history=[{"step": 1, "epoch": 1, f"val/{h}": 0.5, "train/loss": math.inf, h: math.nan}],
        lengths={h: [1, 2]},
        tables=[Table(h, (h, "f1"), [(h, 0.5)])],
        matrices=[Matrix(h, [h, f"{h}2"], [[1, 2], [3, 4]])],
        worst=[ShownExample(h, h, 1.0, "<p>trusted</p>")],
        skipped=[(h, h)],
        plugins=[{h: h}],
    )
    page, usual = page_of(report), page_of(typical)
    assert "script" not in page.tags
    assert set(page.tags) <= set(usual.tags) | {"p"}
    assert page.text.count("alert(1)") > 20
    assert "\x00" not in page.html


class _NoMatplotlib:
    """Imports as ever, but for matplotlib."""

    def __init__(self) -> None:
        self.real = builtins.__import__

    def __call__(
        self,
        name: str,
        glob: Mapping[str, object] | None = None,
        loc: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(f"No module named {name!r}")
        return self.real(name, glob, loc, fromlist or (), level)


def test_without_matplotlib(
    page_of: PageOf, typical: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtins, "__import__", _NoMatplotlib())
    page = page_of(typical)
    assert "svg" not in page.tags
    assert page.tags.count("figure") == page.text.count(INSTALL) == 5
    for fact in ["1.2500", "truth \\ predicted", "95 %", "0.9000"]:
        assert fact in page.text, fact


def test_empty_report(page_of: PageOf) -> None:
    page = page_of(Report("nothing yet"))
    assert "No metrics were recorded." in page.text
    assert not {"svg", "table", "figure"} & set(page.tags)


def test_history_that_diverged(page_of: PageOf, typical: Report) -> None:
    rows = [
        {"step": 1, "epoch": 0, "train/loss": 3.0},
        {"step": 2, "epoch": 0, "train/loss": math.nan},
        {"step": 3, "epoch": 0, "train/loss": math.inf, "val/f1": math.nan, "note": "text"},
        {"step": None, "epoch": None, "train/loss": None},
    ]
    page = page_of(replace(typical, history=rows))
    assert "train/loss was not finite in 2 rows, first at step 2" in page.text
    assert "val/f1 was not finite in 1 row, first at step 3" in page.text
    assert "best val/f1" not in page.text


def test_all_values_not_finite(page_of: PageOf) -> None:
    page = page_of(Report("bad", history=[{"step": 1, "epoch": 0, "train/loss": math.nan}]))
    assert "No curve can be drawn" in page.text
    assert "svg" not in page.tags


@UNDRAWN
def test_lower_is_better(page_of: PageOf, typical: Report) -> None:
    page = page_of(replace(typical, monitor="val/loss", higher_is_better=False))
    assert "best val/loss, step 40" in page.text
    assert "1.2500" in page.text


def test_texts_that_are_not_unicode(page_of: PageOf, typical: Report) -> None:
    page = page_of(replace(typical, title="lone \ud800", skipped=[("名前.csv:1", "値")]))
    assert "lone ?" in page.text
    assert "名前.csv:1" in page.text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5000"),
        (-0.25, "-0.2500"),
        (0.0, "0"),
        (12.34567, "12.35"),
        (2e-5, "2e-05"),
        (1234567, "1\u202f234\u202f567"),
        (20000.0, "20\u202f000"),
        (math.inf, "inf"),
        (math.nan, "not a number"),
        (True, "True"),
        ("0.50", "0.50"),
    ],
)
def test_numbers_for_people(value: object, text: str) -> None:
    assert shown(value) == text
