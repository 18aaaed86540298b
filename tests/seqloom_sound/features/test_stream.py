"""Causal features: those of a beginning are the beginning of those of the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqloom.data.encode import Codecs
from seqloom.errors import ConfigError
from seqloom.interfaces import Example, Features
from seqloom.plugins import resolve
from seqloom_sound.features.codec import LogMelCodec
from seqloom_sound.features.frontend import LogMelFrontend
from seqloom_sound.features.resampling import HALF, Resampler
from seqloom_sound.samples import RATE
from seqloom_sound.sound import resampled

SAMPLES = np.asarray(0.1 * np.random.default_rng(1).normal(size=2537), np.float32)
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "gaps": {"step": 40.0},
    "convolved": {"channels": [3]},
    "halved": {"subsampling": 2, "channels": [3, 4]},
    "quartered": {"subsampling": 4, "channels": [3, 4], "size": 5},
}


def frontend_of(**params: Any) -> LogMelFrontend:
    codec = LogMelCodec(causal=True, bands=8, **params)
    codec.restore(codec.fit([Example("a", {"sound": (SAMPLES, RATE)})]))
    torch.manual_seed(1)
    return LogMelFrontend(codec).eval()


def features_of(frontend: LogMelFrontend, *sounds: np.ndarray) -> Features:
    codecs = Codecs(frontend.codec, {})
    examples = [Example(f"{n}", {"sound": (one, RATE)}) for n, one in enumerate(sounds)]
    batch = codecs.collate()([codecs.encode_inputs(one) for one in examples])
    with torch.no_grad():
        result: Features = frontend(batch.inputs)
    return result


@pytest.mark.parametrize("variant", [*VARIANTS])
def test_later_sound_changes_no_step(variant: str) -> None:
    frontend = frontend_of(**VARIANTS[variant])
    spectrum = frontend.codec.spectrum
    whole = features_of(frontend, SAMPLES).values[0]
    for frames in range(1, spectrum.frames(len(SAMPLES)) - 1):
        beginning = SAMPLES[: spectrum.window + (frames - 1) * spectrum.step]
        found = features_of(frontend, beginning)
        steps = int(found.lengths[0])
        assert torch.allclose(found.values[0], whole[:steps], atol=1e-5)


@pytest.mark.parametrize("variant", [*VARIANTS])
@pytest.mark.parametrize("size", [7, 100, 777, 2537, 5000])
def test_pieces_have_the_features_of_the_whole(variant: str, size: int) -> None:
    frontend = frontend_of(**VARIANTS[variant])
    stream = frontend.stream()
    pieces = [stream.push(SAMPLES[at : at + size]) for at in range(0, len(SAMPLES), size)]
    found = torch.cat([*pieces, stream.end()])
    assert torch.allclose(found, features_of(frontend, SAMPLES).values[0], atol=1e-5)


@pytest.mark.parametrize("rate", [11025, 16000, 44100, 8001])
@pytest.mark.parametrize("size", [1000, 3331, 50_000])
def test_pieces_at_another_rate_have_the_features_of_the_whole(rate: int, size: int) -> None:
    samples = np.asarray(0.1 * np.random.default_rng(2).normal(size=rate // 2), np.float32)
    frontend = frontend_of(subsampling=2, channels=[3])
    stream = frontend.stream(rate)
    assert stream.rate == rate
    pieces = [stream.push(samples[at : at + size]) for at in range(0, len(samples), size)]
    found = torch.cat([*pieces, stream.end()])
    codecs = Codecs(frontend.codec, {})
    example = Example("a", {"sound": (samples, rate)})
    batch = codecs.collate()([codecs.encode_inputs(example)])
    with torch.no_grad():
        whole = frontend(batch.inputs).values[0]
    assert torch.allclose(found, whole, atol=1e-4)


def test_a_piece_at_another_rate_is_used_at_once() -> None:
    samples = np.zeros(16000, np.float32)
    stream = frontend_of().stream(16000)
    found = sum(len(stream.push(samples[at : at + 160])) for at in range(0, 16000, 160))
    assert found == (8000 - HALF - 200) // 80 + 1
    assert stream._resampler is not None
    assert len(stream._resampler._rest) < 1000


def test_a_rate_that_is_too_low_or_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"rate=4000: 4000 samples per second, so it contains "):
        frontend_of().stream(4000)
    with pytest.raises(ConfigError, match=r"rate=0: expected samples per second"):
        frontend_of().stream(0)


def test_a_step_is_returned_as_soon_as_its_window_is_full() -> None:
    stream = frontend_of(subsampling=4, channels=[3, 4]).stream()
    counts = [len(stream.push(SAMPLES[at : at + 80])) for at in range(0, 960, 80)]
    assert counts == [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]
    assert stream.rate == RATE


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201])
def test_short_sounds_are_streamed(count: int) -> None:
    frontend = frontend_of(subsampling=2, channels=[3])
    stream = frontend.stream()
    found = torch.cat([stream.push(SAMPLES[:count]), stream.end()])
    if count:
        assert torch.allclose(found, features_of(frontend, SAMPLES[:count]).values[0], atol=1e-5)
    assert found.shape == ({0: 0}.get(count, 1), 128)


def test_a_causal_encoder_follows_the_stream() -> None:
    frontend = frontend_of(subsampling=4, channels=[3, 4], size=6)
    torch.manual_seed(2)
    encoder = resolve("encoder", "lstm")(6, hidden_size=5).eval()
    stream, state = frontend.stream(), encoder.initial_state(1)
    outputs: list[Tensor] = []
    with torch.no_grad():
        for piece in [
            *(stream.push(part) for part in np.split(SAMPLES, [700, 1900])),
            stream.end(),
        ]:
            for vector in piece:
                output, state = encoder.step(vector[None], state)
                outputs.append(output[0])
        whole = encoder(features_of(frontend, SAMPLES)).states[0]
    assert torch.allclose(torch.stack(outputs), whole, atol=1e-5)


def test_what_cannot_be_streamed_is_refused() -> None:
    codec = LogMelCodec()
    codec.restore(codec.fit([Example("a", {"sound": (SAMPLES, RATE)})]))
    with pytest.raises(
        ConfigError, match=r"frontend.causal=False: .* Train with frontend.causal=true"
    ):
        LogMelFrontend(codec).stream()
    with pytest.raises(ValueError, match=r"sample 1 \(from 0\) is nan"):
        frontend_of().stream().push(np.array([0.0, np.nan]))


def test_without_causality_steps_see_later_frames() -> None:
    frontend = frontend_of(channels=[3])
    frontend.codec.params.causal = False
    torch.manual_seed(1)
    centered = LogMelFrontend(frontend.codec).eval()
    whole, beginning = (features_of(centered, one).values[0] for one in (SAMPLES, SAMPLES[:600]))
    assert not torch.allclose(whole[: len(beginning)], beginning, atol=1e-5)


@pytest.mark.parametrize(("rate", "wanted"), [(8000, 16000), (16000, 8000), (44100, 16000)])
@pytest.mark.parametrize("size", [1, 50])
def test_resampling_in_pieces_is_that_of_the_whole(rate: int, wanted: int, size: int) -> None:
    resampler, samples = Resampler(rate, wanted), SAMPLES[:400]
    pieces = [resampler.push(samples[at : at + size]) for at in range(0, len(samples), size)]
    found = np.concatenate([*pieces, resampler.end()])
    assert np.allclose(found, resampled(samples, rate, wanted), atol=1e-6)
