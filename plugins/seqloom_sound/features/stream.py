"""Features of a sound that arrives in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from seqloom.errors import Cause, ConfigError
from seqloom_sound.features.resampling import Resampler
from seqloom_sound.features.subsampling import WIDTH, Convolution
from seqloom_sound.sound import HIGHEST_RATE, load_sound

if TYPE_CHECKING:
    from seqloom_sound.features.frontend import LogMelFrontend


class LogMelStream:
    """Returns the features of a sound piece by piece, as soon as their samples are there.

    Together, the pieces are the features of the whole sound, which a causal encoder can read step
    by step (`seqloom.interfaces.Encoder.step`). A stream is for one sound.

    Args:
        frontend: Frontend in eval mode, with ``causal=true``.
        rate: Samples per second of what is pushed; None: those of the model. Other rates are
            resampled, which delays a step by up to 10 samples of the lower rate.

    Raises:
        ConfigError: If the frontend is not causal, or the rate is too low for its bands.
    """

    def __init__(self, frontend: LogMelFrontend, rate: int | None = None) -> None:
        if not frontend.params.causal:
            raise ConfigError(
                "frontend.causal=False: steps may depend on later sound, so they cannot be "
                "computed from pieces. Train with frontend.causal=true."
            )
        self._frontend = frontend
        own = frontend.codec.rate
        self.rate = own if rate is None else rate
        """Samples per second of what is pushed."""
        if not 1 <= self.rate <= HIGHEST_RATE:
            raise ConfigError(
                f"rate={rate}: expected samples per second, 1 to {HIGHEST_RATE}.",
                cause=Cause.wrong_value,
            )
        if problem := frontend.codec.too_low(self.rate):
            raise ConfigError(f"rate={rate}: {problem}.")
        self._resampler = None if self.rate == own else Resampler(self.rate, own)
        layers = frontend.subsampling.layers if frontend.subsampling is not None else ()
        self._layers = [_Layer(layer) for layer in layers if isinstance(layer, Convolution)]
        self._rest = np.zeros(0, np.float32)
        self._samples = self._frames = self._skip = 0

    def push(self, samples: np.ndarray) -> Tensor:
        """Return the features, (T, D), that are known with some more samples.

        Args:
            samples: Samples, (N,) or (N, channels); floating-point in ±1, or signed integers.

        Returns:
            Features; T is 0 if there are too few samples for another step.

        Raises:
            ValueError: If the samples are not finite, or have another shape or type.
        """
        if len(samples):
            samples, _ = load_sound((samples, self.rate))
            if self._resampler is not None:
                samples = self._resampler.push(samples)
        return self._push(samples)

    def _push(self, samples: np.ndarray) -> Tensor:
        """Return the features that are known with some more samples at the rate of the model."""
        spectrum = self._frontend.codec.spectrum
        self._samples += len(samples)
        self._rest = np.concatenate([self._rest, samples[self._skip :]])
        self._skip = max(0, self._skip - len(samples))
        known = max(0, (self._samples - spectrum.window) // spectrum.step + 1)
        count = known - self._frames
        if count <= 0:
            return self._read(np.zeros((0, len(spectrum.bank))))
        power = spectrum(self._rest[: (count - 1) * spectrum.step + spectrum.window])
        self._frames += count
        self._skip = max(0, count * spectrum.step - len(self._rest))
        self._rest = self._rest[count * spectrum.step :]
        return self._read(power)

    def end(self) -> Tensor:
        """Return the last features, (T, D): those of samples that do not fill a window."""
        spectrum = self._frontend.codec.spectrum
        first = None if self._resampler is None else self._push(self._resampler.end())
        count = spectrum.frames(self._samples) - self._frames if self._samples else 0
        self._frames += count
        last = self._read(spectrum(self._rest)[:count])
        return last if first is None else torch.cat([first, last])

    @torch.inference_mode()
    def _read(self, power: np.ndarray) -> Tensor:
        network = self._frontend.subsampling
        values = torch.from_numpy(self._frontend.codec.normalized(power))[None]
        if network is None:
            return values[0]
        weight = next(network.parameters())
        maps = values.to(weight)[..., None]
        for layer in self._layers:
            maps = layer.push(maps)
        return network.projected(maps)[0]


class _Layer:
    """A causal convolution with the steps that its next result depends on."""

    def __init__(self, layer: Convolution) -> None:
        self._layer = layer
        self._rest: Tensor | None = None

    def push(self, maps: Tensor) -> Tensor:
        """Return maps, (1, T', F', C'), that are known with some more steps, (1, T, F, C)."""
        layer = self._layer
        if self._rest is None:
            self._rest = maps.new_zeros(1, layer.before, *maps.shape[2:])
        maps = torch.cat([self._rest, maps], dim=1)
        count = max(0, (maps.shape[1] - WIDTH) // layer.stride + 1)
        self._rest = maps[:, count * layer.stride :]
        if not count:
            return maps.new_zeros(1, 0, *layer.norm.normalized_shape)
        return layer.convolved(maps[:, : (count - 1) * layer.stride + WIDTH])
