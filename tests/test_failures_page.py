"""Each row of the table of failures names a test that exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "failures.md"
NAME = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    """Return the cells of each row below the head of a table that has a column of tests."""
    found, has_tests = [], False
    for line in PAGE.read_text("utf-8").splitlines():
        if not line.startswith("|"):
            has_tests = False
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[-1] == "test":
            has_tests = True
        elif has_tests and not set(line) <= set("|-"):
            found.append(cells)
    return found


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef))


def test_there_are_all_kinds_of_failures() -> None:
    assert len(rows()) > 50
    titles = re.findall(r"^## (.*)", PAGE.read_text("utf-8"), re.MULTILINE)
    for kind in ("Signals", "hang", "Damaged files", "full disk", "networks"):
        assert any(kind in title for title in titles)


@pytest.mark.parametrize("cells", rows(), ids=lambda cells: ", ".join(cells[:3])[:60])
def test_a_row_names_its_test(cells: list[str]) -> None:
    named = NAME.findall(cells[-1])
    assert named, f"{cells[:3]}: name the test that holds it, as `path/test_x.py::test_y`"
    for path, name in named:
        assert name in functions(path), f"{path} has no {name}"
