"""Subtitles that ``predict`` writes, read again by a parser of their own specification."""

from __future__ import annotations

import html
import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import seqloom
from seqloom.cli.main import run
from seqloom.errors import ConfigError, ExampleError
from seqloom.interfaces import Example, HeadCodec, Origin
from seqloom_sound.readers.parts import parts
from seqloom_sound.samples import RATE, speech, tone
from seqloom_sound.sound import Sound, SoundFile, load_sound
from seqloom_sound.subtitles import Srt, Subtitles, Vtt, sound_of
from seqloom_sound.times import part_times, with_times


@dataclass
class Shown:
    start: float
    end: float
    text: str


TIME = r"(\d\d+):([0-5]\d):([0-5]\d)[.,](\d{3})"


def parsed(content: str, form: str) -> list[Shown]:
    """Return the cues of SubRip, or of WebVTT as its specification has them."""
    point = "," if form == "srt" else r"\."
    if form == "vtt":
        assert content.startswith("WEBVTT\n")
        content = content.removeprefix("WEBVTT\n").lstrip("\n")
    found = []
    for number, block in enumerate(filter(None, re.split(r"\n{2,}", content.rstrip("\n"))), 1):
        lines = block.split("\n")
        if form == "srt":
            assert lines.pop(0) == str(number)
        match = re.fullmatch(f"{TIME} --> {TIME}", lines[0])
        assert match, lines[0]
        assert re.search(point, lines[0])
        assert lines[1:]
        assert not any("-->" in line for line in lines[1:])
        h, m, s, t, hh, mm, ss, tt = map(int, match.groups())
        text = "\n".join(lines[1:])
        text = html.unescape(text) if form == "vtt" else text
        shown = Shown(h * 3600 + m * 60 + s + t / 1000, hh * 3600 + mm * 60 + ss + tt / 1000, text)
        assert shown.start < shown.end
        found.append(shown)
    for one, other in itertools.pairwise(found):
        assert one.end <= other.start
    return found


class Codec(HeadCodec):
    """Stands for the codec of a head that predicts a text."""

    def fit(self, examples: Any) -> dict[str, Any]:
        return {}

    def restore(self, state: Any) -> None: ...

    def encode(self, example: Example) -> dict[str, Any]:
        return {}

    def columns(self, example: Example, prediction: dict[str, Any]) -> list[list[str]]:
        return [[prediction["text"]]]


def part(number: int, sound: str = "talk.wav") -> Example:
    return Example(f"{sound}#{number}", {"sound": SoundFile(sound, None, 10.0 * number, 10.0)})


def times(number: int, text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "start": 10.0 * number, "end": 10.0 * number + 6, **more}


@pytest.mark.parametrize(("form", "cls"), [("srt", Srt), ("vtt", Vtt)])
def test_parts_of_a_sound_become_one_file(tmp_path: Path, form: str, cls: type[Subtitles]) -> None:
    writer = cls(tmp_path / f"a.{form}", Codec())
    long = "the quick brown fox jumps over the lazy dog, and then it jumps over all of the others"
    hostile = "a --> b <i>c</i> & d\n\n3 --->"
    words = [{"text": "one", "start": 400.5, "end": 401.0}]
    writer.write(part(0), times(0, long))
    writer.write(part(1), times(1, ""))
    writer.write(part(2), times(2, hostile))
    writer.write(part(40), times(40, "one", words=words))
    writer.write(part(400), times(400, "an hour later"))
    writer.close()
    found = parsed((tmp_path / f"a.{form}").read_text(), form)
    assert " ".join(one.text.replace("\n", " ") for one in found[:2]) == long
    assert found[0].start == 0.0
    assert found[1].end <= 7.0
    escaped = hostile.replace("-->", "→") if form == "srt" else hostile
    assert found[2].text == " ".join(escaped.split())
    assert found[3] == Shown(400.5, 401.5, "one")
    assert found[-1].start == 4000.0


def test_a_folder_gets_a_file_for_each_sound(tmp_path: Path) -> None:
    writer = Srt(tmp_path / "subtitles", Codec())
    for sound in ("a.wav", "b/c.flac"):
        writer.write(part(1, sound), times(1, f"said in {sound}"))
    writer.close()
    for name in ("a.srt", "c.srt"):
        assert len(parsed((tmp_path / "subtitles" / name).read_text(), "srt")) == 1


def test_a_sound_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    writer = Srt(tmp_path / "a.srt", Codec())
    writer.write(part(1), times(1, "once"))
    writer.write(part(1), times(2, "another part"))
    with pytest.raises(ConfigError, match=r"talk.wav#1 is predicted twice, and its subtitles"):
        writer.write(part(1), times(1, "once"))


