"""A model that reads lines of digits, trained once for all tests here; the program."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqloom.cli.main import run
from seqloom.interfaces import Example
from seqloom_handwriting.readers.digit_lines import DigitLineReader

READER = (
    "data=digit_lines",
    "data.train=96",
    "data.val=24",
    "data.test=12",
    "data.min_length=1",
    "data.max_length=3",
    "data.height=16",
    "frontend=line_image",
    "frontend.height=16",
    "frontend.margin=2",
    "frontend.channels=[12,24]",
    "frontend.pooling=[2x2,4x2]",
    "frontend.augment.elastic=0",
    "frontend.augment.morphology=0",
    "encoder=bilstm",
    "encoder.hidden_size=24",
    "head=ctc",
    "head.ngram_order=3",
    "optimizer.lr=0.01",
    "scheduler=warmup_hold_linear",
    "trainer=cpu",
    "trainer.gradient_clip_val=2.0",
    "callbacks=none",
    "batch.max_examples=8",
)


HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share a trained model on one core, as it takes a while to train."""
    for item in items:
        names = set(getattr(item, "fixturenames", ())) if HERE in item.path.parents else set()
        if names & {"stroke_model", "image_model"}:
            item.add_marker(pytest.mark.xdist_group("demo models"))
        elif "trained" in names:
            item.add_marker(pytest.mark.xdist_group("trained digits"))


def _digit_line(number: int) -> Example:
    reader = DigitLineReader(test=number, min_length=2, max_length=4, height=24)
    *_, last = reader.examples("test")
    return last


def _rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(row) for row in out.splitlines()]


def _description(model: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((model / "bundle.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="session")
def digit_line() -> Callable[[int], Example]:
    """Give a line that no training has seen by its number, from 1."""
    return _digit_line


@pytest.fixture(scope="session")
def rows() -> Callable[[str], list[dict[str, Any]]]:
    """Read JSON lines."""
    return _rows


@pytest.fixture(scope="session")
def description() -> Callable[[Path], dict[str, Any]]:
    """Read what a bundle says of itself."""
    return _description


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the program in this process; returns what it prints."""

    def _call(*arguments: str | Path) -> str:
        assert run([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out

    return _call


@pytest.fixture(scope="session")
def tiny() -> tuple[str, ...]:
    """Overrides of a run that takes a moment and learns nothing."""
    sizes = ("data.train=8", "data.val=4", "data.test=2", "trainer.max_epochs=1")
    return (*READER, *sizes, "head.extra_characters='0123456789'")


@pytest.fixture(scope="session")
def reader() -> tuple[str, ...]:
    """Overrides of a small run."""
    return READER


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run whose model reads some of the digits."""
    from seqloom import fit

    run_dir = tmp_path_factory.mktemp("digits") / "run"
    return fit(*READER, "trainer.max_epochs=32", run_dir=run_dir).run_dir
