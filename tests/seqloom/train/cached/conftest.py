"""A small table that counts as large, and its place in a cache of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom.config.compose import compose_run
from seqloom.config.run_config import RunConfig
from seqloom.data import gather, read, scratch, spool
from seqloom.data.cache import Cache
from seqloom.train import cached
from seqloom.train.data import RunData
from seqloom.train.prepare import encoded_data

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
        return encoded_data(configs[words])

    configs: dict[tuple[str, ...], RunConfig] = {}
    return found


def digests(data: RunData) -> dict[str, str]:
    return {split: rows.digest() for split, rows in data.splits.items()}


def left(store: Cache) -> list[str]:
    return [one.name for one in store.folder.glob(f"{scratch.PREFIX}*")]
