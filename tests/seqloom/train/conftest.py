"""Tiny runs, and parts that a config can name by an import path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import seqloom
from seqloom.train.folder import Result
from seqloom.train.lease import Lease, holder
from seqloom.train.watch import Process

TINY = (
    "data.train_size=60",
    "data.val_size=20",
    "data.test_size=20",
    "encoder.hidden_size=8",
    "batch.max_examples=16",
    "trainer=cpu",
    "trainer.max_epochs=3",
)
"""Four batches an epoch, with word dropout as augmentation."""

Fit = Callable[..., Result]
Parts = Callable[..., str]


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    """Train on a few apples; settings that are given come last, so that they count."""

    def _fit(*overrides: str, run_dir: Path | str = tmp_path / "run") -> Result:
        return seqloom.fit(*TINY, *overrides, run_dir=run_dir)

    return _fit


@pytest.fixture(scope="session")
def one_epoch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run of one epoch; not to be changed."""
    run_dir = tmp_path_factory.mktemp("one-epoch") / "run"
    return seqloom.fit(*TINY, "trainer.max_epochs=1", run_dir=run_dir).run_dir


@pytest.fixture
def ran(one_epoch: Path, tmp_path: Path) -> Path:
    """Return the folder of a run of one epoch that the test may change: where ``fit`` trains."""
    folder = tmp_path / "run"
    shutil.copytree(one_epoch, folder)
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(str(one_epoch), str(folder)), encoding="utf-8")
    return folder


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    """Make an object importable, and return its import path."""
    module = ModuleType("parts_of_a_test")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def _add(part: Any) -> str:
        setattr(module, part.__name__, part)
        return f"{module.__name__}.{part.__name__}"

    return _add


@pytest.fixture
def conll(tmp_path: Path) -> Callable[..., list[str]]:
    """Write CoNLL files, and return the overrides that read them."""

    def _write(**splits: list[list[tuple[str, str]]]) -> list[str]:
        overrides = ["data=conll"]
        for split, sentences in splits.items():
            path = tmp_path / f"{split}.conll"
            blocks = ["\n".join(f"{word} {tag}" for word, tag in one) for one in sentences]
            path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
            overrides.append(f"data.{split}={path}")
        return overrides

    return _write


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """Leave torch's number of threads as it was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def write_lease(folder: Path, age: float = 0, **changes: Any) -> Path:
    """Leave a lease behind, of this process if nothing else is given."""
    path = folder / "lease.json"
    own = Process.current()
    content = {
        "token": "old",
        "pid": own.pid,
        "started": own.started,
        "host": own.host,
        "boot": own.boot,
    }
    path.write_text(json.dumps(content | changes), encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)
    return path


def stands(lease: Lease, folder: Path) -> bool:
    """Return whether a folder is held by this very lease."""
    known = holder(folder)
    return known is not None and known.token == lease.token


def wait(until: Callable[[], bool]) -> None:
    """Wait for something that a thread does soon."""
    deadline = time.monotonic() + 600
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have leases renewed all the time."""
    monkeypatch.setattr("seqloom.train.lease.RENEWAL", 0.05)


def names(folder: Path) -> list[str]:
    """Return what a folder holds, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def say(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
