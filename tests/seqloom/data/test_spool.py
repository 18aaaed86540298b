"""Many examples lie in files, and nothing but the memory that they take shows it."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqloom.config.compose import compose_run
from seqloom.data import gather, read, split_writer, spool
from seqloom.data.encoded import EncodedSplit
from seqloom.data.spool import Spool
from seqloom.data.stored import StoredExamples
from seqloom.errors import DataError, RunError
from seqloom.interfaces import Example, Origin
from seqloom.train.data import RunData
from seqloom.train.prepare import encoded_data


def _example(number: int) -> Example:
    fields: dict[str, Any] = {"tokens": ["a", f"ä{number}"], "n": (number, 0.5, None, True)}
    return Example(f"e{number}", fields, Origin("a.txt", number) if number % 3 else None, {"x": {}})


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make more than three examples many."""
    for module in (spool, gather, read):
        monkeypatch.setattr(module, "IN_MEMORY", 3)
    monkeypatch.setattr(split_writer, "BLOCK", 2)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("block", [1, 150, 1 << 20])
def test_examples_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(spool, "BLOCK", block)
    monkeypatch.setattr(spool, "RESIDENT", 100)
    examples = [_example(number) for number in range(10)]
    found = Spool(examples)
    assert list(found) == examples
    found.append(_example(10))
    assert found[10] == found[-1] == _example(10)
    assert list(found[2:7:2]) == examples[2:7:2]
    assert list(found[2:7][1:]) == examples[3:7]
    assert len(found._kept) == 3
    found.remove({"e1", "e5"})
    found.remove({"e10"})
    assert [one.id for one in found] == [f"e{n}" for n in (0, 2, 3, 4, 6, 7, 8, 9)]
    assert (len(found), found[4]) == (8, _example(6))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("step", "around"), [(1, 1 << 16), (10, 1 << 16), (1, 8)])
def test_pages_of_examples_and_between_them_are_given_back(
    monkeypatch: pytest.MonkeyPatch, step: int, around: int
) -> None:
    found = Spool(map(_example, range(2000)))
    monkeypatch.setattr(spool, "RESIDENT", found._ends[-1] // 4)
    monkeypatch.setattr(spool, "AROUND", around)  # examples may be larger
    given, own = list[int](), Spool._give_back

    def count(self: Spool) -> None:
        given.append(self._mapped)
        own(self)

    monkeypatch.setattr(Spool, "_give_back", count)
    assert len(list(found[::step])) == 2000 / step
    assert 3 <= len(given) <= 5


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("value", [np.zeros(2), np.float64(1), {1, 2}, [Path("x")], str])
def test_what_is_not_plain_stays_in_memory(value: Any) -> None:
    found = Spool([*map(_example, range(5)), Example("odd", {"value": value})])
    assert found[5].fields["value"] is value
    assert found[4] == _example(4)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("room", [0, 100, 300])
def test_a_full_disk(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, room: int
) -> None:
    real = tempfile.TemporaryFile

    class Full:
        """A file on a disk with little room."""

        def __init__(self) -> None:
            self._file = real(buffering=0)
            self._left = room

        def write(self, data: bytes) -> int:
            if not self._left:
                raise OSError(28, "No space left on device")
            count = self._file.write(bytes(data[: self._left]))
            self._left -= count or 0
            return count or 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    monkeypatch.setattr(spool, "BLOCK", 100)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    with caplog.at_level(logging.WARNING, "seqloom"):
        found = Spool(map(_example, range(12)))
    assert list(found) == [_example(number) for number in range(12)]
    assert caplog.text.count("kept in memory") == 1
    assert "No space left" in caplog.text


@pytest.mark.usefixtures("few")
def test_an_origin_that_is_not_plain_stays_as_it_is() -> None:
    origins: list[Any] = [Origin(Path("a.txt"), 1), Origin("a.txt", np.int64(7))]  # type: ignore[arg-type]
    found = Spool([*map(_example, range(4)), *(Example("odd", {}, one) for one in origins)])
    assert [found[4].origin, found[5].origin] == origins


def _table(path: Path) -> str:
    rows = "".join(f"text {n % 11} x,{'ab'[n % 2]}\n" for n in range(40))
    path.write_text(f"text,label\n{rows}", encoding="utf-8")
    return str(path)


def _read(table: str, *words: str) -> RunData:
    return encoded_data(
        compose_run(["data=csv", "head=classification", f"data.train={table}", *words])
    )


@pytest.mark.parametrize("full", [False, True])
def test_many_examples_give_the_data_that_few_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool, few: None
) -> None:
    table = _table(tmp_path / "t.csv")
    many = _read(table)
    assert isinstance(many.splits["train"]._encoded, StoredExamples)
    monkeypatch.undo()
    if full:
        monkeypatch.setattr(gather, "IN_MEMORY", 3)
        monkeypatch.setattr(gather, "write_split", _refuse)
    alone = _read(table)
    assert not isinstance(alone.splits["train"]._encoded, StoredExamples)
    assert many.states == alone.states
    assert many.values_digests == alone.values_digests
    for split, rows in alone.splits.items():
        other = many.splits[split]
        assert rows.digest() == other.digest()
        assert rows.ids == list(other.ids)
        assert [one.example for one in rows] == [one.example for one in other]
        assert (rows.costs == other.costs).all()
        assert many.contents[split].facts() == alone.contents[split].facts()
        bare = other.bare(0)
        assert (bare.example.id, bare.example.origin) == (rows.ids[0], rows[0].example.origin)


def _refuse(*_: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("few")
def test_an_id_that_comes_twice_among_many(tmp_path: Path) -> None:
    rows = "".join(f"{n},text {n},{'ab'[n % 2]}\n" for n in [*range(20), 12])
    (tmp_path / "t.csv").write_text(f"id,text,label\n{rows}", encoding="utf-8")
    words = ["data.id_column=id", "data.split.val=0", "data.split.test=0"]
    with pytest.raises(DataError, match=r"t\.csv:22: the example at .*t\.csv:14 has the same id"):
        _read(str(tmp_path / "t.csv"), *words)
    assert len(_read(str(tmp_path / "t.csv"), *words, "on_bad=skip").splits["train"]) == 20


def test_the_files_are_removed_with_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: None
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    data = _read(_table(tmp_path / "t.csv"))
    rows = data.splits["train"]
    rows.save(tmp_path / "saved")
    assert list((tmp_path / "tmp").iterdir())
    before, inputs = rows.digest(), rows[5].inputs["words"]
    del data, rows
    assert not list((tmp_path / "tmp").iterdir())
    found = EncodedSplit.load(tmp_path / "saved")
    assert found.digest() == before
    assert found[5].inputs["words"].tolist() == inputs.tolist()
    (tmp_path / "saved/values.bin").write_bytes(b"")
    with pytest.raises(RunError, match=r"is missing or damaged: values\.bin has 0 bytes"):
        EncodedSplit.load(tmp_path / "saved")
