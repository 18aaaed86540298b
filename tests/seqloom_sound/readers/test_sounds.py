"""Sounds in folders, zip files and tables; splits; what is missing or malformed."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example
from seqloom_sound.readers.sounds import SoundReader
from seqloom_sound.samples import RATE, tone

NAMES = [f"{label}_{who}_{n}.wav" for label in "012" for who in ("anna", "bo") for n in range(4)]
PATTERN = r"(?P<label>\d)_(?P<speaker>[a-z]+)_(?P<index>\d+)\.wav"


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """A folder of sounds that are called by label, speaker and number."""
    folder = tmp_path / "flat"
    folder.mkdir()
    samples = tone(400.0, 300, np.random.default_rng(1))
    for name in NAMES:
        soundfile.write(folder / name, samples, RATE)
    return folder


@pytest.fixture
def sorted_(flat: Path, tmp_path: Path) -> Path:
    """The same sounds in a folder for each label, and a hidden one."""
    for name in NAMES:
        (tmp_path / "sorted" / name[0]).mkdir(parents=True, exist_ok=True)
        shutil.copy(flat / name, tmp_path / "sorted" / name[0])
    shutil.copy(flat / NAMES[0], tmp_path / "sorted" / "0" / "._0.wav")
    (tmp_path / "sorted" / "notes.txt").write_text("no sound")
    return tmp_path / "sorted"


def zipped(folder: Path) -> Path:
    file = folder.with_suffix(".zip")
    with ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder))
    return file


def table(folder: Path, text: str, name: str = "train.tsv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def usable(found: Iterable[Example | ExampleError]) -> list[Example]:
    """Return the examples; none may be rejected."""
    examples = []
    for one in found:
        assert isinstance(one, Example), one
        examples.append(one)
    return examples


def labels(examples: Iterable[Example]) -> Counter[str]:
    return Counter(example.fields["label"] for example in examples)


def loads(examples: Iterable[Example]) -> bool:
    return all(len(example.fields["sound"].load()[0]) == 300 for example in examples)


@pytest.mark.parametrize("archive", [False, True])
def test_the_folder_is_the_label(sorted_: Path, archive: bool) -> None:
    path = zipped(sorted_) if archive else sorted_
    found = usable(SoundReader(train=str(path)).examples("train"))
    assert labels(found) == {"0": 8, "1": 8, "2": 8}
    assert found[0].id == "sorted/0/0_anna_0.wav"
    assert found[0].origin is not None
    assert found[0].origin.file == str(path / "0" / "0_anna_0.wav")
    assert loads(found)


@pytest.mark.parametrize("archive", [False, True])
def test_a_pattern_takes_fields_from_names(flat: Path, archive: bool) -> None:
    path = zipped(flat) if archive else flat
    found = usable(SoundReader(train=str(path), pattern=PATTERN).examples("train"))
    assert labels(found) == {"0": 8, "1": 8, "2": 8}
    assert found[-1].meta == {"speaker": "bo", "index": "3"}
    assert loads(found)


def test_tables_name_sounds_beside_them(flat: Path) -> None:
    rows = "file,word,who\n" + "".join(f"{name},{name[0]},{name[2:4]}\n" for name in NAMES)
    columns = {"sound": "file", "label": "word", "speaker": "who"}
    reader = SoundReader(train=table(flat, rows, "list.csv"), columns=columns)
    found = usable(reader.examples("train"))
    assert labels(found) == {"0": 8, "1": 8, "2": 8}
    assert found[1].meta == {"speaker": "an"}
    assert str(found[1].origin) == f"{flat / 'list.csv'}:3"
    assert loads(found)


@pytest.mark.parametrize("beside", [False, True])
def test_tables_name_sounds_in_zip_files(flat: Path, tmp_path: Path, beside: bool) -> None:
    archive = zipped(flat)
    rows = "sound\tlabel\n" + "".join(f"{name}\t{name[0]}\n" for name in NAMES)
    file = table(tmp_path, rows, "flat.tsv" if beside else "other.tsv")
    reader = SoundReader(train=file, sounds=None if beside else str(archive))
    found = usable(reader.examples("train"))
    assert len(found) == 24
    assert loads(found)


def test_what_is_held_out_is_never_trained_on(flat: Path) -> None:
    reader = SoundReader(
        train=str(flat),
        pattern=PATTERN,
        hold_out={"val": {"index": ["1"]}, "test": {"speaker": ["bo"]}},
    )
    parts = {
        split: {e.id for e in usable(reader.examples(split))} for split in ("train", "val", "test")
    }
    assert {split: len(ids) for split, ids in parts.items()} == {"train": 9, "val": 3, "test": 12}
    assert len(set.union(*parts.values())) == 24


def test_a_field_to_hold_out_by_may_be_absent(flat: Path) -> None:
    reader = SoundReader(
        train=str(flat),
        pattern=r"(?P<label>\d)_((?P<gender>a)nna|bo)_\d\.wav",
        hold_out={"test": {"gender": ["a"]}},
    )
    assert [len(usable(reader.examples(split))) for split in ("train", "test")] == [12, 12]


def test_splits_can_be_cut_at_random(sorted_: Path) -> None:
    cut = {"val": 0.25, "stratify": "label"}
    reader = SoundReader(train=str(sorted_), split=cut)
    assert labels(usable(reader.examples("val"))) == {"0": 2, "1": 2, "2": 2}
    assert labels(usable(reader.examples("train"))) == {"0": 6, "1": 6, "2": 6}


def test_ids_differ_where_folders_are_called_alike(sorted_: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "sorted"
    shutil.copytree(sorted_, other)
    reader = SoundReader(train=str(sorted_), test=str(other))
    ids = [e.id for split in ("train", "test") for e in usable(reader.examples(split))]
    assert len(set(ids)) == 48
    assert ids[0].startswith("train/sorted/")


def test_inputs_are_sounds_folders_zip_files_and_tables(sorted_: Path, flat: Path) -> None:
    rows = "".join(f"{name}\n" for name in ["sound", *NAMES[:3]])
    archive, listed = zipped(sorted_), table(flat, rows)
    single = str(flat / NAMES[0])
    found = usable(SoundReader().inputs([single, str(sorted_), str(archive), listed]))
    assert len(found) == 1 + 24 + 24 + 3
    assert found[0].id == single
    assert len({example.id for example in found}) == len(found)
    assert loads(found)
    assert not any("label" in example.fields for example in found)


def test_one_bad_example_does_not_end_the_reading(flat: Path) -> None:
    rows = f"sound\tlabel\n{NAMES[0]}\t0\nmissing.wav\t0\n{NAMES[1]}\t0\n"
    _, error, example = SoundReader(train=table(flat, rows)).examples("train")
    assert isinstance(error, ExampleError)
    assert "train.tsv:3: the sound 'missing.wav' is not in" in str(error)
    assert isinstance(example, Example)
    assert example.id == f"train/{NAMES[1]}"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (None, r"the sound is not in a folder that could be its label; expected LABEL/0_anna_0"),
        (r"(?P<label>\d)\.wav", r"data.pattern=.* does not match '0_anna_0.wav'"),
    ],
)
def test_sounds_without_label_are_refused(flat: Path, pattern: str | None, message: str) -> None:
    error = next(SoundReader(train=str(flat), pattern=pattern).examples("train"))
    assert isinstance(error, ExampleError)
    assert re.search(message, str(error))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"train.tsv:1: the file is empty; expected a header"),
        ("wav\tlabel\n", r"train.tsv:1: no column 'sound', .* There are: label, wav"),
        ("sound\tlabel\na.wav\n", r"train.tsv:2: the row has 1 cell, the header has 2"),
        ("sound\tlabel\n", r"train.tsv: no sounds in it"),
    ],
)
def test_malformed_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        next(SoundReader(train=table(tmp_path, text)).examples("train"))


def test_tables_are_utf_8_and_well_formed(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(b"sound\tlabel\na.wav\tyes\nb.wav\tn\xe9\n")
    with pytest.raises(DataError, match=r"a.tsv:3: not UTF-8: byte 0xe9"):
        list(SoundReader(train=str(tmp_path / "a.tsv")).examples("train"))
    file = table(tmp_path, 'sound,label\na.wav,"ye"s\n', "b.csv")
    with pytest.raises(DataError, match=r"b.csv:2: the row that starts here is not well-formed"):
        next(SoundReader(train=file).examples("train"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hold_out": {"dev": {}}}, r"data.hold_out.dev: There are: test, val"),
        (
            {"hold_out": {"val": {}}, "val": "v"},
            r"data.hold_out.val and data.val=v both define val",
        ),
        (
            {"hold_out": {"val": {}}, "split": {"val": 0.1}},
            r"data.hold_out.val and data.split.val both define val",
        ),
        (
            {"hold_out": {"val": {}}, "train": None},
            r"data.hold_out.val requires data.train",
        ),
        ({"channel": -3}, r"data.channel=-3: expected a number from 0, or null"),
        ({"pattern": "("}, r"data.pattern=\(: not a regular expression"),
    ],
)
def test_bad_parameters_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SoundReader(**{"train": "train", **params})


def test_holding_out_by_what_is_not_there_is_refused(flat: Path) -> None:
    held = {"val": {"speakr": ["bo"]}}
    reader = SoundReader(train=str(flat), pattern=PATTERN, hold_out=held)
    with pytest.raises(ConfigError, match=r"val.speakr: .* Did you mean 'speaker'\?"):
        list(reader.examples("train"))
    held = {"val": {"speaker": ["eve"]}}
    reader = SoundReader(train=str(flat), pattern=PATTERN, hold_out=held)
    with pytest.raises(DataError, match=r"no sounds in it for val by data.hold_out=.*eve"):
        next(reader.examples("val"))


def test_a_broken_zip_file_beside_a_table_is_refused(tmp_path: Path) -> None:
    file = table(tmp_path, "sound\tlabel\na.wav\tyes\n")
    (tmp_path / "train.zip").write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"train.zip cannot be opened as a zip file"):
        next(SoundReader(train=file).examples("train"))
    table(tmp_path, "sound\tlabel\nall\\a.wav\tyes\n")
    with pytest.raises(DataError, match=r"train.zip cannot be opened as a zip file"):
        next(SoundReader(train=file).examples("train"))


def test_a_split_without_a_file_has_no_examples(flat: Path) -> None:
    assert not [*SoundReader(train=str(flat), pattern=PATTERN).examples("val")]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone: no such file"):
        next(SoundReader(train=str(tmp_path / "gone")).examples("train"))
    (tmp_path / "a.m4a").write_bytes(b"")
    with pytest.raises(DataError, match=r"a file of this kind .* expected a sound \(.wav, .flac, "):
        next(SoundReader().inputs([str(tmp_path / "a.m4a")]))
    with pytest.raises(DataError, match=r"standard input"):
        list(SoundReader().inputs(["-"]))
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"a.zip cannot be opened as a zip file"):
        next(SoundReader(train=str(tmp_path / "a.zip")).examples("train"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: no sounds in it"):
        next(SoundReader().inputs([str(tmp_path / "empty")]))
