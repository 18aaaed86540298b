"""Where sounds are: links, names in zip files, and names that no file can have."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile

from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example
from seqloom_sound.place import Place
from seqloom_sound.readers.sounds import SoundReader
from seqloom_sound.readers.speech import SpeechReader
from seqloom_sound.samples import RATE


def sound(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(80), RATE)


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    sound(tmp_path / "words" / "yes" / "a.wav")
    sound(tmp_path / "elsewhere" / "deep" / "b.wav")
    (tmp_path / "words" / "no").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "words" / "yes" / "up").symlink_to(tmp_path / "words")
    (tmp_path / "elsewhere" / "self").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "words" / "gone").symlink_to(tmp_path / "nowhere")
    assert Place(tmp_path / "words").names() == ["gone", "no/deep/b.wav", "yes/a.wav"]


def test_a_label_may_be_a_link_to_another(tmp_path: Path) -> None:
    sound(tmp_path / "words" / "yes" / "a.wav")
    (tmp_path / "words" / "aye").symlink_to(tmp_path / "words" / "yes")
    found = list(SoundReader(train=str(tmp_path / "words")).examples("train"))
    assert [one.fields["label"] for one in found if isinstance(one, Example)] == ["aye", "yes"]


def test_names_in_zip_files_may_have_dots(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    with ZipFile(tmp_path / "train.zip", "w") as archive:
        archive.write(tmp_path / "a.wav", "yes/a.wav")
        archive.write(tmp_path / "a.wav", "../b.wav")
    names = ["./yes/a.wav", "yes/../yes//a.wav", "x/../../b.wav"]
    rows = "".join(f"{name}\tone\n" for name in names)
    for column, reader in (("label", SoundReader), ("text", SpeechReader)):
        (tmp_path / "train.tsv").write_text(f"sound\t{column}\n{rows}")
        *found, error = reader(train=str(tmp_path / "train.tsv")).examples("train")
        assert len(found) == 2
        for one in found:
            assert isinstance(one, Example), one
            assert len(one.fields["sound"].load()[0]) == 80
        assert isinstance(error, ExampleError)
        assert "the sound 'x/../../b.wav' is not in" in str(error)


@pytest.mark.parametrize("name", ["~nobody-here/a.wav", "a" * 300, f"{'a' * 300}/a.wav"])
def test_names_that_no_file_can_have_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="no such file"):
        list(SoundReader().inputs([name]))
    with pytest.raises(DataError, match="no such file"):
        list(SpeechReader(train=name).examples("train"))


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("form", ["a.tsv", "b.tsv", "a.jsonl", "kaldi"])
def test_backslashes_of_windows_are_slashes_where_only_such_a_file_is_there(
    tmp_path: Path, form: str, archive: bool
) -> None:
    names = [r"sub\a.wav", r".\sub\a.wav", r"odd\b.wav", r"C:\sub\a.wav"]
    for name in ("sub/a.wav", r"odd\b.wav", "odd/b.wav"):
        sound(tmp_path / name)
    (tmp_path / "odd" / "b.wav").write_bytes(b"another")
    if archive:
        with ZipFile(tmp_path / "sounds.zip", "w") as zipped:
            for name in ("sub/a.wav", r"odd\b.wav", "odd/b.wav"):
                zipped.write(tmp_path / name, name)
    path = tmp_path / form
    if form == "kaldi":
        path.mkdir()
        (path / "wav.scp").write_text("".join(f"{i} {name}\n" for i, name in enumerate(names)))
        (path / "text").write_text("".join(f"{i} one\n" for i in range(len(names))))
    elif form == "a.jsonl":
        rows = [json.dumps({"path": name, "text": "one"}) for name in names]
        path.write_text("\n".join(rows))
    else:
        column = "label" if form == "a.tsv" else "text"
        path.write_text("".join(f"{n}\tone\n" for n in ["sound", *names]).replace("one", column, 1))
    reader = SoundReader if form == "a.tsv" else SpeechReader
    place = str(tmp_path / "sounds.zip") if archive else str(tmp_path)
    *found, error = reader(train=str(path), sounds=place).examples("train")
    assert len(found) == 3
    for one in found:
        assert isinstance(one, Example), one
        assert len(one.fields["sound"].load()[0]) == 80
    if form in ("a.tsv", "b.tsv"):
        ids = [one.id for one in found if isinstance(one, Example)]
        assert ids[0].endswith("/sub/a.wav")
        assert ids[2].endswith(r"/odd\b.wav")
    assert isinstance(error, ExampleError)
    assert "The backslashes suggest a Windows path" in str(error)


@pytest.mark.parametrize("reader", [SoundReader, SpeechReader])
def test_sounds_that_cannot_be_read_are_counted(
    tmp_path: Path, reader: type[SoundReader | SpeechReader], caplog: pytest.LogCaptureFixture
) -> None:
    sound(tmp_path / "yes" / "a.wav")
    for name in ("b.m4a", "c.M4A", "d.wma", "notes.md"):
        (tmp_path / "yes" / name).touch()
    assert len(list(reader().inputs([str(tmp_path)]))) == 1
    assert caplog.messages == [
        f"{tmp_path}: files in unsupported formats are ignored: 2 .m4a, 1 .wma. Convert "
        "them, for example to .flac."
    ]
