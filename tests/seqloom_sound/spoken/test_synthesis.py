"""The synthesizer: pitch, resonances and noise are where they were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from seqloom_sound.spoken.phonemes import PHONEMES, WORDS, phonemes
from seqloom_sound.spoken.synthesis import RATE, Voice, synthesize

MAN = Voice(pitch=110, tract=1.0, rate=1.0, open=0.6, breath=0.02)


def spoken(name: str, voice: Voice = MAN, seconds: float = 0.5) -> np.ndarray:
    phoneme = PHONEMES[name]
    rate = phoneme.seconds / seconds
    slow = Voice(voice.pitch, voice.tract, rate, voice.open, voice.breath)
    return synthesize([[phoneme]], slow, np.random.default_rng(3))


def spectrum(samples: np.ndarray, width: float) -> np.ndarray:
    """Return the power by hertz, averaged over a width."""
    middle = samples[len(samples) // 4 :][: 2 * len(samples) // 4]
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), RATE)) ** 2
    return np.convolve(power, np.hanning(int(width)), mode="same")


@pytest.mark.parametrize("name", ["IY", "AA", "UW", "EH"])
@pytest.mark.parametrize("tract", [1.0, 1.15])
def test_vowels_resonate_at_their_formants(name: str, tract: float) -> None:
    voice = Voice(pitch=60, tract=tract, rate=1, open=0.6, breath=0)
    power = spectrum(spoken(name, voice), 150)
    for formant in PHONEMES[name].formants[:2]:
        near = int(formant * tract)
        around = power[near - 250 : near + 250] if near > 450 else power[100 : near + 250]
        offset = near - 250 if near > 450 else 100
        assert abs(int(around.argmax()) + offset - near) < 100


@pytest.mark.parametrize("pitch", [100, 200])
def test_the_voice_has_its_pitch(pitch: int) -> None:
    voice = Voice(pitch=pitch, tract=1, rate=1, open=0.6, breath=0)
    samples = spoken("AH", voice).astype(float)
    middle = samples[1000:3000]
    middle -= middle.mean()
    correlation = np.correlate(middle, middle, "full")[len(middle) :]
    period = int(correlation[RATE // 300 : RATE // 60].argmax()) + RATE // 300 + 1
    assert RATE / period == pytest.approx(pitch, rel=0.15)


def test_hisses_are_high_and_vowels_low() -> None:
    share = {
        name: spectrum(spoken(name), 10)[2500:].sum() / spectrum(spoken(name), 10).sum()
        for name in ("S", "AA")
    }
    assert share["S"] > 0.95
    assert share["AA"] < 0.05


@pytest.mark.parametrize("word", sorted(WORDS))
def test_every_word_is_spoken_at_the_rate_of_the_voice(word: str) -> None:
    sounds = phonemes(word)
    samples = synthesize([sounds], MAN, np.random.default_rng(1))
    assert samples.dtype == np.float32
    assert np.abs(samples).max() == pytest.approx(0.5, abs=1e-6)
    wanted = sum(one.seconds for one in sounds)
    assert len(samples) / RATE == pytest.approx(wanted, rel=0.3)
    fast = Voice(MAN.pitch, MAN.tract, 2.0, MAN.open, MAN.breath)
    assert len(synthesize([sounds], fast, np.random.default_rng(1))) < 0.65 * len(samples)
