"""Encoded data is made once, and only ever read as it was made."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqloom import fit
from seqloom.cli.main import run
from seqloom.config.compose import compose_run
from seqloom.config.run_config import RunConfig
from seqloom.data import cache, gather, read, scratch, spool
from seqloom.data.cache import Cache
from seqloom.data.encoded import EncodedSplit
from seqloom.errors import ConfigError, DataError, RunError
from seqloom.files import sha256
from seqloom.train import cached
from seqloom.train.data import RunData
from seqloom.train.prepare import read_data

Read = Callable[..., RunData]


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make small data large."""
    monkeypatch.setattr(cached, "SMALLEST", 1)
    for module in (spool, gather, read):
        monkeypatch.setattr(module, "IN_MEMORY", 3)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = "".join(f"text {n % 13} x,{'ab'[n % 2]}\n" for n in range(40))
    path = tmp_path / "t.csv"
    path.write_text(f"text,label\n{rows}", encoding="utf-8")
    return path


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "c" / "encoded")


@pytest.fixture
def load(table: Path, store: Cache) -> Read:
    def found(*words: str) -> RunData:
        own = ("data=csv", "head=classification", f"data.train={table}")
        words = (*own, f"cache={store.folder.parent}", *words)
        if words not in configs:  # composing takes longer than reading
            configs[words] = compose_run(words)
        return read_data(configs[words])

    configs: dict[tuple[str, ...], RunConfig] = {}
    return found


def _digests(data: RunData) -> dict[str, str]:
    return {split: rows.digest() for split, rows in data.rows.items()}


def _left(store: Cache) -> list[str]:
    return [one.name for one in store.folder.glob(f"{scratch.PREFIX}*")]


def test_the_second_run_reads_what_the_first_made(
    load: Read, store: Cache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "seqloom"):
        first, plain = load(), load("cache=off")
        said = [text for text in caplog.messages if "are not set: " in text]
        assert len(said) == 2
        monkeypatch.setattr("seqloom.train.prepare._read", None)
        second = load()
    assert [text for text in caplog.messages if "are not set: " in text] == [said[0]] * 3
    assert f"comes from the cache: {store.folder}" in caplog.text
    for one in (first, second):
        assert _digests(one) == _digests(plain)
        assert (one.states, one.values) == (plain.states, plain.values)
        for split, rows in plain.rows.items():
            assert [row.example for row in one.rows[split]] == [row.example for row in rows]
            assert one.contents[split].facts() == plain.contents[split].facts()
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert not _left(store)


