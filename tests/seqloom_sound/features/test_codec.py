"""What the codec learns, refuses and changes in training."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from seqloom.errors import ConfigError, ExampleError
from seqloom.interfaces import Example, Origin
from seqloom_sound.features.codec import LogMelCodec
from seqloom_sound.samples import RATE
from seqloom_sound.schemas.frontend import LogMel
from seqloom_sound.sound import Sound

from .conftest import fitted, sounds


def test_each_band_has_mean_0_and_deviation_1() -> None:
    codec = fitted()
    values = np.concatenate([codec.encode(one)["log_mel"] for one in sounds()])
    assert values.dtype == np.float32
    assert values.mean(axis=0) == pytest.approx(np.zeros(40), abs=1e-5)
    assert values.std(axis=0) == pytest.approx(np.ones(40), rel=1e-5)


def test_the_state_is_plain() -> None:
    state = LogMelCodec(bands=4).fit(sounds())
    assert json.loads(json.dumps(state)) == state
    assert state["rate"] == RATE
    assert [len(state["mean"]), len(state["deviation"])] == [4, 4]


def test_silence_has_no_infinite_features() -> None:
    silent = [Example("silent", {"sound": (np.zeros(900, np.float32), RATE)})]
    codec = LogMelCodec()
    codec.restore(codec.fit(silent))
    assert np.abs(codec.encode(silent[0])["log_mel"]).max() < 1e-6
    assert np.isfinite(fitted().encode(silent[0])["log_mel"]).all()


def test_a_finer_recording_of_the_same_sound_gives_the_same_features() -> None:
    time = np.arange(44100) / 44100
    fine = np.sin(2 * np.pi * 700 * time) + np.sin(2 * np.pi * 1900 * time)
    coarse = (np.sin(2 * np.pi * f * np.arange(8000) / 8000) for f in (700, 1900))
    codec = fitted(floor=1e-3)
    one = codec.encode(Example("fine", {"sound": (fine, 44100)}))["log_mel"]
    other = codec.encode(Example("coarse", {"sound": (sum(coarse), 8000)}))["log_mel"]
    assert one.shape == other.shape
    near = np.argsort(other[50])[-8:]  # the bands of the tones
    assert np.abs(one - other)[5:-5, near].max() < 0.05


def test_a_coarser_recording_is_refused_unless_the_bands_fit() -> None:
    coarse = Example("a", {"sound": (np.ones(800, np.float32), 4000)})
    with pytest.raises(ExampleError, match=r"4000 samples per second.*nothing above 2000 Hz"):
        fitted().encode(coarse)
    assert fitted(high=2000.0).encode(coarse)["log_mel"].shape == (19, 40)


def test_what_holds_no_sound_is_refused() -> None:
    with pytest.raises(
        ExampleError, match=r"field 'sound' does not exist.*Did you mean 'sounds'\?"
    ):
        fitted().encode(Example("a", {"sounds": 1}))
    with pytest.raises(ExampleError, match=r"^example a: a value of type int is not a sound"):
        fitted().encode(Example("a", {"sound": 1}))
    with pytest.raises(ExampleError, match=r"^list.tsv:3: gone.wav cannot be read: No such file"):
        fitted().encode(Example("a", {"sound": "gone.wav"}, Origin("list.tsv", 3)))
    with pytest.raises(ExampleError, match=r"^gone.wav: the file cannot be read: No such file"):
        fitted().encode(Example("a", {"sound": "gone.wav"}, Origin("gone.wav")))


def test_bare_values() -> None:
    codec = LogMelCodec()
    sound = Sound(np.ones(9), 8000)
    assert codec.fields(sound) == {"sound": sound}
    assert codec.fields("a.wav") == {"sound": "a.wav"}
    assert codec.fields(["a", "b"]) is None


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"bands": 0}, r"frontend.bands=0: expected 1 or more"),
        ({"window": math.inf}, r"frontend.window=inf: expected more than 0"),
        ({"step": 0.0}, r"frontend.step=0.0: expected more than 0"),
        ({"low": 500.0, "high": 400.0}, r"frontend.high=400.0: expected more than frontend.low"),
        ({"stride": 2}, r"frontend.stride=2: expected no more than frontend.stack=1"),
        ({"subsampling": 3}, r"frontend.subsampling=3: expected 1, 2 or 4"),
        ({"subsampling": 4, "channels": [8]}, r"frontend.channels=\[8\]: .* sizes of 2 or more"),
        ({"subsampling": 2, "stack": 2}, r"frontend.stack=2: expected 1 with convolutions"),
        ({"causal": True, "deltas": True}, r"frontend.deltas=True: .* it needs later frames"),
        ({"causal": True, "center": True}, r"frontend.center=True: .* it needs the whole sound"),
        ({"causal": True, "stack": 2}, r"frontend.stack=2: .* use frontend.subsampling"),
        ({"augment": {"speed": 1.0}}, r"augment.speed=1.0: expected a number in .0, 0.5."),
        ({"augment": {"snr_low": 40}}, r"snr_low=40: .* frontend.augment.snr_high=30.0"),
        ({"augment": {"noise_color": "blue"}}, r"augment.noise_color is 'blue'. There are: any, "),
        ({"augment": {"gain": -1}}, r"frontend.augment.gain=-1: expected 0 or more"),
        ({"augment": {"time_share": 2}}, r"augment.time_share=2: expected a number in .0, 1."),
    ],
)
def test_parameters_out_of_range_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LogMelCodec(**params)


def test_the_schema_has_the_defaults_of_speech() -> None:
    assert (LogMel().window, LogMel().step, LogMel().bands) == (25.0, 10.0, 40)


@pytest.mark.parametrize("value", [0.0, 0.25, -1.0])
@pytest.mark.parametrize("count", [1, 199, 200, 900])
def test_silent_constant_and_short_sounds_have_finite_features(value: float, count: int) -> None:
    codec = fitted(augment={"speed": 0.2, "warp": 0.2, "noise": 1.0})
    item = codec.encode(Example("a", {"sound": (np.full(count, value, np.float32), RATE)}))
    assert item["log_mel"].shape == (1 + max(0, -(-(count - 200) // 80)), 40)
    assert np.isfinite(item["log_mel"]).all()
    for seed in range(5):
        assert np.isfinite(codec.augment(item, np.random.default_rng(seed))["log_mel"]).all()


def test_a_sound_that_is_not_finite_is_refused() -> None:
    wrong = Example("a", {"sound": (np.array([0.5, np.nan], np.float32), RATE)})
    with pytest.raises(ExampleError, match=r"^example a: the sound: sample 1 \(from 0\) is nan"):
        fitted().encode(wrong)
