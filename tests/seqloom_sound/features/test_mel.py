"""The power in bands, against figures of another implementation."""

from __future__ import annotations

import numpy as np
import pytest

from seqloom.errors import ConfigError
from seqloom_sound.features.mel import MelSpectrum, filterbank, from_mel, to_mel

# librosa 0.11.0: filters.mel(sr=8000, n_fft=256, n_mels=40, fmin=20, fmax=4000, htk=True,
# norm=None), the sums of rows 0, 20 and 39, and row 20 where it is not 0.
SUMS = [1.08466243, 2.76732982, 6.55632369]
ROW = [0.32125987, 0.69248089, 0.93914725, 0.58452969, 0.22991212]

# librosa 0.11.0: feature.melspectrogram(y=y, sr=8000, n_fft=256, win_length=200, hop_length=80,
# center=False, n_mels=8, fmin=20, fmax=4000, htk=True, norm=None) of y, `chirp` below with 28 zeros
# at either end, since librosa puts a window of 200 samples in the middle of 256; frames 0, 5, 12.
POWER = [
    [321.870880, 877.124040, 0.99952765, 7.396e-05, 1.95e-06, 8.392e-05, 41.1601697, 6.83974582],
    [0.05395209, 749.293535, 450.650688, 0.00175872, 1.094e-05, 8.654e-05, 41.1601640, 6.83974853],
    [0.00011595, 0.99428313, 998.560858, 200.444560, 0.00015842, 9.003e-05, 41.1601622, 6.83974895],
]


def chirp() -> np.ndarray:
    """A quarter of a second that rises from 300 to 1050 Hz, over a softer tone."""
    time = np.arange(2000) / 8000
    rising = 0.5 * np.sin(2 * np.pi * (300 * time + 1500 * time**2))
    return np.asarray(rising + 0.1 * np.sin(2 * np.pi * 2500 * time))


def spectrum(bands: int = 8, rate: int = 8000, window: float = 25.0) -> MelSpectrum:
    return MelSpectrum(rate, window=window, step=10.0, bands=bands, low=20.0, high=0.0)


def test_the_scale_is_that_of_htk() -> None:
    assert to_mel(1000.0) == pytest.approx(1000, abs=0.1)  # by definition of the constants
    assert from_mel(np.array([0.0, to_mel(4000.0)])) == pytest.approx([0, 4000])


def test_filters_are_those_of_librosa() -> None:
    bank = filterbank(8000, 256, 40, 20.0, 4000.0)
    assert bank.shape == (40, 129)
    assert bank[[0, 20, 39]].sum(axis=1) == pytest.approx(SUMS, rel=1e-7)
    assert bank[20][bank[20] > 0] == pytest.approx(ROW, rel=1e-6)


def test_power_is_that_of_librosa() -> None:
    power = spectrum()(chirp())
    assert power.shape == (24, 8)
    assert power[[0, 5, 12]] == pytest.approx(np.array(POWER), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("samples", "frames"), [(1, 1), (200, 1), (201, 2), (280, 2), (281, 3), (8000, 99)]
)
def test_every_sample_is_in_a_frame(samples: int, frames: int) -> None:
    given = spectrum()
    assert given.frames(samples) == frames
    assert given(np.ones(samples)).shape == (frames, 8)


def test_blocks_of_frames_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = spectrum()(chirp())
    monkeypatch.setattr("seqloom_sound.features.mel.BLOCK", 5)
    assert spectrum()(chirp()) == pytest.approx(whole, rel=1e-9)


def test_narrow_bands_get_a_longer_transform() -> None:
    noise = np.random.default_rng(1).normal(size=2000)
    power = spectrum(bands=120)(noise)
    assert power.shape == (24, 120)
    assert (power > 0).all()


@pytest.mark.parametrize(
    ("bands", "window", "message"),
    [
        (1500, 25.0, r"frontend.bands=1500 between 20 and 4000 Hz are too narrow for a window"),
        (40, 0.5, r"too narrow for a window of 4 samples\. Set fewer bands or a longer"),
    ],
)
def test_bands_that_nothing_tells_apart_are_refused(
    bands: int, window: float, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        spectrum(bands=bands, window=window)


def test_bands_beyond_half_of_the_rate_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"frontend.high=5000.0: with 8000 samples per second"):
        MelSpectrum(8000, window=25.0, step=10.0, bands=8, low=20.0, high=5000.0)