def test_other_data_settings_and_code_are_other_entries(
    load: Read, store: Cache, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    for words in (["encoder=lstm"], ["seed=7"], ["batch.max_examples=3"]):
        load(*words)
    assert len(store.entries()) == 1  # these have no influence on encoded data
    load("frontend.min_count=2")
    load("on_bad=skip")
    assert len(store.entries()) == 3
    before = _digests(load())
    with table.open("a", encoding="utf-8") as file:
        file.write("text new,a\n")
    assert _digests(load()) != before
    monkeypatch.setattr(cached, "_installed", lambda: ["another-2.0.dist-info"])
    load()
    assert len(store.entries()) == 5


def test_a_file_of_a_plugin_that_changes_is_another_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_codec").mkdir()
    (tmp_path / "own_codec/__init__.py").write_text("", encoding="utf-8")
    words = tmp_path / "own_codec/words.txt"
    words.write_text("a", encoding="utf-8")

    class Found:
        target = "own_codec.codec:Codec"

        def find(self, *_: str) -> Found:
            return self

    monkeypatch.setattr(cached, "registry", Found)
    cfg = compose_run(["data=csv", "head=classification", "data.train=x.csv"])
    before = cached._code(cfg)
    assert cached._code(cfg) == before
    words.write_text("b", encoding="utf-8")
    assert cached._code(cfg) != before
    changed = cached._code(cfg)
    words.rename(words.with_name("other.txt"))
    assert cached._code(cfg) != changed


def test_data_that_changes_while_it_is_read_is_not_cached(
    load: Read, store: Cache, table: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    real = cached.recorded

    def slow() -> Any:
        with table.open("a", encoding="utf-8") as file:
            file.write("text new,a\n")
        return real()

    monkeypatch.setattr("seqloom.train.prepare.recorded", slow)
    assert sum(len(rows) for rows in load().rows.values()) == 41
    assert "changed while they were read" in caplog.text
    assert not store.entries()


def test_a_file_that_cannot_be_looked_at_is_left_to_the_reader(
    load: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cached, "sha256", refuse)
    assert load().rows["train"]


def test_what_was_said_is_said_again_as_by_its_module(
    load: Read, table: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with table.open("a", encoding="utf-8") as file:
        file.write("100 %s,\n")
    log, drop = logging.getLogger("seqloom"), lambda record: False
    log.addFilter(drop)
    try:
        first = load("on_bad=skip")
    finally:
        log.removeFilter(drop)
    assert not caplog.records
    second = load("on_bad=skip")
    [record] = [one for one in caplog.records if one.getMessage().startswith("Skipped 1 example")]
    assert (record.module, record.levelname) == ("rejected", "WARNING")
    for one in (first, second):
        [error] = one.skipped["train"]
        assert error.where == f"{table}:42"


def test_a_check_writes_nothing(table: Path, store: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqloom.train.check.check import check

    words = ["data=csv", "head=classification", f"data.train={table}", "encoder.hidden_size=4"]
    check(compose_run([*words, f"cache={store.folder.parent}"]))
    assert not store.folder.exists()


def test_what_is_small_or_depends_on_other_files_is_not_cached(
    load: Read, store: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = tmp_path / "v.txt"
    vectors.write_text("text 1 2\n", encoding="utf-8")
    load("frontend=words", f"frontend.vectors={vectors}", "frontend.size=2")
    assert not store.folder.exists()
    monkeypatch.setattr(cached, "SMALLEST", 10_000)
    load()
    assert not store.folder.exists()


def _report(load: Read, barrier: Any, found: Any) -> None:
    barrier.wait()
    found.put(_digests(load()))


def test_two_processes_build_one_entry(load: Read, store: Cache) -> None:
    context = multiprocessing.get_context("fork")
    barrier, found = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_report, args=(load, barrier, found)) for _ in range(2)]
    for one in processes:
        one.start()
    digests = [found.get(timeout=600) for _ in processes]
    for one in processes:
        one.join()
    assert [one.exitcode for one in processes] == [0, 0]
    assert digests[0] == digests[1] == _digests(load("cache=off"))
    assert len(store.entries()) == 1
    assert not _left(store)


def test_without_locks_an_entry_that_is_there_is_kept(
    load: Read, store: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _digests(load())
    monkeypatch.setattr(cache, "try_lock", lambda _: True)
    monkeypatch.setattr(cached.CachedData, "load", lambda *_: None)  # it was not there yet
    assert _digests(load()) == before
    assert len(store.entries()) == 1
    assert not _left(store)


def _die(load: Read, where: str) -> None:
    def die(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    pytest.MonkeyPatch().setattr(where, die)
    load()


@pytest.mark.parametrize(
    "where", ["seqloom.data.stored.SplitDigest.hex", "seqloom.data.cache.sha256"]
)
def test_what_a_killed_process_leaves_is_not_used(load: Read, store: Cache, where: str) -> None:
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_die, args=(load, where))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(_left(store)) >= 1
    assert not store.entries()
    assert _digests(load()) == _digests(load("cache=off"))
    assert len(store.entries()) == 1
    assert not _left(store)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("train/values.bin", "other"),
        ("train/0.bin", "cut"),
        ("data.json", "gone"),
        ("entry.json", "cut"),
        ("entry.json", "gone"),
    ],
)
def test_a_damaged_entry_is_made_again(
    load: Read, store: Cache, caplog: pytest.LogCaptureFixture, name: str, damage: str
) -> None:
    before = _digests(load())
    file = store.folder / store.entries()[0].key / name
    content = file.read_bytes()
    file.unlink()
    if damage != "gone":
        file.write_bytes(content[:-1] if damage == "cut" else b"\0" + content[1:])
    assert _digests(load()) == before
    assert "is damaged and is made again" in caplog.text
    caplog.clear()
    assert _digests(load()) == before
    assert "is damaged" not in caplog.text
    assert not _left(store)


def test_an_entry_whose_facts_cannot_be_read_is_made_again(
    load: Read, store: Cache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise DataError("more than 1000000 lists and objects")

    monkeypatch.setattr(cached, "read_json", refuse)
    assert _digests(load()) == _digests(load("cache=off"))
    assert "more than 1000000 lists" in caplog.text


def test_what_has_the_same_files_is_not_written_over(
    load: Read, store: Cache, tmp_path: Path
) -> None:
    data = load()
    rows, plain = data.rows["train"], [*data.rows["val"]]
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
    assert load().rows["train"]
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
    assert _digests(data) == _digests(load("cache=off"))
    assert "Encoded data is not cached" in caplog.text
    del data
    assert not store.entries()
    assert not _left(store)


def test_a_folder_that_cannot_be_made(
    load: Read, store: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    store.folder.parent.write_text("", encoding="utf-8")
    assert load().rows["train"]
    assert "Encoded data is not cached" in caplog.text


def test_training_from_the_cache_gives_the_same_weights(
    table: Path, tmp_path: Path, store: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["data=csv", "head=classification", f"data.train={table}", "frontend=words"]
    words += ["encoder=lstm", "encoder.hidden_size=4", "trainer.max_epochs=1"]
    words += ["frontend.word_dropout=1.0"]  # an augmentation, which is not cached
    runs = {"plain": "off", "first": store.folder.parent, "second": store.folder.parent}
    results = [fit(*words, f"cache={one}", run_dir=tmp_path / name) for name, one in runs.items()]
    monkeypatch.undo()
    results.append(fit(*words, "cache=off", run_dir=tmp_path / "few"))
    assert len(store.entries()) == 1
    hashes = {sha256(tmp_path / one / "bundle" / "model.safetensors") for one in (*runs, "few")}
    assert len(hashes) == 1
    again = fit(*words, f"cache={store.folder.parent}", "resume=auto", run_dir=tmp_path / "first")
    assert again.metrics == results[0].metrics


def test_entries_are_listed_and_cleared(
    load: Read,
    store: Cache,
    table: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = f"--folder={store.folder.parent}"
    assert run(["cache", "list", folder]) == 0
    assert capsys.readouterr().out == f"{store.folder}: empty\n"
    load()
    load("frontend.min_count=2")
    newest, oldest = store.entries()
    os.utime(store.folder / oldest.key, (0, 0))
    assert run(["cache", "list", folder]) == 0
    first, second, total = capsys.readouterr().out.splitlines()
    assert first.startswith(newest.key[:10])
    assert f"csv/words/classification  train 28, val 6, test 6  {table}" in first
    assert second.startswith(f"{oldest.key[:10]}  19")
    assert total.startswith(f"{store.folder}: 2 entries, ")
    with pytest.raises(ConfigError, match="Which entries"):
        run(["cache", "clear", folder])
    with pytest.raises(ConfigError, match="--older 3: expected a number and one of m, h, d, w"):
        run(["cache", "clear", folder, "--older", "3"])
    assert run(["cache", "clear", folder, "--keep", "1GB"]) == 0
    assert run(["cache", "clear", folder, "--older", "30d"]) == 0
    assert [one.key for one in store.entries()] == [newest.key]
    assert run(["cache", "clear", folder, "nothing"]) == 0
    assert len(store.entries()) == 1
    assert run(["cache", "clear", folder, str(table)]) == 0
    assert not list(store.folder.glob("[!.]*"))
    load()
    assert run(["cache", "clear", folder, "--keep", "1kB"]) == 0
    assert "Removed 1 of 1" in capsys.readouterr().out
    load()
    (store.folder / "own data").mkdir()
    with pytest.raises(ConfigError, match="Which entries"):
        run(["cache", "clear", folder, ""])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _refuse)
        with pytest.raises(RunError, match="cannot be removed"):
            run(["cache", "clear", folder, "--all"])
    assert run(["cache", "clear", folder, "--all"]) == 0
    assert not store.entries()
    assert (store.folder / "own data").is_dir()


def _refuse(*_: Any) -> None:
    raise PermissionError(13, "Permission denied")


def test_the_folder_of_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SEQLOOM_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if os.name == "posix" and os.uname().sysname == "Linux":
        assert cache.cache_root() == tmp_path / "seqloom"
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "own"))
    assert cache.cache_root() == tmp_path / "own"