@pytest.mark.parametrize("out", ["subtitles", None])
def test_a_sound_that_is_read_as_empty_is_a_warning(
    tmp_path: Path, out: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Parts without words are usual, but not if all of a sound are."""
    writer = Srt(out and tmp_path / out, Codec())
    for number in (1, 2):
        writer.write(part(number, "silent.wav"), times(number, ""))
        if out:
            writer.write(part(number, "a.wav"), times(number, "said" * (number == 2)))
    writer.close()
    assert caplog.messages == ["1 sound read as empty, without subtitles: silent.wav."]


def test_parts_may_come_in_any_order(tmp_path: Path) -> None:
    writer = Vtt(tmp_path / "subtitles", Codec())
    for sound, number in [("a.wav", 3), ("b.wav", 1), ("a.wav", 1), ("b.wav", 0), ("a.wav", 2)]:
        writer.write(part(number, sound), times(number, f"part {number}"))
    writer.close()
    for name, numbers in {"a": [1, 2, 3], "b": [0, 1]}.items():
        found = parsed((tmp_path / "subtitles" / f"{name}.vtt").read_text(), "vtt")
        assert found == [Shown(10 * one, 10 * one + 6, f"part {one}") for one in numbers]


def test_words_without_times_are_shown_at_the_time_of_their_part(tmp_path: Path) -> None:
    writer = Srt(tmp_path / "a.srt", Codec())
    writer.write(part(1), times(1, "one two", words=[{"text": "one"}, {"text": "two"}]))
    writer.close()
    assert parsed((tmp_path / "a.srt").read_text(), "srt") == [Shown(10.0, 16.0, "one two")]


def test_parts_in_memory_have_the_name_of_their_sound() -> None:
    origin = Origin("all.jsonl", 1)
    named = Sound(np.zeros(800), 8000, "all.zip/a.wav")
    assert sound_of(Example("a#1", {"sound": named}, origin)) == "all.zip/a.wav"
    assert sound_of(Example("a", {"sound": Sound(np.zeros(800), 8000)}, origin)) == "all.jsonl"
    with pytest.raises(ValueError, match=r"^all.zip/a.wav has no samples"):
        load_sound(Sound(np.zeros(0), 8000, "all.zip/a.wav"))


def test_what_has_no_subtitles_is_refused(tmp_path: Path) -> None:
    writer = Srt(tmp_path / "a.srt", Codec())
    writer.write(part(1), times(1, "one"))
    with pytest.raises(ConfigError, match=r"--to srt: talk.wav and b.wav would both be written to"):
        writer.write(part(1, "b.wav"), times(1, "two"))
    with pytest.raises(ExampleError, match="the prediction has no times, which --to vtt needs"):
        Vtt(None, Codec()).write(part(1), {"text": "one"})
    codec = Codec()
    codec.row_per_token = True
    with pytest.raises(ConfigError, match="--to srt: the model predicts a tag for each token"):
        Srt(None, codec)


def test_words_have_the_times_of_their_characters() -> None:
    shares = [("h", 0.0, 0.1), ("i", 0.1, 0.2), (" ", 0.2, 0.4), ("x", 0.5, 1.0)]
    characters = [
        {"character": one, "confidence": 0.5, "start": start, "end": end}
        for one, start, end in shares
    ]
    prediction = {"text": "hi x", "characters": characters}
    found = with_times(part(1), "sound", prediction)
    assert (found["start"], found["end"]) == (10.0, 20.0)
    assert found["words"] == [
        {"text": "hi", "confidence": 0.25, "start": 10.0, "end": 12.0},
        {"text": "x", "confidence": 0.5, "start": 15.0, "end": 20.0},
    ]
    pieces = [
        {"text": one, "confidence": 0.5, "start": start, "end": end}
        for one, start, end in [("h", 0.0, 0.1), ("i", 0.1, 0.2), ("▁", 0.3, 0.4), ("▁x", 0.5, 1.0)]
    ]
    found = with_times(part(1), "sound", {"text": "hi x", "pieces": pieces})
    assert found["words"] == [
        {"text": "hi", "confidence": 0.25, "start": 10.0, "end": 12.0},
        {"text": "x", "confidence": 0.5, "start": 15.0, "end": 20.0},
    ]
    without = {"text": "hi x", "pieces": [{"text": "▁hi", "confidence": 0.5}]}
    assert "words" not in with_times(part(1), "sound", without)
    unsure = {"text": "hi", "pieces": [{"text": "▁hi", "start": 0.0, "end": 0.5}]}
    assert "words" not in with_times(part(1), "sound", unsure)
    tones = Example("a", {"sound": (np.zeros(800), 8000)})
    assert with_times(tones, "sound", {"label": "a"}) == {"label": "a"}
    assert with_times(tones, "sound", {"text": "a"}) == {"text": "a", "start": 0.0, "end": 0.1}


def test_tables_have_times_of_parts_only() -> None:
    assert part_times(part(1), "sound") == ["10.000", "20.000"]
    listed = Example("b", {"sound": SoundFile("talk.wav", offset=1.5, duration=2.25)})
    assert part_times(listed, "sound") == ["1.500", "3.750"]
    assert part_times(Example("c", {"sound": SoundFile("talk.wav")}), "sound") == ["", ""]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    result = seqloom.fit(
        "data=speech",
        *(f"data.{split}={path}" for split, path in speech(folder).items()),
        "frontend=log_mel",
        "encoder=lstm",
        "encoder.hidden_size=8",
        "head=ctc",
        "head.ngram_order=0",
        "trainer=cpu",
        "callbacks=none",
        "budget.min_steps=0",
        "trainer.max_steps=2",
        run_dir=folder / "run",
    )
    return Path(result.bundle)


ARPA = r"""\data\
ngram 1=6
\1-grams:
-99 <s>
-1 </s>
-2 <unk>
-0.5 low
-0.5 middle
-0.5 high
\end\
"""


def test_subwords_and_the_words_of_an_arpa_file_are_in_the_bundle(
    tmp_path: Path, talk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lm.arpa").write_text(ARPA)
    result = seqloom.fit(
        "data=speech",
        *(f"data.{split}={path}" for split, path in speech(tmp_path / "data").items()),
        "frontend=log_mel",
        "encoder=lstm",
        "encoder.hidden_size=8",
        "head=ctc",
        "head.unit=subword",
        "head.vocabulary=16",
        "head.decoder=beam",
        "head.beam_width=4",
        f"head.arpa={tmp_path / 'lm.arpa'}",
        "trainer=cpu",
        "callbacks=none",
        "budget.min_steps=0",
        "trainer.max_steps=2",
        run_dir=tmp_path / "run",
    )
    (tmp_path / "lm.arpa").unlink()
    assert run(["predict", str(result.bundle), str(talk)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 3
    for row in rows:
        text = "".join(piece["text"] for piece in row["pieces"]).replace("▁", " ")
        assert text.split() == row["text"].split() == [word["text"] for word in row["words"]]


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    rng = np.random.default_rng(7)
    samples = 0.001 * rng.normal(size=30 * RATE)
    for second in (2, 10, 20):
        samples[second * RATE : (second + 2) * RATE] += tone(400.0, 2 * RATE, rng)
    soundfile.write(tmp_path / "talk.wav", samples, RATE)
    return tmp_path / "talk.wav"


def test_predict_cuts_long_sounds_and_writes_times(
    bundle: Path, talk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(bundle), str(talk)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["id"] for row in rows] == [f"{talk}#{number}" for number in (1, 2, 3)]
    assert [row["start"] for row in rows] == pytest.approx([1.8, 9.8, 19.8], abs=0.05)
    assert all(
        row["start"] <= word["start"] <= word["end"] <= row["end"]
        for row in rows
        for word in row["words"]
    )
    assert all(len(row["words"]) == len(row["text"].split()) for row in rows)
    for form in ("tsv", "text"):
        assert run(["predict", str(bundle), str(talk), "--to", form]) == 0
        lines = [line.split("\t") for line in capsys.readouterr().out.split("\n")[:-1]]
        times = [[f"{row['start']:.3f}", f"{row['end']:.3f}"] for row in rows]
        if form == "tsv":
            assert lines.pop(0) == ["id", "text", "confidence", "start", "end"]
            assert [line[3:] for line in lines] == times
        else:
            assert lines == [[*time, row["text"]] for time, row in zip(times, rows, strict=True)]
    pipeline = seqloom.load(bundle)
    again = pipeline(parts(str(talk)))
    assert [one["text"] for one in again] == [row["text"] for row in rows]
    for form in ("srt", "vtt"):
        out = talk.with_suffix(f".{form}")
        assert run(["predict", str(bundle), str(talk), "--to", form, "--out", str(out)]) == 0
        said = "".join(one.text for one in parsed(out.read_text(), form))
        assert "".join(said.split()) == "".join("".join(row["text"].split()) for row in rows)
    capsys.readouterr()
    assert run(["predict", str(bundle), str(talk), "data.cut=false", "--to", "vtt"]) == 0
    parsed(capsys.readouterr().out, "vtt")
