"""What is said about the rows of manifests and tables that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example
from seqloom_sound.readers.speech import SpeechReader

Found = list[Example | ExampleError]


def sound(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, np.full(8000, 0.1), 8000)


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def read(path: str, **params: Any) -> Found:
    return [*SpeechReader(train=path, **params).examples("train")]


def texts(found: Found) -> list[str]:
    return [one.fields["text"] for one in found if isinstance(one, Example)]


def rejected(path: str, **params: Any) -> list[str]:
    return [str(one) for one in read(path, **params) if isinstance(one, ExampleError)]


def test_the_path_may_be_in_an_object_as_datasets_of_hugging_face_write_it(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    audio = {"path": "a.wav", "bytes": None}
    path = written(tmp_path / "m.jsonl", json.dumps({"audio": audio, "sentence": "one"}))
    assert texts(read(path)) == ["one"]


@pytest.mark.parametrize("key", ["bytes", "array"])
def test_a_value_of_any_length_is_shortened_in_messages(tmp_path: Path, key: str) -> None:
    sound(tmp_path / "a.wav")
    long = [0.5] * 1000
    rows = [
        {"audio": {key: long, "path": "a.wav"}, "text": "one"},
        {"audio": "a.wav", "text": long},
        {"audio": "a.wav", "text": "one", "duration": long},
        {"audio": "a.wav", "text": "one", "channel": long},
    ]
    path = written(tmp_path / "m.jsonl", "\n".join(map(json.dumps, rows)))
    errors = rejected(path)
    assert len(errors) == 4
    assert "the path of the sound is {" in errors[0]
    assert max(map(len, errors)) < 400


@pytest.mark.parametrize("text", ['[{"audio": "a.wav"}]', "[\n{", "{\n"])
def test_a_manifest_that_is_one_value_of_json_is_refused_as_such(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "m.json", text)
    with pytest.raises(DataError, match=r"m\.json:1: the file is JSON, but not JSON Lines: expect"):
        read(path)


def test_the_column_of_an_error_in_json_is_that_of_the_line(tmp_path: Path) -> None:
    path = written(tmp_path / "m.jsonl", '{"audio": "x"\n{"audio": "x"\n')
    assert "not JSON: Expecting ',' delimiter at column 14" in rejected(path)[0]


def test_what_to_do_about_a_missing_sound(tmp_path: Path) -> None:
    sound(tmp_path / "in" / "a.wav")
    names = ["a", "in/a.wav", "/none/a.wav", "file:///a.wav"]
    rows = "".join(f"{name}\tone\n" for name in names)
    path = written(tmp_path / "in" / "t.tsv", f"path\ttext\n{rows}")
    suffix, folder, absolute, address = rejected(path)
    assert address.endswith(" Expected a path, not an address.")
    assert suffix.endswith("There is 'a.wav': write names with their suffix.")
    assert folder.endswith(" data.sounds names the folder that paths are relative to.")
    assert absolute.endswith(f"the sound '/none/a.wav' is not in {tmp_path / 'in'}.")
    assert len(rejected(path, sounds=str(tmp_path))) == 3


def test_a_table_with_other_characters_between_its_cells_is_told_so(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    rows = "path;text\na.wav;one\n"
    with pytest.raises(DataError, match="there are 2 columns: write the line 'sep=;' before the h"):
        read(written(tmp_path / "a.csv", rows))
    assert texts(read(written(tmp_path / "b.csv", f"sep=;\n{rows}"))) == ["one"]


def test_a_duration_must_be_that_from_start_to_end(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    rows = ["a.wav,0.25,0.75,0.5,one", "a.wav,0.5,0.75,1.0,two", "a.wav,0.5,0.25,1.0,three"]
    path = written(tmp_path / "a.csv", "\n".join(["path,start,end,duration,text", *rows]))
    wrong, reversed_ = rejected(path)
    assert "its duration is 1 s, but from 0.5 s to 0.75 s it is 0.25 s. Leave out what is" in wrong
    assert "it ends at 0.25 s, but starts at 0.5 s." in reversed_
