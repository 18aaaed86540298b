"""Large CoNLL files in parts: what one reading yields, or none of it."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom.data import cut_text, text_file
from seqloom.errors import SeqloomError
from seqloom.interfaces import Example, Reader
from seqloom.quiet import withheld
from seqloom_text.readers.conll import ConllReader

SOME = "".join(f"Ada{n} B-PER\nis O\n{'very O' * (n % 2)}\n\n" for n in range(9)).replace(
    "\n\n\n", "\n\n"
)
MARK = "-DOCSTART- -X-\n\n"


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make any file large."""
    monkeypatch.setattr(cut_text, "SMALLEST", 0)
    monkeypatch.setattr(cut_text, "PART", 40)
    monkeypatch.setattr(text_file, "RUN", 40)


def _reader(folder: Path, text: str, **params: Any) -> ConllReader:
    path = folder / "a.conll"
    path.write_bytes(text.encode())
    return ConllReader(train=str(path), **params)


def _whole(reader: Reader) -> str:
    return "\n".join(map(_shown, reader.examples("train")))


def _joined(reader: Reader) -> str | None:
    """Return what the parts yield; None if one process must read the file."""
    try:
        parts = reader.examples_in_parts("train")
        with withheld() as said:
            found = "\n".join(map(_shown, chain.from_iterable(parts)))
    except (ValueError, SeqloomError):
        return None
    return None if said or len(parts) < 2 else found


def _shown(one: Any) -> str:
    return repr(one if isinstance(one, Example) else (one.example_id, str(one)))


@pytest.mark.parametrize(
    "text",
    [
        SOME,
        SOME.rstrip("\n"),
        f"{SOME}x O",
        SOME.replace(" ", " x ", 3),
        f"\ufeff{SOME}",
        f"{SOME}\ufeff{SOME}",
        SOME.replace(" ", "\t"),
        SOME.replace("Ada4 B-PER", "Ada4"),  # a fault in the middle
        SOME.replace("Ada4 B-PER", "Ada4 B-PER x"),
        SOME + "Ada O\n" * 8 + "\n" + SOME,  # a part ends in a long sentence
        MARK + SOME + MARK + SOME + MARK,
        SOME.replace("\n\n", "\n\n\n"),
        SOME.replace("Ada6", "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 12),
    ],
)
def test_parts_are_the_whole(tmp_path: Path, text: str) -> None:
    reader = _reader(tmp_path, text)
    assert _joined(reader) == _whole(reader)


@pytest.mark.parametrize(
    "text",
    [
        SOME.replace("\n", "\r\n"),
        SOME.replace("\n\n", "\n \n"),
        SOME.replace("\n\n", "\n\n\n\n"),
        SOME.replace("Ada4 B-PER\n", f"Ada4 B-PER\n{MARK}"),  # a document in a sentence
        SOME.replace("Ada4 B-PER\n", "-DOCSTART- B-PER\n"),
        SOME.replace("Ada4", "#") + SOME.replace("Ada4", "#"),
        SOME.replace("Ada4 B-PER", "Ada4\t B-PER"),
        SOME.replace("Ada0 B-PER", "Ada0"),  # how many columns there are, is not known
        "x O\n" * 99,
        "",
        "x O\n",
    ],
)
def test_what_only_the_whole_file_tells(tmp_path: Path, text: str) -> None:
    assert _joined(_reader(tmp_path, text)) is None


def test_comments_and_other_files_are_read_as_a_whole(tmp_path: Path) -> None:
    assert not _reader(tmp_path, SOME, comment="#").examples_in_parts("train")
    assert not _reader(tmp_path, SOME, delimiter=" ").examples_in_parts("train")
    assert not _reader(tmp_path, SOME).examples_in_parts("val")
    (tmp_path / "a.conllu").write_text(SOME)
    assert not ConllReader(train=str(tmp_path / "a.conllu")).examples_in_parts("train")


LINES = (
    "a O",
    "b B-PER",
    "a\tO",
    "c",
    "",
    "",
    "",
    " ",
    "-DOCSTART- -X-",
    "-DOCSTART- O",
    "# x",
    "a O O",
)


@settings(max_examples=300)
@given(
    lines=st.lists(st.sampled_from(LINES), max_size=40), size=st.integers(4, 40), end=st.booleans()
)
def test_parts_are_the_whole_or_none(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], size: int, *, end: bool
) -> None:
    reader = _reader(tmp_path_factory.mktemp("a"), "a O\n\n" + "\n".join(lines) + "\n" * end)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cut_text, "PART", size)
        found = _joined(reader)
    if found is not None:
        with withheld() as said:
            assert found == _whole(reader)
        assert not said


def test_a_reader_with_other_examples_inherits_no_parts(tmp_path: Path) -> None:
    class Fewer(ConllReader):
        def records(self, file: str, targets: bool) -> Any:
            return list(super().records(file, targets))[:1]

    class Own(ConllReader):
        def examples(self, split: str) -> Any:
            yield from list(super().examples(split))[:1]

    assert _reader(tmp_path, SOME).examples_in_parts("train")
    for cls in (Fewer, Own):
        assert not cls(train=str(tmp_path / "a.conll")).examples_in_parts("train")


def test_a_small_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes through a named pipe can be read once only."""
    monkeypatch.undo()
    reader = _reader(tmp_path, SOME)
    monkeypatch.setattr(text_file.TextFile, "lines", lambda *_: pytest.fail("read"))
    assert not reader.examples_in_parts("train")
