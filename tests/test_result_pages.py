"""The page of results: a plot for each table, and floors and aims in CONTRIBUTING.md."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from result_plots import plot

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def reproduce() -> ModuleType:
    """The script that writes the page."""
    spec = importlib.util.spec_from_file_location("reproduce", ROOT / "scripts" / "reproduce.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made  # dataclasses look there
    spec.loader.exec_module(made)
    return made


def test_the_best_score_has_its_own_colour_and_each_row_its_range() -> None:
    rows = [("lstm", "91.42 (90.72–91.82)"), ("bilstm <b>", "93.54 (92.68–94.26)")]
    made = plot("slots", "span F1 on test", rows)
    assert "slots: the best is bilstm &lt;b&gt; with 93.54" in made
    assert "higher is better" in made
    assert made.count('class="line s') == 2
    assert made.count('class="dot s2"') == 1
    lower = plot("lines", "CER on test", rows)
    assert "the best is lstm with 91.42" in lower
    assert "lower is better" in lower


def test_a_cell_that_is_no_score_is_named() -> None:
    with pytest.raises(ValueError, match=r"slots: expected a score such as .*, got 'high'"):
        plot("slots", "F1", [("lstm", "high")])


def test_floors_and_aims_are_those_of_the_script(reproduce: ModuleType) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert reproduce.with_targets(text) == text


def test_the_page_has_the_tables_of_the_script(reproduce: ModuleType) -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").splitlines()
    made = list(reproduce.page())
    heads = [line for line in made if line.startswith("| model ")]
    assert set(heads) == {line for line in page if line.startswith("| model ")}
    assert made[:10] == page[:10]
