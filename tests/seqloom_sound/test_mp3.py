"""MP3 files that were cut. Oracle: what libsndfile writes and reads."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from seqloom.interfaces import Example
from seqloom_sound.decode import decode
from seqloom_sound.mp3 import SURE, TAIL, frame_at, missing_bytes, unheard
from seqloom_sound.readers.speech import SpeechReader
from seqloom_sound.sound import SoundFile, load_sound


def mp3(seconds: float = 1.0, rate: int = 16000, **keywords: object) -> bytes:
    """Return a file without the first frame, whose Info header has the length."""
    samples = 0.1 * np.random.default_rng(3).normal(size=int(seconds * rate))
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format="MP3", **keywords)
    data = stream.getvalue()
    assert b"Info" in data[:200] or b"Xing" in data[:200]
    first = frame_at(data, 0)
    assert first is not None
    return data[first.size :]


@pytest.fixture(scope="module", params=[8000, 16000, 24000, 44100])
def whole(request: pytest.FixtureRequest) -> bytes:
    return mp3(rate=request.param)


def edges(data: bytes) -> list[int]:
    """Return where frames begin, and the end of the last one."""
    found = [0]
    while (frame := frame_at(data, found[-1])) is not None:
        found.append(found[-1] + frame.size)
    return found


def test_frames_follow_one_another_to_the_end_of_the_file(whole: bytes) -> None:
    assert edges(whole)[-1] == len(whole)
    assert missing_bytes(io.BytesIO(whole)) == 0
    decode(whole, "a.mp3")


def test_a_last_frame_that_is_not_whole_is_told_of(whole: bytes, tmp_path: Path) -> None:
    *_, start, end = edges(whole)
    for size in {end - 1, (start + end) // 2, start + 4}:
        message = f"a.mp3 is truncated: its last frame lacks {end - size} bytes."
        with pytest.raises(ValueError, match=message):
            decode(whole[:size], "a.mp3")
    (tmp_path / "cut.mp3").write_bytes(whole[: end - 7])
    with pytest.raises(ValueError, match=r"cut\.mp3 is truncated: its last frame lacks 7 bytes"):
        load_sound(tmp_path / "cut.mp3")


def test_tags_before_and_after_do_not_count(whole: bytes) -> None:
    tagged = b"ID3\x04\0\0\0\0\0\x10" + bytes(16) + whole + b"TAG" + bytes(125)
    assert missing_bytes(io.BytesIO(tagged)) == 0
    decode(tagged, "a.mp3")
    assert missing_bytes(io.BytesIO(tagged[:-128] + b"APETAGEX" + b"\xff" * 40)) == 0
    assert missing_bytes(io.BytesIO(tagged[:-130])) == 2


def test_only_the_end_of_a_long_file_is_read() -> None:
    data = mp3(30.0, bitrate_mode="CONSTANT", compression_level=0.0)
    assert len(data) > 2 * TAIL
    stream = io.BytesIO(data[:-1])
    assert missing_bytes(stream) == 1
    assert missing_bytes(io.BytesIO(data)) == 0


def test_what_has_no_frames_is_left_to_the_decoder() -> None:
    rng = np.random.default_rng(1)
    for data in (b"", b"\xff", b"\xff\xfb", rng.bytes(5000), b"\xff" * 500):
        assert missing_bytes(io.BytesIO(data)) == 0
    short = mp3(0.3)
    few = short[: edges(short)[SURE - 1] - 1]  # too few frames to be sure
    assert missing_bytes(io.BytesIO(few)) == 0


def test_frames_of_layer_1_are_measured() -> None:
    header = bytes((0xFF, 0xFF, 0xC2, 0x00))  # 384 kbit/s, 44.1 kHz, with a slot of padding
    found = frame_at(header, 0)
    assert found is not None
    assert found.size == (12 * 384_000 // 44_100 + 1) * 4  # ISO 11172-3, 2.4.3.1


@pytest.mark.parametrize("keywords", [{}, {"bitrate_mode": "CONSTANT", "compression_level": 0.99}])
def test_a_part_is_what_the_whole_has_there_and_the_decoder_writes_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], keywords: dict[str, Any]
) -> None:
    """Among others at 8 kbit/s, where hardly a byte of a frame is its own."""
    rng, rate = np.random.default_rng(1), 22050
    bursts = np.repeat(rng.random(60) < 0.5, rate // 2)[:, None] * rng.normal(0, 0.1, (661500, 2))
    soundfile.write(tmp_path / "a.mp3", bursts, rate, format="MP3", **keywords)
    whole, _ = soundfile.read(tmp_path / "a.mp3", dtype="float32")
    capfd.readouterr()
    for start in range(1, 29):
        part, _ = SoundFile(str(tmp_path / "a.mp3"), offset=float(start), duration=1.0).load()
        wanted = whole[start * rate : (start + 1) * rate]
        assert np.allclose(part, wanted, atol=1e-6)
    assert capfd.readouterr().err == ""


def test_a_part_is_read_where_there_is_no_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: int) -> int:
        raise OSError

    monkeypatch.setattr("os.dup", closed)
    with unheard():
        pass


@pytest.mark.parametrize("tag", [b"", b"ID3\4\0\0\0\0\2\0" + bytes(256)])
def test_a_file_of_a_constant_rate_without_a_header_is_whole(tmp_path: Path, tag: bytes) -> None:
    """Its number of frames is estimated, at 44.1 kHz by too many."""
    constant = {"bitrate_mode": "CONSTANT", "compression_level": 0.9}
    stream, rate = io.BytesIO(), 44100
    samples = 0.1 * np.random.default_rng(3).normal(size=25 * rate)
    soundfile.write(stream, samples, rate, format="MP3", **constant)
    (tmp_path / "a.mp3").write_bytes(tag + stream.getvalue())
    found, _ = load_sound(tmp_path / "a.mp3")
    assert len(found) == pytest.approx(len(samples), abs=3 * 1152)
    *_, last = SpeechReader().inputs([str(tmp_path / "a.mp3")])
    assert isinstance(last, Example)
    assert len(load_sound(last.fields["sound"])[0])
