"""Texts in files beside their sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
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


def test_a_list_may_separate_by_tabs_and_what_is_not_used_of_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("1", "2", "3"):
        _sound(tmp_path / f"{name}.wav")
    (tmp_path / "a.trans.txt").write_text("1\tone  a \n2 two\u2028b\n2 two\u2028b\n4 four\n5\n")
    one, two, three = SpeechReader(train=str(tmp_path)).examples("train")
    assert isinstance(one, Example)
    assert isinstance(two, Example)
    assert [one.fields["text"], two.fields["text"]] == ["one  a", "two\u2028b"]
    assert "no text beside the sound; expected 3.txt or a line in a.trans.txt." in str(three)
    warning = (
        f"{tmp_path / 'a.trans.txt'}: 2 of 4 texts have no sound beside the file, the first '4'"
    )
    assert [record.getMessage() for record in caplog.records] == [f"{warning}; they are not used."]


def test_two_texts_of_one_sound_in_a_list_are_an_error(tmp_path: Path) -> None:
    _sound(tmp_path / "1.wav")
    (tmp_path / "a.trans.txt").write_text("1 one\n1 two\n")
    [error] = SpeechReader(train=str(tmp_path)).examples("train")
    assert f"{tmp_path / 'a.trans.txt'} has 2 different texts for '1'; expected one." in str(error)


def test_texts_may_have_the_suffix_of_windows_and_must_be_utf_8(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        _sound(tmp_path / f"{name}.wav")
    (tmp_path / "1.TXT").write_text("one")
    (tmp_path / "2.txt").write_bytes("caf\xe9".encode("latin-1"))
    (tmp_path / "3.txt").write_bytes("three".encode("utf-16"))
    one, two, three = SpeechReader(train=str(tmp_path)).examples("train")
    assert isinstance(one, Example)
    assert one.fields["text"] == "one"
    assert str(two).endswith("Convert it, for example with iconv -f LATIN1 -t UTF-8.")
    assert str(three).endswith("Convert it, for example with iconv -f UTF-16 -t UTF-8.")
