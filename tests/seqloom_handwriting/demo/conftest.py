"""Two small models that read, and the demo running with one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from demo_page import serving

import seqloom
from seqloom.demo.served import ServedModel
from seqloom.model.pipeline import Pipeline
from seqloom_handwriting.readers.digit_lines import DigitLineReader

Point = tuple[float, float]
Strokes = list[list[Point]]

# In a box as wide as 0.6 and as high as 1, y downwards.
SHAPES: dict[str, Strokes] = {
    "1": [[(0.0, 0.3), (0.25, 0.0), (0.25, 1.0)]],
    "4": [[(0.4, 0.0), (0.0, 0.65), (0.6, 0.65)], [(0.45, 0.4), (0.45, 1.0)]],
    "7": [[(0.0, 0.0), (0.6, 0.0), (0.2, 1.0)]],
}


def written(text: str, jitter: Callable[[], float] = lambda: 0.0, gap: float = 0.35) -> Strokes:
    """Return the strokes of a string of 1, 4 and 7, about 1 high."""
    strokes: Strokes = []
    left = 0.0
    for digit in text:
        shape = [[(left + x + jitter(), y + jitter()) for x, y in one] for one in SHAPES[digit]]
        strokes += shape
        left = max(x for stroke in shape for x, _ in stroke) + gap + jitter()
    return strokes


@pytest.fixture
def digits() -> Callable[..., list[list[list[float]]]]:
    """Strokes of a string: digits(text, size, left, top)."""

    def _digits(text: str, size: float, left: float, top: float) -> list[list[list[float]]]:
        return [[[left + size * x, top + size * y] for x, y in stroke] for stroke in written(text)]

    return _digits


@pytest.fixture(scope="session")
def line() -> np.ndarray:
    """The image of a line of digits, (H, W)."""
    image: np.ndarray = next(iter(DigitLineReader(test=1).examples("test"))).fields["image"]
    return image


def write_table(path: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = ["text\tstrokes"]
    for _ in range(count):
        text = "".join(rng.choice(list(SHAPES), size=rng.integers(1, 4)))
        strokes = written(text, lambda: float(rng.normal(0, 0.04)), rng.uniform(0.2, 0.6))
        cells = [" ".join(f"{x:.3f},{y:.3f}" for x, y in stroke) for stroke in strokes]
        rows.append(f"{text}\t{'|'.join(cells)}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def stroke_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that reads strings of 1, 4 and 7 from strokes."""
    folder = tmp_path_factory.mktemp("strokes")
    write_table(folder / "train.tsv", 200, seed=1)
    write_table(folder / "val.tsv", 30, seed=2)
    result = seqloom.fit(
        "data=strokes",
        f"data.train={folder / 'train.tsv'}",
        f"data.val={folder / 'val.tsv'}",
        "data.columns={strokes: strokes, text: text}",
        "frontend=strokes",
        "frontend.spacing=0.3",
        "encoder=bigru",
        "encoder.hidden_size=32",
        "head=ctc",
        "callbacks=none",
        "optimizer.lr=0.01",
        "scheduler=constant",
        "trainer.max_epochs=8",
        "batch.max_examples=8",
        run_dir=folder / "digits",
    )
    assert result.metrics["val"]["cer"] < 0.02  # else the tests below are of no use
    return result.run_dir


@pytest.fixture(scope="session")
def image_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that reads line images of digits, not well."""
    folder = tmp_path_factory.mktemp("images")
    plain = "{stretch: 0, scale: 0, slant: 0, elastic: 0, morphology: 0, gamma: 0}"
    return seqloom.fit(
        "experiment=digit_lines",
        "data.train=200",
        "data.val=10",
        "data.test=0",
        "data.min_length=2",
        "data.max_length=3",
        "data.height=16",
        "frontend.height=16",
        "frontend.margin=2",
        "frontend.channels=[8,16]",
        "frontend.pooling=[2x2,4x2]",
        f"frontend.augment={plain}",
        "encoder=bigru",
        "encoder.hidden_size=32",
        "optimizer.lr=0.01",
        "scheduler=constant",
        "batch.max_examples=8",
        "trainer.max_epochs=10",
        run_dir=folder / "lines",
    ).run_dir


@pytest.fixture(scope="session")
def stroke_reader(stroke_model: Path) -> Pipeline:
    return seqloom.load(stroke_model)


@pytest.fixture(scope="session")
def image_reader(image_model: Path) -> Pipeline:
    return seqloom.load(image_model)


@pytest.fixture(scope="session")
def running() -> Callable[[ServedModel], AbstractContextManager[str]]:
    """Serve a reader on a free port of this machine while in the context; gives the address."""
    return serving


@pytest.fixture(scope="session")
def stroke_page(stroke_reader: Pipeline) -> Iterator[str]:
    with serving(ServedModel(stroke_reader, "mine")) as address:
        yield address


@pytest.fixture(scope="session")
def image_page(image_reader: Pipeline) -> Iterator[str]:
    with serving(ServedModel(image_reader, "mine")) as address:
        yield address
