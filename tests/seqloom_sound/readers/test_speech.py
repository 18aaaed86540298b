"""Sounds with texts: beside them, in manifests, tables and data folders of Kaldi."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example
from seqloom_sound.readers.speech import SpeechReader
from seqloom_sound.samples import RATE, tone

SECOND = tone(400.0, RATE, np.random.default_rng(1))


def sound(path: Path, samples: np.ndarray = SECOND) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE)
    return path


def written(path: Path, text: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def usable(found: Iterable[Example | ExampleError]) -> list[Example]:
    """Return the examples; none may be rejected."""
    examples = []
    for one in found:
        assert isinstance(one, Example), one
        examples.append(one)
    return examples


def train(path: Path | str, **params: Any) -> list[Example]:
    return usable(SpeechReader(train=str(path), **params).examples("train"))


def texts(examples: Iterable[Example]) -> list[str]:
    return [example.fields["text"] for example in examples]


def lengths(examples: Iterable[Example]) -> list[int]:
    return [len(example.fields["sound"].load()[0]) for example in examples]


@pytest.mark.parametrize("archive", [False, True])
def test_a_text_may_be_beside_its_sound(tmp_path: Path, archive: bool) -> None:
    for name in ("anna/1.wav", "anna/2.flac", "bo/1.ogg"):
        sound(tmp_path / "said" / name)
    written(tmp_path / "said/anna/1.txt", "one\n")
    written(tmp_path / "said/anna/2.txt", "\ufefftwo and a half")
    written(tmp_path / "said/bo/7-7.trans.txt", "1 THREE FOUR\n2 UNUSED\n")
    path = tmp_path / "said"
    if archive:
        path = tmp_path / "said.zip"
        with ZipFile(path, "w") as file:
            for one in sorted((tmp_path / "said").rglob("*.*")):
                file.write(one, one.relative_to(tmp_path / "said"))
    found = train(path, pattern=r"(?P<speaker>\w+)/.*")
    assert texts(found) == ["one", "two and a half", "THREE FOUR"]
    assert [one.meta["speaker"] for one in found] == ["anna", "anna", "bo"]
    assert found[0].id == "said/anna/1.wav"
    assert lengths(found) == [8000, 8000, 8000]


def test_manifests_of_nemo_have_parts_and_other_keys(tmp_path: Path) -> None:
    sound(tmp_path / "clips" / "a.wav")
    absolute = sound(tmp_path / "b.wav")
    rows = [
        {"audio_filepath": "clips/a.wav", "duration": 1.0, "text": "all", "speaker": "anna"},
        {"audio_filepath": "clips/a.wav", "offset": 0.25, "duration": 0.5, "text": "part"},
        {"audio_filepath": str(absolute), "text": "whole", "age": 7, "lang": None},
    ]
    lines = "".join(f"{json.dumps(row)}\n\n" for row in rows)
    found = train(written(tmp_path / "train.json", lines))
    assert texts(found) == ["all", "part", "whole"]
    assert lengths(found) == [8000, 4000, 8000]
    assert [one.meta for one in found] == [{"speaker": "anna"}, {}, {"age": "7"}]
    assert str(found[1].origin) == f"{tmp_path / 'train.json'}:3"
    assert found[1].id == "train/clips/a.wav@0.25"


def test_cuts_of_lhotse_have_an_example_for_each_supervision(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav", np.concatenate([SECOND, SECOND]))
    source = {"type": "file", "channels": [0], "source": str(tmp_path / "a.wav")}
    cut = {"id": "c", "start": 0.5, "duration": 1.25, "channel": 0, "type": "MonoCut"}
    cut["recording"] = {"id": "r", "sources": [source], "sampling_rate": RATE}
    one = {"id": "s1", "start": 0.0, "duration": 0.5, "text": "one", "speaker": "anna"}
    two = {"id": "s2", "start": 0.5, "duration": 0.75, "text": "two"}
    rows = [cut | {"supervisions": [one]}, cut | {"supervisions": [one, two]}]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    found = train(written(tmp_path / "cuts.jsonl", lines))
    assert [one.id for one in found] == ["cuts/c", "cuts/s1", "cuts/s2"]
    assert texts(found) == ["one", "one", "two"]
    assert lengths(found) == [10000, 4000, 6000]
    assert found[2].fields["sound"].offset == 1.0
    assert found[0].meta == {"speaker": "anna"}
    source["type"] = "command"
    [error] = SpeechReader(train=written(tmp_path / "b.jsonl", json.dumps(rows[0]))).examples(
        "train"
    )
    assert "b.jsonl:1: its recording is of the type 'command', which is not supported" in str(error)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recording": {"sources": []}}, "its recording must have exactly one source, a fi"),
        ({"supervisions": ["one"]}, "its supervisions are not a list of objects."),
        ({"start": "soon"}, "its start, or that of a supervision, is not a number."),
        ({"supervisions": [{"start": None}, {}]}, "its start, or that of a supervision, is not a"),
    ],
)
def test_malformed_cuts_are_reported(tmp_path: Path, change: Any, message: str) -> None:
    source = {"type": "file", "channels": [0], "source": "a.wav"}
    cut = {"id": "c", "recording": {"sources": [source]}, "supervisions": [{}, {}]}
    path = written(tmp_path / "c.jsonl", json.dumps({**cut, **change}))
    [error] = SpeechReader(train=path).examples("train")
    assert isinstance(error, ExampleError)
    assert f"{path}:1: {message}" in str(error)


def test_cuts_that_lhotse_changes_while_it_reads_them_are_refused(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    source = {"type": "file", "channels": [0], "source": str(tmp_path / "a.wav")}
    cut = {"id": "c", "start": 0.0, "duration": 0.5, "supervisions": [{"text": "one"}]}
    resample = {"name": "Resample", "kwargs": {}}
    speed = {"name": "Speed", "kwargs": {"factor": 1.1}}
    recordings = [
        {"sources": [source], "transforms": transforms}
        for transforms in (None, [], [resample], [resample, speed])
    ]
    lines = "".join(f"{json.dumps(cut | {'recording': one})}\n" for one in recordings)
    *read, error = SpeechReader(train=written(tmp_path / "c.jsonl", lines)).examples("train")
    assert lengths(usable(read)) == [4000, 4000, 4000]
    assert "c.jsonl:4: its recording has transforms (Speed), which are" in str(error)
    assert "CutSet.save_audios" in str(error)


def test_tables_are_known_by_their_columns(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    found = train(written(tmp_path / "a.csv", 'file,transcript,who\na.wav,"yes, I do",bo\n'))
    assert (texts(found), found[0].meta) == (["yes, I do"], {"who": "bo"})
    rows = "wav\tphrase\tstart\tend\na.wav\tone\t0\t0.5\na.wav\ttwo\t0.5\t\n"
    found = train(written(tmp_path / "b.tsv", rows), columns={"text": "phrase"})
    assert (texts(found), lengths(found)) == (["one", "two"], [4000, 4000])


@pytest.mark.parametrize("field", ["speaker", "client_id"])
def test_tables_of_common_voice_name_clips(tmp_path: Path, field: str) -> None:
    for name in ("1.mp3", "2.mp3"):
        sound(tmp_path / "en" / "clips" / name)

    def speaker(name: str) -> dict[str, str]:
        return {"speaker": name, "client_id": name}

    rows = 'client_id\tpath\tsentence\tage\nx\t1.mp3\t"Stop!" he said.\t\ny\t2.mp3\tNo.\tteens\n'
    path = written(tmp_path / "en" / "train.tsv", rows)
    held = {"val": {field: ["y"]}}
    reader = SpeechReader(train=path, hold_out=held)
    [one], [other] = usable(reader.examples("train")), usable(reader.examples("val"))
    assert (one.fields["text"], one.meta) == ('"Stop!" he said.', speaker("x"))
    assert (other.fields["text"], other.meta) == ("No.", speaker("y") | {"age": "teens"})
    assert lengths([one]) == [8000]


KALDI = {
    "wav.scp": "r1 a.wav\nr2 sub/b.wav\n",
    "text": "u1 one two\nu2 three\nu3\tfour\n",
    "segments": "u1 r1 0.0 0.5\nu2 r1 0.5 -1\nu3 r2 0.25 0.75\n",
    "utt2spk": "u1 anna\nu2 anna\nu3 bo\n",
}


@pytest.fixture
def kaldi(tmp_path: Path) -> Path:
    for name, text in KALDI.items():
        written(tmp_path / "data" / name, text)
    for name in ("a.wav", "sub/b.wav"):
        sound(tmp_path / "data" / name)
    return tmp_path / "data"


def test_data_folders_of_kaldi_have_segments(kaldi: Path) -> None:
    found = train(kaldi)
    assert [one.id for one in found] == ["data/u1", "data/u2", "data/u3"]
    assert texts(found) == ["one two", "three", "four"]
    assert lengths(found) == [4000, 4000, 4000]
    assert [one.meta["speaker"] for one in found] == ["anna", "anna", "bo"]
    assert str(found[2].origin) == f"{kaldi / 'segments'}:3"
    (kaldi / "text").unlink()
    with pytest.raises(DataError, match=r"data: there is no file 'text' beside wav.scp, which m"):
        train(kaldi)
    assert len(usable(SpeechReader().inputs([str(kaldi / "wav.scp")]))) == 3


def test_kaldi_without_segments_reads_whole_files(kaldi: Path) -> None:
    (kaldi / "segments").unlink()
    written(kaldi / "text", "r1 one\nr2 two\n")
    found = train(kaldi)
    assert (texts(found), lengths(found)) == (["one", "two"], [8000, 8000])


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("wav.scp", "r1 sox a.flac -t wav - |\n", "'sox a.flac -t wav - |' is a command, and com"),
        ("wav.scp", "r1 a.ark:1234\n", "'a.ark:1234' is a position in an archive, which is not"),
        ("wav.scp", "r1 gone.wav\n", "segments:1: the sound 'gone.wav' is not in "),
        ("wav.scp", "r1\n", "wav.scp:1: the line has only one word, 'r1'."),
        ("wav.scp", "r1 a.wav\nr1 a.wav\n", None),
        ("wav.scp", "\n \nr1 a.wav\n\n", None),
        (
            "segments",
            "u1 r1 0.0\n",
            "segments:1: expected UTTERANCE RECORDING START END, words found: 3.",
        ),
        ("segments", "u1 r9 0.0 1.0\n", "segments:1: the recording 'r9' is not in wav.scp."),
        ("segments", "u1 r1 one 1.0\n", "its start is 'one'; expected a number of seconds, 0 or"),
        ("segments", "u1 r1 0.5 nan\n", "segments:1: its end is 'nan'; expected a number of sec"),
        ("segments", "u1 r1 0.5 0.5\n", "segments:1: it ends at 0.5 s, but starts at 0.5 s."),
        ("segments", "u1 r1 0 1\nu1 r1 0 1\n", "segments:2: 'u1' is also in line 1."),
        ("text", "u2 three\n", "segments:1: 'u1' has no line in the file 'text'."),
        ("text", b"u1 caf\xe9\n", "not UTF-8: byte 0xe9"),
        ("text", "u1 a\nu9 b\n", "text:2: 'u9' has a text, but is not in segments."),
        ("utt2spk", "u1\n", "utt2spk:1: the line has only one word, 'u1'."),
    ],
)
def test_what_is_wrong_with_kaldi_is_said(
    kaldi: Path, file: str, text: str | bytes, message: str | None
) -> None:
    others = {"wav.scp": "r1 a.wav\n", "segments": "u1 r1 0 1\n", "text": "u1 a\n"}
    for name, content in (others | {"utt2spk": "u1 x\n"} | {file: text}).items():
        written(kaldi / name, content)
    found = [*SpeechReader(train=str(kaldi)).examples("train")]
    errors = [str(one) for one in found if isinstance(one, ExampleError)]
    if message is None:
        assert not errors  # the first counts, and empty lines do not
    else:
        assert message in "".join(errors)


def test_texts_of_kaldi_are_not_needed_for_inputs(kaldi: Path) -> None:
    written(kaldi / "text", b"u1 caf\xe9\nu8 a\nu9 b\n")
    written(kaldi / "utt2spk", "u1\nu2 anna\n")
    assert len(usable(SpeechReader().inputs([str(kaldi)]))) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: "),
        ("[1]", "a.jsonl:2: expected a JSON object on each line, found list."),
        ('{"text": "a"}', "a.jsonl:2: no key with the path of the sound: expected one of sound, "),
        ('{"path": 7, "text": "a"}', "a.jsonl:2: the path of the sound is 7; expected a text."),
        ('{"path": "a.wav"}', "a.jsonl:2: it has no text; expected one in text, sentence, "),
        ('{"path": "a.wav", "text": 5}', "a.jsonl:2: its text is 5, not a text; expected one"),
        ('{"path": "b.wav", "text": "a"}', "a.jsonl:2: the sound 'b.wav' is not in "),
        ('{"path": "a.wav", "text": "a", "offset": "x"}', "its offset is 'x'; expected a number"),
        ('{"path": "a.wav", "text": "a", "offset": -1}', "its offset is -1; expected a number of"),
        ('{"path": "a.wav", "text": "a", "duration": 0}', "its duration is 0; expected a number"),
        (
            '{"path": "a.wav", "text": "a", "offset": 2, "end": 1}',
            "it ends at 1 s, but starts at 2",
        ),
        ('{"path": "a.wav", "text": "a", "duration": NaN}', "NaN is not a number in JSON"),
        ('{"path": "a.wav", "text": "a", "duration": true}', "its duration is True; expected a"),
        ('{"path": "a.wav", "text": "a", "channel": [0, 1]}', "its channel is [0, 1]; expected"),
        ('{"path": "a.wav", "path": "b"}', "the key 'path' occurs twice in one object"),
        ("[" * 5000, "lists and objects are nested too deeply"),
        ('{"path": "a.wav\\u0000", "text": "a"}', "a.jsonl:2: the sound 'a.wav\\x00' is not in "),
        ('{"path": "~/x.wav", "text": "a"}', "a.jsonl:2: the sound '~/x.wav' is not in "),
        (b'{"path": "caf\xe9.wav"}', "a.jsonl:2: not UTF-8: byte 0xe9"),
    ],
)
def test_what_is_wrong_with_a_line_of_a_manifest_is_said(
    tmp_path: Path, line: str | bytes, message: str
) -> None:
    sound(tmp_path / "a.wav")
    good = b'{"path": "a.wav", "text": "good"}\n'
    bad = line if isinstance(line, bytes) else line.encode()
    path = written(tmp_path / "a.jsonl", good + bad + b"\n" + good.replace(b"good", b"more"))
    before, error, after = SpeechReader(train=path).examples("train")
    assert isinstance(before, Example)
    assert isinstance(after, Example)
    assert isinstance(error, ExampleError)
    assert message in str(error)
    assert f"{path}:2: " in str(error)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.tsv",
            "wav2\ttext\n",
            "a.tsv:1: no column with the path of the sound: expected one",
        ),
        ("a.tsv", "sound\ttext\nx.wav\n", "a.tsv:2: the row has 1 cell, the header has 2"),
        ("a.tsv", "sound\ttext\nx.wav\ta\n", "a.tsv:2: the sound 'x.wav' is not in "),
        ("a.tsv", "sound\tlabel\na.wav\ta\n", "a.tsv:2: it has no text; expected one in text, "),
        ("a.tsv", "sound\ttext\toffset\na.wav\ta\t1 s\n", "a.tsv:2: its offset is '1 s'; expected"),
        ("a.tsv", "", "a.tsv:1: the file is empty; expected a header"),
        ("a.tsv", "sound\ttext\n", "a.tsv: no sounds in it."),
        ("a.csv", 'sound,text\na.wav,"x"y\n', "a.csv:2: the row that starts here is not well-f"),
        ("a.jsonl", "\n", "a.jsonl: no sounds in it."),
        ("a.docx", "", "a file of this kind cannot be read; expected a folder or .zip of sounds"),
        ("said/x.txt", "x", "x.txt: a text without a sound of the same name beside it."),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    sound(tmp_path / "a.wav")
    path = Path(written(tmp_path / name, text))
    reader = SpeechReader(train=str(path.parent if path.parent != tmp_path else path))
    with pytest.raises(DataError) as refusal:
        usable(_raised(reader))
    assert message in str(refusal.value)


def _raised(reader: SpeechReader) -> Iterable[Example]:
    for one in reader.examples("train"):
        if isinstance(one, ExampleError):
            raise one
        yield one


def test_sounds_and_texts_that_miss_each_other_are_reported(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    sound(tmp_path / "b.wav")
    written(tmp_path / "b.txt", b"\xff")
    sound(tmp_path / "c.wav")
    written(tmp_path / "c.txt", "c")
    first, second, third = SpeechReader(train=str(tmp_path)).examples("train")
    assert str(first) == f"{tmp_path / 'a.wav'}: no text beside the sound; expected a.txt."
    assert "b.txt is not UTF-8: invalid start byte." in str(second)
    assert isinstance(third, Example)
    assert len(usable(SpeechReader().inputs([str(tmp_path)]))) == 3  # texts are not needed there


def test_a_column_that_a_table_lacks_is_named_with_its_key(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    path = written(tmp_path / "a.tsv", "sound\ttext\na.wav\tone\n")
    reader = SpeechReader(train=path, columns={"text": "txt"})
    with pytest.raises(DataError, match=r"a.tsv:1: .*'txt'.*data.columns.text"):
        usable(reader.examples("train"))


def test_speakers_are_held_out(kaldi: Path) -> None:
    reader = SpeechReader(train=str(kaldi), hold_out={"test": {"speaker": ["bo"]}})
    assert texts(usable(reader.examples("train"))) == ["one two", "three"]
    assert texts(usable(reader.examples("test"))) == ["four"]


def test_paths_may_be_relative_to_another_place(kaldi: Path, tmp_path: Path) -> None:
    row = json.dumps({"path": "a.wav", "text": "x"})
    path = written(tmp_path / "lists" / "train.jsonl", f"{row}\n")
    assert lengths(train(path, sounds=str(kaldi))) == [8000]


def test_the_channel_of_a_row_counts_before_that_of_the_config(tmp_path: Path) -> None:
    both = np.stack([SECOND, -SECOND], axis=1)
    sound(tmp_path / "a.wav", both)
    rows = "sound\ttext\tchannel\na.wav\tx\t\na.wav\ty\t0\n"
    found = train(written(tmp_path / "a.tsv", rows), channel=1)
    assert found[0].fields["sound"].load()[0] == pytest.approx(-SECOND, abs=1e-4)
    assert found[1].fields["sound"].load()[0] == pytest.approx(SECOND, abs=1e-4)


@pytest.mark.parametrize(
    ("pauses", "message"),
    [
        ({"longest": 0}, "data.pauses.longest=0: expected more than 0."),
        ({"margin": 1.0}, "data.pauses.margin=1.0: expected up to half of the shortest pause, 0.2"),
        ({"start": 3.0}, "data.pauses.start=3.0: expected no less than stop, 6."),
        ({"longest": 1.0}, "data.pauses.longest=1.0: expected a second and two margins, 1.4, or"),
    ],
)
def test_bad_parameters_of_pauses_are_refused(pauses: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SpeechReader(pauses=pauses)
