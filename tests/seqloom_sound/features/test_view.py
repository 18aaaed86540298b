"""What a report shows of a sound, and how its steps are named."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from seqloom.interfaces import Example
from seqloom_sound.features.codec import LogMelCodec
from seqloom_sound.features.view import LONGEST, WIDTH, png
from seqloom_sound.samples import RATE, tone


def example(samples: int = 1300, rate: int = RATE, hertz: float = 3000.0) -> Example:
    return Example("a", {"sound": (tone(hertz, samples, np.random.default_rng(1)), rate)})


def fitted(**params: Any) -> LogMelCodec:
    codec = LogMelCodec(**params)
    codec.restore(codec.fit([example(), example(hertz=300.0)]))
    return codec


def images(html: str, kind: str) -> list[bytes]:
    found = re.findall(f'src="data:{kind};base64,([^"]*)"', html)
    return [base64.b64decode(one) for one in found]


def test_the_picture_is_dark_where_the_sound_is_loud() -> None:
    view = fitted(bands=10).show(example())
    (data,) = images(view.html, "image/png")
    gray = np.asarray(Image.open(io.BytesIO(data)))
    assert gray.shape == (10, 15)
    assert gray[:5].mean() < gray[5:].mean()  # a high tone is at the top
    assert view.width == 60
    assert view.places[0] == (0.0, 4.0)
    assert len(view.places) == 15


def test_a_short_sound_can_be_played() -> None:
    given = example(rate=16000)
    (data,) = images(fitted(high=4000.0).show(given).html, "audio/wav")
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == 16000
    assert samples == pytest.approx(given.fields["sound"][0], abs=2**-14)
    long = fitted().show(example(samples=LONGEST + 1))
    assert images(long.html, "audio/wav") == []
    assert long.width == WIDTH
    (data,) = images(long.html, "image/png")
    assert Image.open(io.BytesIO(data)).size == (WIDTH, 40)


@pytest.mark.parametrize("samples", [1, 200, 201, 1300, 1400])
@pytest.mark.parametrize("rate", [RATE, 11025])
@pytest.mark.parametrize("params", [{}, {"subsampling": 4}, {"stack": 3, "stride": 2}])
def test_each_step_has_a_place_and_a_time(samples: int, rate: int, params: dict[str, Any]) -> None:
    codec, given = fitted(**params), example(samples=samples, rate=rate)
    count = codec.frames(codec.encode(given))
    view, times = codec.show(given), codec.steps(given)
    assert (len(view.places), len(times)) == (count, count)
    assert view.places[-1][1] == pytest.approx(view.width)


def test_times_are_seconds() -> None:
    assert fitted().steps(example())[:3] == ["0.00", "0.01", "0.02"]
    assert fitted(subsampling=4).steps(example())[:3] == ["0.00", "0.04", "0.08"]
    assert fitted(step=2.5).steps(example())[:3] == ["0.000", "0.003", "0.005"]


def test_a_sound_that_is_gone_is_a_sentence() -> None:
    view = fitted().show(Example("a", {"sound": "<gone>.wav"}))
    assert view.html.startswith(
        "<div>The sound cannot be shown: example a: &lt;gone&gt;.wav cannot"
    )
    assert view.places == ()


def test_png_keeps_each_pixel() -> None:
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(gray)))), gray)
