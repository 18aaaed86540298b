"""What the check of data readers in another process catches."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType

import pytest

from seqloom.testing import ConformanceError, ReaderCase, readers

ELSEWHERE = """
from seqloom.interfaces import Example, Reader


class Plain(Reader):
    def examples(self, split):
        return (Example(f"{split}:{word}", {"label": word}) for word in self.words())

    def words(self):
        return [f"word-{number}" for number in range(20)]


class Hashed(Plain):
    def words(self):
        return {*super().words()}


class KeptInClass(Plain):
    kept = ()

    def __init__(self):
        type(self).kept = super().words()

    def words(self):
        return self.kept
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module that another process finds too, and imports without the checks."""
    (tmp_path / "read_elsewhere.py").write_text(ELSEWHERE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("read_elsewhere")
    del sys.modules["read_elsewhere"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("Plain", None),
        ("Hashed", "train, read in another process: example .* is not what it was at first"),
        ("KeptInClass", "train, read in another process: 0 examples, at first 20"),
    ],
)
def test_what_another_process_reads(
    name: str, complaint: str | None, elsewhere: ModuleType
) -> None:
    caught = (
        nullcontext() if complaint is None else pytest.raises(ConformanceError, match=complaint)
    )
    with caught:
        readers.check_processes(ReaderCase(getattr(elsewhere, name)))
