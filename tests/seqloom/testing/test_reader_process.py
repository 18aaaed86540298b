"""What a reader does in another process, and with its files elsewhere."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from seqloom.testing import ConformanceError, NotApplicable, ReaderCase, reader_process

from .sound_reader import MadeUp, Sound, case_of

ELSEWHERE = """
import os
from seqloom.interfaces import Reader

class Fails(Reader):
    def examples(self, split):
        raise OSError("the disk is gone")

class Dies(Reader):
    def examples(self, split):
        os._exit(3)
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module that another process finds too."""
    (tmp_path / "failing_elsewhere.py").write_text(ELSEWHERE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("failing_elsewhere")
    del sys.modules["failing_elsewhere"]


@pytest.mark.xdist_group("tests/seqloom/testing/test_readers.py")  # which started the process
@pytest.mark.parametrize(
    ("name", "complaint"),
    [("Fails", "OSError: the disk is gone"), ("Dies", "it died without a message")],
)
def test_a_reader_that_fails_in_another_process_is_told(
    name: str, complaint: str, elsewhere: ModuleType
) -> None:
    with pytest.raises(ConformanceError, match=f"another process cannot read it: {complaint}"):
        reader_process.read_in_process(getattr(elsewhere, name)())


def test_a_reader_of_the_script_that_runs_cannot_be_found_elsewhere(
    elsewhere: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere.Fails, "__module__", "__main__")
    with pytest.raises(NotApplicable, match="in the script that runs; put it into a module"):
        reader_process.read_in_process(elsewhere.Fails())


def test_a_sample_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    case = case_of(Sound, tmp_path)
    (tmp_path / "val.tsv").unlink()
    with pytest.raises(ConformanceError, match=r"the val split of the sample cannot be read: .*va"):
        case.whole()


def test_files_in_lists_move_with_their_folder(tmp_path: Path) -> None:
    for name in ("a.tsv", "b.tsv", "c.tsv"):
        (tmp_path / "one" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "one" / name).touch()
    params = {
        "files": [str(tmp_path / "one" / "a.tsv"), tmp_path / "one" / "b.tsv"],
        "more": {"c": (tmp_path / "one" / "c.tsv", 3)},
    }
    case = ReaderCase(MadeUp, params, folder=tmp_path / "one")
    assert [one.name for one in case.files] == ["a.tsv", "b.tsv", "c.tsv"]
    other = tmp_path / "two"
    assert case.moved(other).params == {
        "files": [str(other / "a.tsv"), other / "b.tsv"],
        "more": {"c": [other / "c.tsv", 3]},
    }
