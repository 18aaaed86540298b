"""A formant synthesizer: pulses of the glottis and noise, shaped by the resonances of a tract.

It follows Klatt, Software for a cascade/parallel formant synthesizer, JASA 67(3), 1980: resonators
of second order in cascade filter the pulses, and noise is shaped by a filter of its own. Filters
are applied to overlapping frames in the frequency domain, so that a whole utterance is computed by
a few array operations. Pulses have the shape of Klatt and Klatt, Analysis, synthesis, and
perception of voice quality variations, JASA 87(2), 1990.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqloom_sound.spoken.phonemes import Phoneme

RATE = 8000
HOP = 80  # samples between frames, 10 ms
SIZE = 384  # of the transform: a window of two hops, and 28 ms in which the resonances decay
BANDWIDTHS = (60.0, 90.0, 150.0, 200.0)  # of the four resonances, in hertz
FOURTH = 3300.0  # the fourth resonance in hertz, equal for all sounds
HIGHEST = 3900.0  # of a resonance, in hertz


@dataclass(frozen=True)
class Voice:
    """What distinguishes speakers.

    Attributes:
        pitch: Mean frequency of the pulses in hertz.
        tract: Factor of all resonances: above 1 for tracts shorter than a man's 17 cm.
        rate: Factor of the speed.
        open: Share of a period in which the glottis is open; higher values are softer.
        breath: Strength of noise in voiced sounds.
    """

    pitch: float
    tract: float
    rate: float
    open: float
    breath: float


@dataclass(frozen=True)
class _Tracks:
    """The parameters of each frame: (T,), and (T, 3) for the formants."""

    formants: np.ndarray
    voice: np.ndarray
    noise: np.ndarray
    band: np.ndarray
    width: np.ndarray
    wide: np.ndarray


def synthesize(
    words: Sequence[Sequence[Phoneme]], voice: Voice, rng: np.random.Generator
) -> np.ndarray:
    """Return the samples of words spoken by a voice, (T,) float32 with a peak below 1.

    Args:
        words: Phonemes of each word.
        voice: Who speaks.
        rng: Generator of the durations, pauses, melody and noise.
    """
    tracks = _tracks(words, voice, rng)
    samples = len(tracks.voice) * HOP
    times = (np.arange(samples) + 0.5) / HOP - 0.5
    pulses = _pulses(len(tracks.voice), voice, rng)
    breath = voice.breath * rng.normal(size=samples) * np.clip(np.abs(pulses), 0.2, 1)
    voiced = (pulses + breath) * _at(times, tracks.voice)
    frication = rng.normal(size=samples) * _at(times, tracks.noise)
    mixed = _filtered(voiced, _tract(tracks, voice)) + _filtered(frication, _noise_filter(tracks))
    return np.asarray(0.5 * mixed / np.abs(mixed).max(), np.float32)


def _tracks(words: Sequence[Sequence[Phoneme]], voice: Voice, rng: np.random.Generator) -> _Tracks:
    """Return the parameters over time, interpolated between the middles of neighbours."""
    sounds: list[Phoneme] = []
    seconds: list[float] = []
    for number, word in enumerate(words):
        if number:
            _pause(sounds, seconds, rng.uniform(0.02, 0.15))
        for sound in word:
            sounds.append(sound)
            seconds.append(sound.seconds / voice.rate * np.exp(rng.normal(0, 0.12)))
    ends = np.cumsum(seconds)
    count = int(np.ceil(ends[-1] * RATE / HOP)) + 2
    at = np.arange(count) * HOP / RATE
    starts = ends - seconds

    def track(values: Sequence[float], hold: float, outside: float | None = None) -> np.ndarray:
        """Keep each value over a share of its sound; in between, go straight to the next."""
        edge = np.asarray(seconds) * (1 - hold) / 2
        places = np.stack([starts + edge, ends - edge], axis=1).ravel()
        held = np.repeat(values, 2)
        return np.asarray(np.interp(at, places, held, left=outside, right=outside))

    return _Tracks(
        np.stack([track([s.formants[n] for s in sounds], 0.3) for n in range(3)], axis=1),
        track([s.voice for s in sounds], 0.8, outside=0),
        track([s.noise for s in sounds], 0.8, outside=0),
        track([s.band for s in sounds], 0.8),
        track([s.width for s in sounds], 0.8),
        track([s.wide for s in sounds], 0.6),
    )


def _pause(sounds: list[Phoneme], seconds: list[float], length: float) -> None:
    """Append silence in which the tract stays as it was."""
    sounds.append(Phoneme(sounds[-1].formants, length, voice=0))
    seconds.append(length)


def _pulses(frames: int, voice: Voice, rng: np.random.Generator) -> np.ndarray:
    """Return the derivative of the flow through the glottis, (frames · HOP,).

    In the open part of a period, at x in [0, 1), it is 2x − 3x²; in the closed part it is 0. The
    pitch falls by a fifth over an utterance and wavers.
    """
    samples = frames * HOP
    knots = rng.normal(0, 0.05, size=2 + samples // (RATE // 4))
    waver = np.interp(np.linspace(0, len(knots) - 1, samples), np.arange(len(knots)), knots)
    pitch = voice.pitch * np.exp(np.linspace(0.1, -0.1, samples) + waver)
    phase = (rng.random() + np.cumsum(pitch / RATE)) % 1.0
    x = phase / voice.open
    return np.asarray(np.where(x < 1, 2 * x - 3 * x**2, 0.0))


def _tract(tracks: _Tracks, voice: Voice) -> np.ndarray:
    """Return the response of four resonators in cascade, (T, SIZE / 2 + 1).

    A resonator is A / (1 − B z⁻¹ − C z⁻²), C = −e^(−2πw), B = 2 e^(−πw) cos 2πf, A = 1 − B − C,
    for a frequency f and a bandwidth w in cycles per sample (Klatt 1980, equations 1 and 2).
    """
    delay = np.exp(-2j * np.pi * np.arange(SIZE // 2 + 1) / SIZE)
    response = np.ones((len(tracks.voice), len(delay)), complex)
    fourth = np.full((len(tracks.voice), 1), FOURTH)
    formants = np.concatenate([tracks.formants, fourth], axis=1) * voice.tract
    for number, bandwidth in enumerate(BANDWIDTHS):
        frequency = np.minimum(formants[:, number, None], HIGHEST) / RATE
        width = (bandwidth * tracks.wide / RATE)[:, None]
        c = -np.exp(-2 * np.pi * width)
        b = 2 * np.exp(-np.pi * width) * np.cos(2 * np.pi * frequency)
        response *= (1 - b - c) / (1 - b * delay - c * delay**2)
    return response


def _noise_filter(tracks: _Tracks) -> np.ndarray:
    """Return a bell around the band of the noise, (T, SIZE / 2 + 1)."""
    hertz = np.arange(SIZE // 2 + 1) * RATE / SIZE
    distance = (hertz - tracks.band[:, None]) / tracks.width[:, None]
    return np.asarray(np.exp(-0.5 * distance**2))


def _filtered(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Return the samples, (T · HOP,), each frame filtered by its own response.

    Hann windows of two hops add up to 1; the filtered frames are added where they overlap.
    """
    frames = len(response)
    padded = np.pad(samples, (HOP // 2, HOP + HOP // 2))
    cut = np.lib.stride_tricks.sliding_window_view(padded, 2 * HOP)[::HOP][:frames]
    window = 0.5 - 0.5 * np.cos(np.pi * (np.arange(2 * HOP) + 0.5) / HOP)
    ringing = np.fft.irfft(np.fft.rfft(cut * window, SIZE) * response, SIZE)
    parts = -(-SIZE // HOP)
    ringing = np.pad(ringing, ((0, 0), (0, parts * HOP - SIZE))).reshape(frames, parts, HOP)
    total = np.zeros((frames + parts, HOP))
    for part in range(parts):
        total[part : part + frames] += ringing[:, part]
    return total.ravel()[HOP // 2 : HOP // 2 + len(samples)]


def _at(times: np.ndarray, track: np.ndarray) -> np.ndarray:
    """Return a track at times in frames."""
    return np.asarray(np.interp(times, np.arange(len(track)), track))
