"""Pages and lines that are in two splits under two names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqloom_handwriting.pages.prepare import prepare
from seqloom_handwriting.pages.reader import PageReader
from seqloom_handwriting.readers.line_images import LineImageReader

Write = Callable[..., Path]
Draw = Callable[..., np.ndarray]
FIRST = [("a", 60, "The quick brown fox"), ("b", 160, "jumps over"), ("c", 260, "the lazy dog now")]
OTHER = [("a", 60, "Sphinx of black"), ("b", 160, "quartz, judge my vow"), ("c", 260, "and so on")]


def scan_again(path: Path, scale: float = 0.8) -> None:
    """Replace an image by another scan: smaller, a little turned, paler and noisy."""
    with Image.open(path) as image:
        size = (round(image.width * scale), round(image.height * scale))
        again = image.convert("L").resize(size).rotate(0.4, fillcolor=255)
    noise = np.random.default_rng(0).normal(0, 5, (size[1], size[0]))
    pixels = 255 - (255 - np.asarray(again, float)) * 0.8 + noise
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


def read_all(reader: PageReader | LineImageReader) -> None:
    for split in ("train", "val", "test"):
        assert list(reader.examples(split)) or split == "val"


def test_two_scans_of_a_page_in_two_splits_are_a_warning(
    alto_page: Write, caplog: pytest.LogCaptureFixture
) -> None:
    train = alto_page(FIRST, folder="train", name="p1").parent
    alto_page(OTHER, folder="train", name="p2")
    test = alto_page(FIRST, folder="test", name="scan7").parent
    scan_again(test / "scan7.png")
    read_all(PageReader(train=str(train), test=str(test)))
    (message,) = caplog.messages
    assert message.startswith(
        "1 pair of pages in different splits looks like two images of the same: p1 (train) and "
        "scan7 (test)."
    )


def test_other_pages_of_the_same_form_are_not_told(
    alto_page: Write, caplog: pytest.LogCaptureFixture
) -> None:
    train = alto_page(FIRST, folder="train", name="p1").parent
    test = alto_page(OTHER, folder="test", name="p2").parent
    read_all(PageReader(train=str(train), test=str(test)))
    assert not caplog.messages


def test_scans_that_were_split_by_chance_are_a_warning(
    alto_page: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = alto_page(FIRST, name="p1").parent
    alto_page(FIRST, name="p1 again")
    scan_again(folder / "p1 again.png")
    read_all(PageReader(train=str(folder), split={"test": 0.5, "group": "page"}))
    assert "like two images of the same: p1" in caplog.text
    caplog.clear()
    prepare(["pages", str(folder), str(tmp_path / "x"), "--test", "0.5"])
    assert "like two images of the same: p1" in caplog.text


def test_two_scans_of_a_line_in_two_splits_are_a_warning(
    tmp_path: Path, draw_text: Draw, caplog: pytest.LogCaptureFixture
) -> None:
    line = draw_text(400, 50, [(10, 35, "The quick brown fox")])
    written_again = draw_text(400, 50, [(10, 35, "The    quick  brown     fox")])
    for split, name, image in (
        ("train", "one", line),
        ("train", "two", written_again),
        ("test", "three", line),
    ):
        (tmp_path / split).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / split / f"{name}.png")
        (tmp_path / split / f"{name}.gt.txt").write_text("The quick brown fox\n")
    scan_again(tmp_path / "test" / "three.png", 0.9)
    read_all(LineImageReader(train=str(tmp_path / "train"), test=str(tmp_path / "test")))
    (message,) = caplog.messages
    assert "1 pair of lines in different splits" in message
    assert "one.png (train) and three.png (test)" in message
