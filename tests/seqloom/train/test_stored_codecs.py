"""What is bytes in a codec's state: in the run's folder, when it goes on, and in the bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import seqloom
from seqloom.errors import BundleError, RunError

NGRAM = "codec.heads.ctc.ngram"


@pytest.fixture
def folder(trained_reader: Path, tmp_path: Path) -> Path:
    """Return a copy of the run that may be changed."""
    copy = tmp_path / "run"
    shutil.copytree(trained_reader, copy)
    config = (copy / "config.yaml").read_text(encoding="utf-8")
    (copy / "config.yaml").write_text(config.replace(str(trained_reader), str(copy)))
    return copy


def go_on(folder: Path) -> Any:
    """Train the run of the folder for one epoch more."""
    overrides = json.loads((folder / "run.json").read_text(encoding="utf-8"))["overrides"]
    return seqloom.fit(*overrides, "trainer.max_epochs=2", "resume=auto", run_dir=folder)


def test_a_run_and_its_bundle_hold_the_same_bytes(folder: Path) -> None:
    stored = json.loads((folder / "codecs.json").read_text(encoding="utf-8"))
    assert stored["states"]["heads"]["ctc"]["ngram"] == {"$file": NGRAM}
    data = (folder / "codecs" / NGRAM).read_bytes()
    assert (folder / "bundle" / NGRAM).read_bytes() == data
    head: Any = seqloom.load(folder).head
    assert head.codec.ngram.to_bytes() == data


def test_a_run_goes_on_with_them(folder: Path) -> None:
    before = (folder / "codecs" / NGRAM).stat().st_mtime_ns
    data = (folder / "codecs" / NGRAM).read_bytes()
    result = go_on(folder)
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["epochs"] == 2
    assert (folder / "codecs" / NGRAM).stat().st_mtime_ns == before
    assert (result.bundle / NGRAM).read_bytes() == data


def test_a_run_does_not_go_on_without_them(folder: Path) -> None:
    (folder / "codecs" / NGRAM).unlink()
    with pytest.raises(RunError, match=rf"cannot be trained.*{NGRAM} cannot be read"):
        go_on(folder)


def test_a_run_does_not_go_on_with_others(folder: Path) -> None:
    path = folder / "codecs" / NGRAM
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match=rf"cannot be trained.*changed since then: {NGRAM}\)$"):
        go_on(folder)


def test_a_run_does_not_go_on_with_a_changed_value(folder: Path) -> None:
    path = folder / "codecs.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["states"]["heads"]["ctc"]["alphabet"] = "x"
    path.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(RunError, match=r"codecs\.json is missing or damaged.*not those that were"):
        go_on(folder)


def test_a_run_of_before_there_were_such_files_goes_on(folder: Path) -> None:
    path = folder / "codecs.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    del stored["files"], stored["sha256"]
    path.write_text(json.dumps(stored), encoding="utf-8")
    assert go_on(folder).bundle.is_dir()


def test_a_bundle_vouches_for_them(folder: Path) -> None:
    path = folder / "bundle" / NGRAM
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"\0")
    with pytest.raises(BundleError, match=rf"{NGRAM} was changed after the bundle was made; copy"):
        seqloom.load(folder)
    path.write_bytes(data[:-1])
    with pytest.raises(BundleError, match=rf"{NGRAM} has \d+ bytes, not {len(data)}: it was cut"):
        seqloom.load(folder)
    path.unlink()
    with pytest.raises(BundleError, match=rf"{NGRAM} is missing from the bundle; copy the bundle"):
        seqloom.load(folder)
