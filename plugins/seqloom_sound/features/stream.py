"""Features of a sound that arrives in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from seqloom.errors import ConfigError
from seqloom_sound.features.subsampling import WIDTH, Convolution
from seqloom_sound.sound import load_sound

if TYPE_CHECKING:
    from seqloom_sound.features.frontend import LogMelFrontend


class LogMelStream:
    """Returns the features of a sound piece by piece, as soon as their samples are there.

    Together, the pieces are the features of the whole sound, which a causal encoder can read step
    by step (`seqloom.interfaces.Encoder.step`). A stream is for one sound.

    Args:
        frontend: Frontend in eval mode, with ``causal=true``.

    Raises:
        ConfigError: If the frontend is not causal.
    """

    def __init__(self, frontend: LogMelFrontend) -> None:
        if not frontend.params.causal:
            raise ConfigError(
                "frontend.causal=False: steps may depend on later sound, so they cannot be "
                "computed from pieces. Train with frontend.causal=true."
            )
        self._frontend = frontend
        layers = frontend.subsampling.layers if frontend.subsampling is not None else ()
        self._layers = [_Layer(layer) for layer in layers if isinstance(layer, Convolution)]
        self._rest = np.zeros(0, np.float32)
        self._samples = self._frames = self._skip = 0

    @property
    def rate(self) -> int:
        """Samples per second of what is pushed."""
        return self._frontend.codec.rate

    def push(self, samples: np.ndarray) -> Tensor:
        """Return the features, (T, D), that are known with some more samples.

        Args:
            samples: Samples, (N,) or (N, channels); floating-point in ±1, or signed integers.

        Returns:
            Features; T is 0 if there are too few samples for another step.

        Raises:
            ValueError: If the samples are not finite, or have another shape or type.
        """
        spectrum = self._frontend.codec.spectrum
        if len(samples):
            samples, _ = load_sound((samples, self.rate))
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
        count = spectrum.frames(self._samples) - self._frames if self._samples else 0
        self._frames += count
        return self._read(spectrum(self._rest)[:count])

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
