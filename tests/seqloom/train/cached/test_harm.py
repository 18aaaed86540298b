"""Other processes, kills, damage, full disks and other users do no harm to the cache."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from seqloom.cli.cache import _line
from seqloom.data import cache, forked, gather
from seqloom.data.cache import Cache, Entry
from seqloom.data.encoded import EncodedSplit
from seqloom.errors import DataError, RunError
from seqloom.files import sha256
from seqloom.train import cached

from .conftest import Read, digests, left


def _report(load: Read, barrier: Any, queue: Any) -> None:
    barrier.wait()
    queue.put(digests(load()))


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let several processes encode each split, in small parts."""
    monkeypatch.setattr(forked, "FEWEST", 1)
    monkeypatch.setattr(forked, "available_cores", lambda: [0, 1])
    monkeypatch.setattr(gather, "PART", 4)
    monkeypatch.setattr(gather, "FIRST", 2)


def test_two_processes_build_one_entry(load: Read, store: Cache) -> None:
    _build_at_once(load, store)


@pytest.mark.usefixtures("several")
def test_two_processes_that_start_others_build_one_entry(load: Read, store: Cache) -> None:
    _build_at_once(load, store)


def _build_at_once(load: Read, store: Cache) -> None:
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_report, args=(load, barrier, queue)) for _ in range(2)]
    for one in processes:
        one.start()
    found = [queue.get(timeout=600) for _ in processes]
    for one in processes:
        one.join()
    assert [one.exitcode for one in processes] == [0, 0]
    assert found[0] == found[1] == digests(load("cache=off"))
    assert len(store.entries()) == 1
    assert not left(store)


def test_without_locks_an_entry_that_is_there_is_kept(
    load: Read, store: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digests(load())
    monkeypatch.setattr(cache, "try_lock", lambda *_, **__: True)
    monkeypatch.setattr(cached.CachedData, "load", lambda *_: None)  # it was not there yet
    assert digests(load()) == before
    assert len(store.entries()) == 1
    assert not left(store)


def test_several_processes_open_an_entry_at_once(
    load: Read, store: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digests(load())

    def wait(_: float) -> None:
        pytest.fail("it waits")

    monkeypatch.setattr("time.sleep", wait)
    [entry] = store.entries()
    with store.locked(entry.key, shared=True):
        assert digests(load()) == before


def _die(load: Read, where: str) -> None:
    def die(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    pytest.MonkeyPatch().setattr(where, die)
    load()


@pytest.mark.parametrize(
    "where", ["seqloom.data.split_writer.SplitDigest.hex", "seqloom.data.cache.sha256_of_each"]
)
def test_what_a_killed_process_leaves_is_not_used(load: Read, store: Cache, where: str) -> None:
    _kill(load, store, where)


@pytest.mark.usefixtures("several")
def test_what_a_process_leaves_that_started_others(load: Read, store: Cache) -> None:
    _kill(load, store, "seqloom.data.split_writer.SplitWriter.extend")


def _kill(load: Read, store: Cache, where: str) -> None:
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_die, args=(load, where))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(left(store)) >= 1
    assert not store.entries()
    assert digests(load()) == digests(load("cache=off"))
    assert len(store.entries()) == 1
    assert not left(store)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("train/values.bin", "other"),
        ("train/0.bin", "cut"),
        ("data.json", "gone"),
        ("contents.npz", "cut"),
        ("entry.json", "cut"),
        ("entry.json", "gone"),
    ],
)
def test_a_damaged_entry_is_made_again(
    load: Read, store: Cache, caplog: pytest.LogCaptureFixture, name: str, damage: str
) -> None:
    before = digests(load())
    file = store.folder / store.entries()[0].key / name
    content = file.read_bytes()
    file.unlink()
    if damage != "gone":
        file.write_bytes(content[:-1] if damage == "cut" else b"\0" + content[1:])
    assert digests(load()) == before
    assert "is damaged and will be rebuilt" in caplog.text
    caplog.clear()
    assert digests(load()) == before
    assert "is damaged" not in caplog.text
    assert not left(store)


def test_an_entry_whose_facts_cannot_be_read_is_made_again(
    load: Read, store: Cache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise DataError("more than 1000000 lists and objects")

    monkeypatch.setattr(cached, "read_json", refuse)
    assert digests(load()) == digests(load("cache=off"))
    assert "more than 1000000 lists" in caplog.text


def test_what_has_the_same_files_is_not_written_over(
    load: Read, store: Cache, tmp_path: Path
) -> None:
    data = load()
    rows, plain = data.splits["train"], [*data.splits["val"]]
    rows.save(tmp_path / "saved")
    [one] = store.entries()
    before = sha256(store.folder / one.key / "train/0.bin")
    EncodedSplit(plain).save(tmp_path / "saved")
    assert sha256(store.folder / one.key / "train/0.bin") == before
    assert EncodedSplit.load(tmp_path / "saved").ids == [one.example.id for one in plain]
    store.remove(one.key)
    rows.save(tmp_path / "again")  # it is still mapped
    assert EncodedSplit.load(tmp_path / "again").digest() == rows.digest()


def test_a_full_disk_has_no_room_for_a_lock(
    load: Read, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = os.open

    def full(path: Any, *args: Any, **others: Any) -> int:
        if str(path).endswith(".lock"):
            raise OSError(28, "No space left on device")
        return real(path, *args, **others)

    monkeypatch.setattr(os, "open", full)
    assert load().splits["train"]
    assert "Other processes may encode the same data" in caplog.text


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no owners")
def test_a_folder_of_another_user_or_that_cannot_be_written(
    store: Cache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.prepare()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert not store.prepare()
    assert "cannot be written to" in caplog.text
    monkeypatch.undo()
    real, own = Path.lstat, os.getuid()
    link = store.folder.with_name("link")
    link.symlink_to(store.folder)
    assert Cache(link).prepare()  # the user's own

    def foreign(path: Path) -> Any:
        found = [*real(path)]
        found[stat.ST_UID] = own + 1
        return os.stat_result(found) if path == link else real(path)

    store.folder.chmod(0o755)
    monkeypatch.setattr(Path, "lstat", foreign)
    assert not Cache(link).prepare()
    assert "another user owns the folder" in caplog.text
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o755


@pytest.mark.parametrize("where", ["seqloom.train.cached.Scratch", "seqloom.data.cache.write_json"])
def test_a_full_disk_does_not_end_the_run(
    load: Read,
    store: Cache,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    where: str,
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RunError("No space left on device") if "json" in where else OSError(28, "No space")

    monkeypatch.setattr(where, full)
    data = load()
    assert digests(data) == digests(load("cache=off"))
    assert "Encoded data is not cached" in caplog.text
    del data
    assert not store.entries()
    assert not left(store)


def test_a_folder_that_cannot_be_made(
    load: Read, store: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    store.folder.parent.write_text("", encoding="utf-8")
    assert load().splits["train"]
    assert "Encoded data is not cached" in caplog.text


def test_others_cannot_read_what_is_cached(load: Read, store: Cache) -> None:
    store.folder.mkdir(parents=True)
    store.folder.chmod(0o755)
    load()
    assert store.entries()
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("used", [1e18, -1e18, float("nan")])
def test_an_entry_of_a_time_in_no_calendar_is_listed(used: float) -> None:
    assert "  unknown time  " in _line(Entry("0" * 32, 5, used, {}))
