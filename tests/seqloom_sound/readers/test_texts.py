"""Texts in files beside their sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from seqloom.interfaces import Example
from seqloom_sound.readers.speech import SpeechReader
from seqloom_sound.readers.texts import LARGEST_TEXT


def _sound(path: Path) -> None:
    soundfile.write(path, np.full(800, 0.1), 8000)


def test_a_sound_whose_text_is_too_large_or_whose_name_does_not_match_is_reported(
    tmp_path: Path,
) -> None:
    for name in ("anna-1.wav", "other.wav"):
        _sound(tmp_path / name)
    (tmp_path / "anna-1.txt").write_bytes(b"a" * (LARGEST_TEXT + 1))
    (tmp_path / "other.txt").write_text("said")
    pattern = r"(?P<speaker>[a-z]+)-\d+\.wav"
    large, unmatched = SpeechReader(train=str(tmp_path), pattern=pattern).examples("train")
    assert f"{tmp_path / 'anna-1.txt'} has {LARGEST_TEXT + 1} bytes; expected at most" in str(large)
    assert f"data.pattern={pattern} does not match 'other.wav'." in str(unmatched)


def test_a_folder_may_have_several_lists_of_texts(tmp_path: Path) -> None:
    for name in ("a-1", "b-1", "b-2"):
        _sound(tmp_path / f"{name}.wav")
    (tmp_path / "a.trans.txt").write_text("a-1 one\n")
    (tmp_path / "b.trans.txt").write_text("b-1 two\nb-2 three\n")
    found = SpeechReader(train=str(tmp_path)).examples("train")
    assert [one.fields["text"] for one in found if isinstance(one, Example)] == [
        "one",
        "two",
        "three",
    ]
