"""Long sounds are cut at pauses, in constant memory, and nothing that is loud is lost."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile

from seqloom.errors import ExampleError
from seqloom.interfaces import Example
from seqloom_sound.pauses import BLOCK, FRAME, Span, _Runs, speech_spans
from seqloom_sound.readers.parts import parts
from seqloom_sound.readers.sounds import SoundReader
from seqloom_sound.readers.speech import SpeechReader
from seqloom_sound.schemas.data import Pauses
from seqloom_sound.sound import Sound, load_sound

RATE = 8000
SAID = [(1.0, 3.0), (4.0, 5.5), (6.0, 6.3), (10.0, 24.0), (26.0, 45.0), (50.0, 51.0)]


def recording(said: list[Span], seconds: float, noise: float = 0.002) -> np.ndarray:
    """Return noise with hum, and in spans something like vowels."""
    rng = np.random.default_rng(4)
    time = np.arange(int(seconds * RATE)) / RATE
    found = noise * rng.normal(size=len(time)) + 0.02 * np.sin(2 * np.pi * 50 * time) + 0.1
    for start, end in said:
        inside = (time >= start) & (time < end)
        here = time[inside] - start
        voice = sum(np.sin(2 * np.pi * pitch * here) / 2 for pitch in (150, 700, 1800))
        found[inside] += 0.2 * voice * (1 + 0.5 * np.sin(2 * np.pi * 4 * here))
    return found.astype(np.float32)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    soundfile.write(path, recording(SAID, 60), RATE, subtype="FLOAT")
    return path


def spans(path: Path, pauses: Pauses | None = None) -> list[Span]:
    with soundfile.SoundFile(path) as file:
        return [*speech_spans(file, pauses or Pauses())]


@pytest.mark.parametrize("noise", [0.0, 0.002, 0.01])
def test_spans_are_what_is_said_with_a_margin(tmp_path: Path, noise: float) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, recording(SAID, 60, noise), RATE, subtype="FLOAT")
    found = spans(path)
    assert len(found) == len(SAID)
    for (start, end), (first, last) in zip(found, SAID, strict=True):
        assert start == pytest.approx(first - 0.2, abs=0.07)
        assert end == pytest.approx(last + 0.2, abs=0.07)


def test_long_speech_is_cut_where_it_is_softest(tmp_path: Path) -> None:
    samples = recording([(1.0, 59.0)], 60)
    samples[13 * RATE : 13 * RATE + 1600] = samples[:1600]  # less than a pause
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    found = spans(path)
    assert found[0][0] == pytest.approx(0.8, abs=0.05)
    assert found[0][1] == pytest.approx(13.1, abs=0.15)
    assert all(end - start <= 20 for start, end in found)
    assert [start for start, _ in found[1:]] == [end for _, end in found[:-1]]
    assert found[-1][1] == pytest.approx(59.2, abs=0.05)


def test_the_noise_may_change(tmp_path: Path) -> None:
    quiet, loud = recording([(5, 8)], 40, 0.001), recording([(30, 33)], 40, 0.01)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.concatenate([quiet, loud]), RATE, subtype="FLOAT")
    found = spans(path)
    assert (found[0][0], found[-1][1]) == pytest.approx((4.8, 73.2), abs=0.1)
    # What gets louder is taken for speech at most until the noise is known again.
    assert sum(end - start for start, end in found) < 20


def test_a_sound_without_pauses_is_cut_as_speech(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    noise = 0.1 * np.random.default_rng(5).normal(size=50 * RATE)
    soundfile.write(path, noise, RATE, subtype="FLOAT")
    found = spans(path)
    assert (found[0][0], found[-1][1]) == (0.0, 50.0)
    assert all(end - start <= 20 for start, end in found)


def test_a_click_is_no_speech(tmp_path: Path) -> None:
    samples = recording([(5.0, 6.0)], 30)
    samples[20 * RATE : 20 * RATE + 100] = 0.9
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    assert len(spans(path)) == 1


def test_the_rest_of_a_cut_run_is_no_reason_to_keep_clicks(tmp_path: Path) -> None:
    samples = recording([(1.0, 19.0)], 30)
    samples[25 * RATE : 25 * RATE + 100] = 0.9
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    found = spans(path, Pauses(longest=8, margin=0.0))
    assert len(found) > 2
    assert found[-1][1] == pytest.approx(19.0, abs=0.05)


def test_a_bang_does_not_hide_speech_in_noise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(6)
    samples = 0.02 * rng.normal(size=60 * RATE)
    samples += 0.02 * rng.normal(size=60 * RATE) * (np.arange(60 * RATE) // (2 * RATE) % 2)
    samples[50 * RATE : 50 * RATE + 2400] = 0.9 * rng.uniform(-1, 1, 2400)
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    found = spans(path)
    assert (found[0][0], found[-1][1]) == pytest.approx((0.0, 60.0), abs=0.1)
    assert sum(end - start for start, end in found) > 50
    assert all(0 < end - start <= 20 for start, end in found)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(found))
    assert "only 0.7 s stand out from the noise by data.pauses.start=9 dB; another" in caplog.text
    caplog.clear()
    assert len(spans(path, Pauses(quietest=-20))) == 1
    assert not caplog.text


@pytest.mark.parametrize(
    ("row", "bounds", "count"),
    [
        ({"duration": 25}, (0.8, 24.2), 4),
        ({"offset": 5, "duration": 42, "text": ""}, (5.0, 45.2), 4),
        ({"offset": 20.0}, (20.0, 51.2), 3),
        ({"offset": 20.0, "duration": 10}, None, 1),
        ({"offset": 5, "duration": 42, "text": "all of it"}, None, 1),
    ],
)
def test_a_row_is_cut_within_its_own_part(
    talk: Path, tmp_path: Path, row: dict[str, object], bounds: Span | None, count: int
) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"path": str(talk), **row}) + "\n")
    found = [*SpeechReader().inputs([str(tmp_path / "a.jsonl")])]
    assert len(found) == count
    for one in found if bounds else []:
        assert isinstance(one, Example)
        assert "text" not in one.fields
        sound = one.fields["sound"]
        assert (sound.offset, sound.duration) == pytest.approx(
            (one.fields["start"], one.fields["end"] - one.fields["start"])
        )
    if bounds:
        first, last = found[0], found[-1]
        assert isinstance(first, Example)
        assert isinstance(last, Example)
        assert (first.fields["start"], last.fields["end"]) == pytest.approx(bounds, abs=0.07)


def test_a_long_row_that_ends_after_its_file_is_reported(talk: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"path": "{talk}", "offset": 30, "duration": 40}}\n')
    [error] = SpeechReader().inputs([str(tmp_path / "a.jsonl")])
    assert isinstance(error, ExampleError)
    assert "talk.wav ends at 60 s, before the end of the part from 30 s to 70 s" in str(error)


def test_inputs_are_parts_with_their_times(talk: Path) -> None:
    found = [*SpeechReader().inputs([str(talk)])]
    assert [one.id for one in found if isinstance(one, Example)] == [
        f"{talk}#{number}" for number in range(1, 7)
    ]
    whole, _ = soundfile.read(talk, dtype="float32")
    for one in found:
        assert isinstance(one, Example)
        start, end = one.fields["start"], one.fields["end"]
        samples, rate = load_sound(one.fields["sound"])
        assert np.array_equal(samples, whole[round(start * RATE) : round(end * RATE)])
        assert rate == RATE
    assert [one.id for one in parts(talk)] == [f"{talk}#{number}" for number in range(1, 7)]


def test_a_member_of_a_zip_file_is_cut_alike(talk: Path, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(talk, "talk.wav")
    found = [*SpeechReader().inputs([str(tmp_path / "all.zip")])]
    expected = parts(str(talk))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert isinstance(one, Example)
        assert isinstance(one.fields["sound"], Sound)
        assert str(one.fields["sound"]) == f"{tmp_path / 'all.zip'}/talk.wav"
        assert one.fields["start"] == other.fields["start"]
        same = load_sound(one.fields["sound"])[0], load_sound(other.fields["sound"])[0]
        assert np.array_equal(*same)


def test_what_is_short_or_has_a_text_stays_whole(talk: Path, tmp_path: Path) -> None:
    assert len([*SpeechReader(pauses={"longest": 60}).inputs([str(talk)])]) == 1
    assert len([*SpeechReader(cut=False).inputs([str(talk)])]) == 1
    assert len([*SoundReader().inputs([str(talk)])]) == 1
    assert len([*SoundReader(cut=True).inputs([str(talk)])]) == 6
    (tmp_path / "a.jsonl").write_text(f'{{"path": "{talk}", "text": "all of it"}}\n')
    assert len([*SpeechReader().inputs([str(tmp_path / "a.jsonl")])]) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda x: x * 0,
            "no part of the sound is louder than data.pauses.quietest=-65 dB of",
        ),
        (lambda x: np.where(np.arange(len(x)) == 12345, np.nan, x), "sample 12345 (from 0) is na"),
    ],
)
def test_long_sounds_that_cannot_be_cut_are_reported(
    tmp_path: Path, change: object, message: str
) -> None:
    path = tmp_path / "a.wav"
    assert callable(change)
    soundfile.write(path, change(recording([(1, 2)], 30)), RATE, subtype="FLOAT")
    *_, error = SpeechReader().inputs([str(path)])
    assert isinstance(error, ExampleError)
    assert message in str(error)


def test_what_is_left_out_after_damage_is_said(tmp_path: Path) -> None:
    samples = recording([(1, 2), (4, 5)], 30)
    samples[20 * RATE] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    *found, error = SpeechReader().inputs([str(tmp_path / "a.wav")])
    end = found[-1].fields["end"] if isinstance(found[-1], Example) else None
    assert str(error).endswith(f"is nan. What comes after {end:g} s is left out.")


def test_what_is_before_speech_and_not_much_softer_belongs_to_it_for_a_second() -> None:
    runs = _Runs(Pauses(margin=0.0), FRAME)
    unsure, speech = np.zeros(3 * BLOCK), np.ones(2 * BLOCK)
    marks = np.concatenate([-np.ones(BLOCK), unsure, speech])
    found = [*runs.of([(np.zeros(len(marks)), marks)])]
    assert found == [(pytest.approx(3 * BLOCK * FRAME), pytest.approx(6 * BLOCK * FRAME))]


def test_parts_of_a_sound_without_speech_are_an_error(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(30 * RATE), RATE)
    with pytest.raises(ExampleError, match=r"no part of the sound is louder than data.pauses.qui"):
        parts(str(tmp_path / "a.wav"))


def test_a_file_that_is_no_sound_is_left_to_be_reported_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"no sound")
    [example] = SpeechReader().inputs([str(tmp_path / "a.wav")])
    assert isinstance(example, Example)
    with pytest.raises(ValueError, match=r"a.wav cannot be read as a sound file"):
        load_sound(example.fields["sound"])


def test_a_long_truncated_sound_is_reported(talk: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(talk.read_bytes()[:-1000])
    [error] = SpeechReader().inputs([str(path)])
    assert isinstance(error, ExampleError)
    assert "a.wav is truncated: " in str(error)


def test_memory_does_not_grow_with_the_sound(talk: Path, tmp_path: Path) -> None:
    whole, _ = soundfile.read(talk, dtype="float32")
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(3):
            file.write(whole)
    tracemalloc.start()
    count = sum(isinstance(one, Example) for one in SpeechReader().inputs([str(path)]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 18
    assert peak < 2_000_000  # of 5.8 MB of samples in float32
