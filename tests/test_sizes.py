"""A file holds one thought, in at most 400 lines; a function takes at most 50."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("framework", "plugins", "conf", "docs", "examples", "scripts", "tests")
LONGEST_FILE, LONGEST_FUNCTION = 400, 50


def too_long(path: Path) -> list[str]:
    """Return what is too long in a file of Python: itself, or some of its functions."""
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    found = [f"{path.name}: {lines} lines"] if lines > LONGEST_FILE else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or 0) - node.lineno + 1
            if size > LONGEST_FUNCTION:
                found.append(f"{path.name}:{node.lineno}: {node.name} has {size} lines")
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_and_functions_are_short(folder: str) -> None:
    paths = [*(ROOT / folder).rglob("*.py")]
    assert paths
    assert [one for path in paths for one in too_long(path)] == []


def test_what_is_too_long_is_told(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text("def f():\n" + "    a = 1\n" * 50 + "b = 2\n" * 350, encoding="utf-8")
    assert too_long(path) == ["long.py: 401 lines", "long.py:1: f has 51 lines"]
