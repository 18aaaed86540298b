"""Encoded data is made once, and only ever read as it was made."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from seqloom import fit
from seqloom.cli.cache import _size
from seqloom.cli.main import run
from seqloom.config.compose import compose_run
from seqloom.data import cache
from seqloom.data.cache import Cache
from seqloom.errors import ConfigError, RunError
from seqloom.files import read_json, sha256
from seqloom.train import cached

from .conftest import Read, digests, left


def test_the_second_run_reads_what_the_first_made(
    load: Read, store: Cache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "seqloom"):
        first, plain = load(), load("cache=off")
        said = [text for text in caplog.messages if "are not set: " in text]
        assert len(said) == 2
        monkeypatch.setattr("seqloom.train.prepare._read_fit_encode", None)
        second = load()
    assert [text for text in caplog.messages if "are not set: " in text] == [said[0]] * 3
    assert f"comes from the cache: {store.folder}" in caplog.text
    for one in (first, second):
        assert digests(one) == digests(plain)
        assert (one.states, one.values_digests) == (plain.states, plain.values_digests)
        for split, rows in plain.splits.items():
            assert [row.example for row in one.splits[split]] == [row.example for row in rows]
            assert one.contents[split].facts() == plain.contents[split].facts()
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert not left(store)


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
    before = digests(load())
    with table.open("a", encoding="utf-8") as file:
        file.write("text new,a\n")
    assert digests(load()) != before
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
    real = cached.collected_messages

    def slow() -> Any:
        with table.open("a", encoding="utf-8") as file:
            file.write("text new,a\n")
        return real()

    monkeypatch.setattr("seqloom.train.prepare.collected_messages", slow)
    assert sum(len(rows) for rows in load().splits.values()) == 41
    assert "changed while they were read" in caplog.text
    assert not store.entries()


def test_a_file_that_cannot_be_looked_at_is_left_to_the_reader(
    load: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cached, "sha256", refuse)
    assert load().splits["train"]


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


def test_a_run_that_continues_a_trained_model_finds_its_data_when_it_is_resumed(
    table: Path, tmp_path: Path, store: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    words = ["data=csv", "head=classification", f"data.train={table}", "encoder=lstm"]
    words += ["encoder.hidden_size=4", f"cache={store.folder.parent}"]
    fit(*words, "trainer.max_steps=1", run_dir=tmp_path / "first")
    words += [f"init={tmp_path / 'first'}", "resume=auto"]
    fit(*words, "trainer.max_steps=1", run_dir=tmp_path / "second")
    with caplog.at_level(logging.INFO, "seqloom"):
        fit(*words, "trainer.max_steps=2", run_dir=tmp_path / "second")
    assert "The encoded data comes from the cache" in caplog.text


@pytest.mark.parametrize(
    ("size", "shown"), [(999, "999 B"), (84_100_000, "84.1 MB"), (999_700_000, "1 GB")]
)
def test_sizes_have_three_digits(size: int, shown: str) -> None:
    assert _size(size) == shown


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
    assert run(["cache", "list", folder, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [one["key"] for one in facts] == [newest.key, oldest.key]
    assert [one["bytes"] for one in facts] == [newest.size, oldest.size]
    assert facts[0]["files"] == [str(table)]
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
    monkeypatch.delenv("SEQLOOM_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # by the standard, such a path is none
    if os.name == "posix" and os.uname().sysname == "Linux":
        assert cache.cache_root() == tmp_path / ".cache" / "seqloom"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache.cache_root() == Path.home() / "Library" / "Caches" / "seqloom"


def test_a_home_folder_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, load: Read, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", "~no-such-user/x")
    with pytest.raises(ConfigError, match=r"^~no-such-user/x: this home folder does not exist\. S"):
        run(["cache", "list"])
    assert load("cache=auto").splits["train"]
    assert "not cached: ~no-such-user/x: this home folder does not exist" in caplog.text


@pytest.mark.parametrize(
    "change",
    [{"files": 3}, {"files": [3]}, {"examples": []}, {"examples": {"train": "x"}}, {"data": None}],
    ids=str,
)
def test_a_damaged_entry_is_listed_and_can_be_cleared(
    change: dict[str, Any], load: Read, store: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    load()
    [entry] = store.entries()
    path = store.folder / entry.key / "entry.json"
    path.write_text(json.dumps(read_json(path) | change), encoding="utf-8")
    folder = f"--folder={store.folder.parent}"
    assert run(["cache", "list", folder]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("damaged")
    assert run(["cache", "list", folder, "--json"]) == 0
    assert run(["cache", "clear", folder, entry.key]) == 0
    assert not store.entries()
