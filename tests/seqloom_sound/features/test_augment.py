"""What augmentation changes: time, frequencies, loudness, noise; and what it leaves as it was."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import resample

from seqloom.interfaces import Example
from seqloom_sound.features.augment import ANCHORS, stretched, warped
from seqloom_sound.features.codec import LogMelCodec
from seqloom_sound.features.mel import MelSpectrum
from seqloom_sound.features.noise import Noise, quietest
from seqloom_sound.samples import RATE, tone
from seqloom_sound.schemas.frontend import NoiseColor

from .conftest import fitted, sounds

STILL = {"stretch": 0.0, "gain": 0.0, "time_masks": 0, "band_masks": 0}
SPECTRUM = MelSpectrum(RATE, window=25, step=10, bands=40, low=20, high=0)


def vowel(seconds: float = 0.5) -> np.ndarray:
    """Noise with two formants, whose power changes with time."""
    rng = np.random.default_rng(2)
    count = round(RATE * seconds)
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    formants = sum(np.exp(-(((hertz - at) / 250) ** 2)) for at in (600.0, 1700.0)) + 0.02
    samples = np.fft.irfft(np.fft.rfft(rng.normal(size=count)) * formants, count)
    return np.asarray(samples * np.linspace(0.05, 0.5, count))


def nats(samples: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(np.maximum(SPECTRUM(samples), 1e-8)))


def test_augmentation_of_nothing_changes_nothing() -> None:
    codec = fitted(augment=STILL)
    item = codec.encode(sounds()[3])
    assert np.array_equal(codec.augment(item, np.random.default_rng(1))["log_mel"], item["log_mel"])


def test_gain_is_that_of_a_louder_sound() -> None:
    codec = fitted(augment={**STILL, "gain": 6.0})
    (samples, _), rng = sounds()[0].fields["sound"], np.random.default_rng(4)
    decibels = _second_uniform(4, 6.0)
    louder = samples * 10 ** (decibels / 20)
    expected = codec.encode(Example("louder", {"sound": (louder, RATE)}))["log_mel"]
    found = codec.augment(codec.encode(sounds()[0]), rng)["log_mel"]
    assert found == pytest.approx(expected, abs=1e-4)


def test_equalizing_changes_bands_smoothly_and_all_frames_alike() -> None:
    codec = fitted(augment={**STILL, "equalize": 9.0})
    item = codec.encode(sounds()[0])
    rng = np.random.default_rng(4)
    found = codec.augment(item, rng)["log_mel"] - item["log_mel"]
    assert found == pytest.approx(np.broadcast_to(found[0], found.shape), abs=1e-5)
    decibels = found[0] * codec._deviation * 10 / np.log(10)
    assert 1 < np.abs(decibels).max() <= 9.0
    bends = np.abs(np.diff(decibels, 2)) > 1e-3
    assert bends.sum() <= 2 * (ANCHORS - 2)  # linear between the anchors


def _second_uniform(seed: int, limit: float) -> float:
    """What augmentation draws after the stretch."""
    rng = np.random.default_rng(seed)
    rng.uniform(0, 0)
    return float(rng.uniform(-limit, limit))


def test_stretching_keeps_the_ends_and_at_least_one_frame() -> None:
    ramp = np.arange(10, dtype=np.float32)[:, None]
    longer = stretched(ramp, np.log(1.9))
    assert longer[:, 0] == pytest.approx(np.linspace(0, 9, 19))
    assert stretched(ramp, 0.0) == pytest.approx(ramp)
    assert stretched(ramp[:1], -5.0).shape == (1, 1)


def test_masks_are_bands_and_spans_of_time() -> None:
    limits = {"time_masks": 1, "time_share": 0.5, "band_masks": 1, "band_share": 0.5}
    codec = fitted(bands=8, augment={**STILL, **limits})
    values = np.ones((20, 8), np.float32)
    widths = set()
    for seed in range(50):
        masked = codec.augment({"log_mel": values}, np.random.default_rng(seed))["log_mel"] == 0
        times, bands = masked.all(axis=1), masked.all(axis=0)
        assert np.array_equal(masked, times[:, None] | bands)
        assert np.abs(np.diff(times.astype(int))).sum() <= 2
        assert np.abs(np.diff(bands.astype(int))).sum() <= 2
        widths.add((int(times.sum()), int(bands.sum())))
    assert {times for times, _ in widths} <= set(range(11))
    assert max(bands for _, bands in widths) == 4
    assert (values == 1).all()


def test_the_defaults_draw_what_they_drew_before_there_was_more_to_draw() -> None:
    codec, item = fitted(), fitted().encode(sounds()[5])
    rng = np.random.default_rng(7)
    values = stretched(item["log_mel"], rng.uniform(-0.15, 0.15))
    decibel = np.log(10) / 10 / codec._deviation
    values = values + (rng.uniform(-6, 6) * decibel).astype(np.float32)
    for axis in (0, 1):
        width = int(rng.integers(0, int(values.shape[axis] * 0.2) + 1))
        start = int(rng.integers(0, values.shape[axis] - width + 1))
        np.moveaxis(values, axis, 0)[start : start + width] = 0
    found = codec.augment(item, np.random.default_rng(7))["log_mel"]
    assert np.array_equal(found, values)


@pytest.mark.parametrize("factor", [0.85, 1.15])
def test_a_faster_sound_has_fewer_frames_and_higher_frequencies(factor: float) -> None:
    whole = vowel()
    faster = nats(np.asarray(resample(whole, round(len(whole) / factor))))
    plain = nats(whole)
    found = warped(stretched(plain, -np.log(factor)), SPECTRUM, factor)
    assert abs(len(found) - len(faster)) <= 1
    count = min(len(found), len(faster))
    # Means over time of the bands below the bend: neighbouring frames of noise differ by chance.
    expected, got, before = (one[:count, :30].mean(0) for one in (faster, found, plain))
    assert np.abs(got - expected).mean() < 0.35 * np.abs(before - expected).mean()


def test_warping_keeps_the_number_of_frames_and_the_ends() -> None:
    values = nats(vowel())
    assert warped(values, SPECTRUM, 1.0) == pytest.approx(values)
    for factor in (0.6, 1.6):
        assert warped(values, SPECTRUM, factor).shape == values.shape
    codec = fitted(augment={**STILL, "warp": 0.2})
    item = codec.encode(sounds()[5])
    found = codec.augment(item, np.random.default_rng(1))["log_mel"]
    assert (found.shape, found.dtype) == (item["log_mel"].shape, np.dtype("float32"))
    assert not np.allclose(found, item["log_mel"])


def test_speed_changes_the_number_of_frames() -> None:
    codec = fitted(augment={**STILL, "speed": 0.3})
    item = codec.encode(Example("long", {"sound": (vowel(), RATE)}))
    counts = {
        len(codec.augment(item, np.random.default_rng(seed))["log_mel"]) for seed in range(30)
    }
    assert min(counts) < 0.85 * len(item["log_mel"])
    assert max(counts) > 1.15 * len(item["log_mel"])


@pytest.mark.parametrize("color", [one for one in NoiseColor if one != NoiseColor.any])
def test_noise_has_the_power_and_the_spectrum_of_its_samples(color: NoiseColor) -> None:
    rng = np.random.default_rng(5)
    samples = rng.normal(size=4 * RATE)
    if color == NoiseColor.pink:
        hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
        root = np.sqrt(np.maximum(hertz, SPECTRUM.resolution))
        samples = np.fft.irfft(np.fft.rfft(samples) / root)
    power = SPECTRUM(samples)
    noise = Noise(SPECTRUM, power.mean(axis=0).tolist())
    silence = np.full((len(power), 40), -30.0)
    silence[0] = np.log(power[0].sum() / 40)  # a sound of one frame sets the power
    mixed = np.exp(noise.mixed(silence, 10.0, color, rng))[1:]
    total = np.exp(silence).sum(axis=1).mean() / 10
    assert mixed.sum(axis=1).mean() == pytest.approx(total, rel=0.05)
    share, expected = mixed.mean(axis=0) / mixed.mean(axis=0).sum(), power.mean(axis=0)
    assert share == pytest.approx(expected / expected.sum(), rel=0.3)
    # Power varies from frame to frame as that of noise does.
    spread = mixed.std(axis=0) / mixed.mean(axis=0)
    assert spread.mean() == pytest.approx((power.std(axis=0) / power.mean(axis=0)).mean(), rel=0.2)


def test_noise_is_measured_in_the_quietest_frames() -> None:
    power = np.ones((20, 3))
    power[4:6] = [0.1, 0.2, 0.3]
    assert quietest(power) == pytest.approx([0.1, 0.2, 0.3])
    assert quietest(power[:1]) == pytest.approx([1, 1, 1])
    assert len(fitted().fit(sounds())["noise"]) == 40


def test_noise_fills_silence_and_leaves_loud_bands() -> None:
    limits = {"noise": 1.0, "noise_color": "white", "snr_low": 20, "snr_high": 20}
    codec = fitted(augment={**STILL, **limits})
    samples = np.append(tone(500, 4000, rng()), np.zeros(4000))
    item = codec.encode(Example("a", {"sound": (samples, RATE)}))
    found = codec.augment(item, rng())["log_mel"]
    assert (found[-10:] > item["log_mel"][-10:] + 1).all()
    loud = int(item["log_mel"][:40].mean(axis=0).argmax())
    assert found[:40, loud] == pytest.approx(item["log_mel"][:40, loud], abs=0.2)


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_a_state_without_noise_is_that_of_an_older_model() -> None:
    codec = LogMelCodec(augment={"noise": 1.0, "noise_color": "measured"})
    state = codec.fit(sounds())
    del state["noise"]
    codec.restore(state)
    assert np.isfinite(codec.augment(codec.encode(sounds()[3]), rng())["log_mel"]).all()
