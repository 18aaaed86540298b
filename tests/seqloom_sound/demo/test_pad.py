"""What the microphone sends."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from seqloom.errors import DataError, TooLargeError
from seqloom_sound.demo.pad import SoundPad


def file(samples: np.ndarray, rate: int, form: str = "WAV") -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format=form)
    return stream.getvalue()


def test_a_sound_comes_through() -> None:
    samples = np.sin(np.arange(4800) / 10)
    sound = SoundPad().value(file(samples, 48_000))
    assert sound.rate == 48_000
    np.testing.assert_allclose(sound.samples, samples, atol=1e-4)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The request is empty"),
        (b"RIFF", "The request cannot be read as a sound file"),
        (file(np.zeros(4000), 8000)[:2000], "The request is truncated"),
        (file(np.zeros(4000), 8000, "AIFF"), "The request has the format AIFF"),
    ],
    ids=["empty", "start", "half", "aiff"],
)
def test_what_is_no_sound(body: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        SoundPad().value(body)
    assert str(caught.value).startswith(message)


def test_hours_in_a_small_file_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    body = file(np.zeros(1000 * 201), 1000, "FLAC")
    assert len(body) < 30_000
    monkeypatch.setattr("seqloom_sound.demo.pad.read_part", lambda *_: pytest.fail("decoded"))
    with pytest.raises(TooLargeError, match=r"^The sound is 201 seconds long; up to 200 can be"):
        SoundPad().value(body)
