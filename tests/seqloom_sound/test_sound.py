"""Sounds of every form become the same samples, and other values are rejected."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile

from seqloom_sound.samples import RATE, tone
from seqloom_sound.sound import Sound, SoundFile, is_sound, load_sound, resampled

TONE = tone(440.0, 800, np.random.default_rng(1))


LONG = tone(440.0, 5 * RATE, np.random.default_rng(3))


def encoded(samples: np.ndarray = TONE, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, RATE, format=kind, subtype=subtype)
    return stream.getvalue()


def stored(folder: Path, data: bytes, name: str = "a.wav") -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


@pytest.mark.parametrize(
    ("kind", "subtype", "error"),
    [
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_16", 2**-15),
        ("WAV", "PCM_24", 2**-23),
        ("WAV", "FLOAT", 1e-9),
        ("WAV", "DOUBLE", 1e-7),
        ("WAV", "ULAW", 0.02),
        ("WAVEX", "PCM_24", 2**-23),
        ("FLAC", "PCM_16", 2**-15),
        ("OGG", "VORBIS", 0.1),
        ("OGG", "OPUS", 0.1),
        ("MP3", "MPEG_LAYER_III", 0.1),
    ],
)
def test_files_are_decoded(tmp_path: Path, kind: str, subtype: str, error: float) -> None:
    samples, rate = load_sound(stored(tmp_path, encoded(kind=kind, subtype=subtype)))
    assert (rate, str(samples.dtype), len(samples)) == (RATE, "float32", 800)
    assert np.abs(samples - TONE).max() <= error


def test_zip_members_are_decoded(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("yes/a.wav", encoded())
    samples, _ = SoundFile(str(tmp_path / "all.zip"), "yes/a.wav").load()
    assert np.abs(samples - TONE).max() <= 2**-15


def test_a_changed_zip_file_is_opened_anew(tmp_path: Path) -> None:
    for length in (100, 300):
        with ZipFile(tmp_path / "all.zip", "w") as archive:
            archive.writestr("a.wav", encoded(TONE[:length]))
        assert len(SoundFile(str(tmp_path / "all.zip"), "a.wav").load()[0]) == length


FORMS = [("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")]


@pytest.mark.parametrize(("kind", "subtype"), FORMS)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_part_is_what_the_whole_has_there(
    tmp_path: Path, kind: str, subtype: str, zipped: bool
) -> None:
    path = stored(tmp_path, encoded(LONG, kind, subtype))
    member = None
    if zipped:
        member = "a.wav"
        with ZipFile(tmp_path / "all.zip", "w") as archive:
            archive.write(path, member)
        path = str(tmp_path / "all.zip")
    whole, _ = SoundFile(path, member).load()
    middle = SoundFile(path, member, offset=1.25, duration=0.5)
    assert middle.load()[0] == pytest.approx(whole[10000:14000], abs=1e-3)
    assert SoundFile(path, member, offset=4.5).load()[0] == pytest.approx(whole[36000:], abs=1e-3)
    assert (middle.seconds, SoundFile(path, member, offset=4.5).seconds) == (0.5, 0.5)
    # Rounded times may end a little after the sound.
    assert len(SoundFile(path, member, 4.0, 1.05).load()[0]) == 8000


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ((5.0, None), "a.wav ends at 5 s, before the part that starts at 5 s"),
        ((6.0, 1.0), "a.wav ends at 5 s, before the part that starts at 6 s"),
        ((4.0, 1.5), "a.wav ends at 5 s, before the end of the part from 4 s to 5.5 s"),
        ((1e300, 1.0), "a.wav ends at 5 s, before the part"),
        ((-1.0, None), "offset=-1.0; expected a number of seconds, 0 or more"),
        ((0.0, np.nan), "duration=nan; expected a number of seconds, 0 or more"),
    ],
)
def test_parts_that_are_not_there_are_refused(
    tmp_path: Path, part: tuple[float, float | None], message: str
) -> None:
    path = stored(tmp_path, encoded(LONG))
    with pytest.raises(ValueError, match=message):
        SoundFile(path, None, *part).load()


def test_a_channel_is_chosen(tmp_path: Path) -> None:
    path = stored(tmp_path, encoded(np.stack([TONE, -TONE], axis=1), subtype="FLOAT"))
    assert load_sound(SoundFile(path, channel=1))[0] == pytest.approx(-TONE)
    assert load_sound(SoundFile(path))[0] == pytest.approx(0 * TONE)
    with pytest.raises(
        ValueError, match=r"a.wav has 2 channels, numbered from 0, but channel 2 is"
    ):
        load_sound(SoundFile(path, channel=2))


def test_channels_are_mixed_down(tmp_path: Path) -> None:
    both = np.stack([TONE, np.zeros_like(TONE)], axis=1)
    samples, _ = load_sound(stored(tmp_path, encoded(both, subtype="FLOAT")))
    assert samples == pytest.approx(TONE / 2)


def test_arrays_need_no_file() -> None:
    whole = np.round(TONE * 32767).astype(np.int16)
    assert load_sound((whole, RATE))[0] == pytest.approx(TONE, abs=1e-4)
    assert np.array_equal(load_sound(Sound(TONE, RATE))[0], TONE)
    listed = Sound(TONE.tolist(), RATE)  # type: ignore[arg-type]
    assert np.array_equal(load_sound(listed)[0], TONE)


def test_others_may_load_their_own() -> None:
    class Microphone:
        def load(self) -> tuple[np.ndarray, int]:
            return TONE, RATE

    assert is_sound(Microphone())
    assert np.array_equal(load_sound(Microphone())[0], TONE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a.wav is empty."),
        (b"a text" * 99, "cannot be read as a sound file: Format not recognised. Expected WAV, "),
        (
            encoded(LONG).replace(b"data\x80\x38\x01\x00", b"data\0\0\0\0"),
            "has 80044 bytes, but its header says that it has no samples, as if it was not written",
        ),
        (encoded()[:30], "cannot be read as a sound file"),
        (encoded()[:900], "is truncated: 856 of 1600 bytes of sound are there"),
        (encoded(kind="FLAC")[:-200], "cannot be read as a sound file"),
        (encoded(kind="AIFF"), r"has the format AIFF \(Apple/SGI\). Convert it to WAV or FLAC"),
        (encoded(kind="OGG", subtype="VORBIS")[:-300], "truncated: its last page is not whole"),
        (encoded(LONG, "OGG", "OPUS")[:-300], "truncated: its last page is not whole"),
        (encoded(LONG, "MP3", "MPEG_LAYER_III")[:-900], "is truncated: its last frame lacks"),
        (encoded(TONE[:0]), "has no samples"),
        (encoded(np.array([0, 1, np.nan]), subtype="FLOAT"), r"sample 2 \(from 0\) is nan"),
    ],
    ids=itertools.count(),
)
def test_bad_files_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = stored(tmp_path, data)
    with pytest.raises(ValueError, match=message) as refusal:
        load_sound(path)
    assert path in str(refusal.value)


def test_the_suffix_of_a_file_does_not_count(tmp_path: Path) -> None:
    assert len(load_sound(stored(tmp_path, encoded(), "a.raw"))[0]) == 800
    with pytest.raises(
        ValueError, match=r"a.raw cannot be read as a sound file: Format not recogn"
    ):
        load_sound(stored(tmp_path, b"a text" * 99, "a.raw"))


def test_a_stream_without_length_is_refused(tmp_path: Path) -> None:
    data = bytearray(encoded(kind="FLAC"))
    data[21] &= 0xF0  # the number of samples in STREAMINFO, 36 bits: unknown
    data[22:26] = bytes(4)
    sound = SoundFile(stored(tmp_path, bytes(data), "a.flac"))
    with pytest.raises(ValueError, match=r"a.flac has no length in its header, as of a stream"):
        sound.load()
    with pytest.raises(ValueError, match="example with flac -d and flac"):
        _ = sound.seconds


def test_a_header_cannot_claim_all_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqloom_sound.decode.LONGEST", 799)
    with pytest.raises(
        ValueError, match="declares 800 samples of 1 channel, more than the maximum of 799"
    ):
        load_sound(stored(tmp_path, encoded()))


def test_any_damage_is_refused_in_words_or_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    read = 0
    for _ in range(300):
        data = bytearray(encoded(kind=str(rng.choice(["WAV", "FLAC"]))))
        for place in rng.integers(0, 60, size=2):
            data[place] = rng.integers(0, 256)
        try:
            samples, _ = load_sound(stored(tmp_path, bytes(data)))
        except ValueError:
            continue
        read += 1
        assert np.isfinite(samples).all()
    assert 0 < read < 300


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("missing.wav", "missing.wav cannot be read: No such file or directory"),
        ("~nobody-here/a.wav", "~nobody-here/a.wav cannot be read: No such file or directory"),
        ("a" * 300, "cannot be read: File name too long"),
        (f"{'a' * 300}/a.wav", "cannot be read: File name too long"),
        (7, "a value of type int is not a sound; expected a path"),
        (TONE, "a value of type ndarray is not a sound"),
        (
            (TONE, 0),
            "the sound has 0 samples per second; expected a whole number from 1 to 1000000",
        ),
        ((TONE, 999_999_937), "the sound has 999999937 samples per second"),
        ((TONE, 8000.5), "the sound has 8000.5 samples per second"),
        ((TONE.astype(np.uint8), RATE), r"an array of uint8 with shape \(800,\)"),
        ((TONE.reshape(2, 2, 200), RATE), r"shape \(2, 2, 200\); expected float or signed"),
        ((TONE[:0], RATE), "the sound has no samples"),
        (Sound(TONE[None], RATE), r"of shape \(1, 800\), which is 800 channels; expected \(T"),
        (Sound(["a"], RATE), r"the sound is an array of <U1 with shape \(1,\)"),  # type: ignore[arg-type]
    ],
)
def test_bad_values_are_refused(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_sound(value)


def test_bad_zip_files_are_refused(tmp_path: Path) -> None:
    stored(tmp_path, b"no zip", "bad.zip")
    with pytest.raises(ValueError, match=r"bad.zip cannot be opened as a zip file"):
        SoundFile(str(tmp_path / "bad.zip"), "a.wav").load()
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.wav", encoded())
    with pytest.raises(ValueError, match=r"all.zip has no member 'b.wav'"):
        SoundFile(str(tmp_path / "all.zip"), "b.wav").load()
    data = bytearray((tmp_path / "all.zip").read_bytes())
    data[100] ^= 0xFF
    with pytest.raises(ValueError, match=r"the member 'a.wav' cannot be read: Bad CRC-32"):
        SoundFile(stored(tmp_path, bytes(data), "flipped.zip"), "a.wav").load()


def test_resampling_keeps_tones_and_drops_what_does_not_fit() -> None:
    time = np.arange(44100) / 44100
    kept, dropped = np.sin(2 * np.pi * 440 * time), np.sin(2 * np.pi * 6000 * time)
    found = resampled(kept + dropped, 44100, 8000)
    assert len(found) == 8000
    wanted = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    assert np.abs(found - wanted)[200:-200].max() < 0.01
    assert resampled(kept, 8000, 8000) is kept
