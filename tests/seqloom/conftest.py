"""What the core's tests share: broken and whole plugins, trained models."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins

from seqloom.plugins import registry

STRANGER = Path(__file__).parents[1] / "fixtures" / "stranger_plugin"
LINES = (
    "data=digit_lines",
    "data.train=32",
    "data.val=8",
    "data.test=4",
    "data.min_length=2",
    "data.max_length=3",
    "data.height=16",
)
READER = (
    "frontend=line_image",
    "frontend.height=16",
    "frontend.margin=2",
    "frontend.channels=[4,6]",
    "frontend.pooling=[2x2,2x1]",
    "encoder.hidden_size=8",
    "head=ctc",
    "head.ngram_order=2",
    "trainer=cpu",
    "trainer.max_epochs=1",
)

PIP = ["pip", "install", "--no-deps", "--no-index"]

Install = Callable[..., Path]


def _forget() -> None:
    importlib.invalidate_caches()
    registry.cache_clear()


def _copied(groups: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of groups of options in groups; the options themselves never change."""
    return {name: _copied(one) if isinstance(one, dict) else one for name, one in groups.items()}


@pytest.fixture
def fresh_plugins() -> Iterator[None]:
    """Discover plugins anew in this test, and again after it."""
    Plugins.instance()  # Hydra stores configs of its own when its plugins are first found
    store, modules = ConfigStore.instance(), set(sys.modules)
    repo = _copied(store.repo)
    _forget()
    yield
    store.repo = repo
    for name in set(sys.modules) - modules:
        if name.startswith(("faulty", "stranger")):
            del sys.modules[name]
    _forget()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_plugins: None) -> Install:
    """Install a plugin of one module as pip would; returns the folder to put on PYTHONPATH."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def make(
        name: str,
        source: str,
        *,
        entry: str | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Path:
        (site / f"{name}.py").write_text(source, encoding="utf-8")
        for path, text in (files or {}).items():
            (site / path).parent.mkdir(parents=True, exist_ok=True)
            (site / path).write_text(text, encoding="utf-8")
        info = site / f"{name}-1.5.dist-info"
        info.mkdir()
        distribution = name.replace("_", "-")
        metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        points = f"[seqloom.plugins]\n{entry or name} = {name}\n"
        (info / "entry_points.txt").write_text(points, encoding="utf-8")
        _forget()
        return site

    return make


@pytest.fixture(scope="session")
def trained_ner(small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run with head=ner."""
    from seqloom import fit

    return fit(*small, run_dir=tmp_path_factory.mktemp("ner") / "run").run_dir


@pytest.fixture(scope="session")
def trained_classes(small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run with head=classification."""
    from seqloom import fit

    overrides = ("head=classification", "encoder=gru", *small)
    return fit(*overrides, run_dir=tmp_path_factory.mktemp("classes") / "run").run_dir


@pytest.fixture(scope="session")
def lines() -> tuple[str, ...]:
    """Overrides that make a few lines of digits, on which a run takes a moment."""
    return LINES


@pytest.fixture(scope="session")
def trained_reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run with head=ctc, whose codec's state has bytes in it."""
    from seqloom import fit

    return fit(*LINES, *READER, run_dir=tmp_path_factory.mktemp("reader") / "run").run_dir


@pytest.fixture(scope="session")
def stranger_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the stranger's wheel, install it into a folder of its own, and return the folder."""
    folder = tmp_path_factory.mktemp("stranger")
    site = folder / "site"
    for command in (
        ["build", "--wheel", "--no-isolation", "--outdir", str(folder), str(STRANGER)],
        [*PIP, "--target", str(site), "--find-links", str(folder), "stranger-window"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return site


@pytest.fixture
def stranger(stranger_site: Path, monkeypatch: pytest.MonkeyPatch, fresh_plugins: None) -> None:
    """Have the stranger's package installed in this process too."""
    monkeypatch.syspath_prepend(str(stranger_site))
    importlib.invalidate_caches()
