"""Lines that cannot be used: listed where they are skipped, and before any training else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import seqloom
from seqloom_handwriting.readers.digit_lines import DigitLineReader

LISTED = {
    "damaged.png": "cannot be read: ",
    "empty.png": "its text is empty",
    "long.png": "its text of 80 characters is too long for the line",
    "narrow.png": "the image is 1 pixels wide",
}


@pytest.fixture
def flawed(tmp_path: Path) -> tuple[str, ...]:
    """Overrides of folders with good lines, and a bad one of each kind."""
    reader = DigitLineReader(train=24, val=0, test=0, min_length=2, max_length=3, height=16)
    for number, one in enumerate(reader.examples("train")):
        place = tmp_path / ("val" if number > 20 else "train")
        write(place, f"good{number}", one.fields["image"], one.fields["text"])
    blank = np.full((16, 40), 255, np.uint8)
    write(tmp_path / "train", "empty", blank, " \n")
    write(tmp_path / "train", "long", blank, "1" * 80)
    write(tmp_path / "train", "narrow", blank[:, :1], "1")
    write(tmp_path / "train", "damaged", blank, "1")
    (tmp_path / "train" / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    write(tmp_path / "val", "unknown", blank, "1é")
    return ("data=line_images", *(f"data.{split}={tmp_path / split}" for split in ("train", "val")))


def write(place: Path, name: str, image: np.ndarray, text: str) -> None:
    place.mkdir(exist_ok=True)
    Image.fromarray(image).save(place / f"{name}.png")
    (place / f"{name}.gt.txt").write_text(text, encoding="utf-8")


def without_data(words: tuple[str, ...]) -> list[str]:
    return [word for word in words if not word.startswith("data")]


def test_bad_lines_are_skipped_and_listed(
    reader: tuple[str, ...],
    flawed: tuple[str, ...],
    rows: Callable[[str], list[dict[str, Any]]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = (*flawed, *without_data(reader), "frontend.margin=1", "trainer.max_epochs=1")
    result = seqloom.fit(*words, "on_bad=skip", run_dir=tmp_path / "run")
    listed = rows((result.run_dir / "skipped.jsonl").read_text(encoding="utf-8"))
    assert {one["id"] for one in listed} == set(LISTED)
    for one in listed:
        assert LISTED[one["id"]] in one["problem"]
        assert one["split"] == "train"
        assert one["where"].endswith(one["id"])
    report = result.report.read_text(encoding="utf-8")
    assert all(name in report for name in LISTED)
    assert "characters that no training text has: 'é' (LATIN SMALL LETTER E WITH" in caplog.text
    assert result.metrics["val"]["cer"] > 0


def test_bad_lines_end_the_run_before_training(
    reader: tuple[str, ...], flawed: tuple[str, ...], tmp_path: Path
) -> None:
    words = (*flawed, *without_data(reader), "frontend.margin=1", "trainer.max_epochs=1")
    with pytest.raises(seqloom.SeqloomError) as found:
        seqloom.fit(*words, run_dir=tmp_path / "run")
    text = str(found.value)
    assert text.startswith("4 examples of the train split cannot be used:")
    for name, problem in LISTED.items():
        assert any(name in row and problem in row for row in text.splitlines())
    assert not (tmp_path / "run" / "checkpoints").exists()
