"""Speech recognition in plain torch: features by ``torch.stft``, convolutions, a packed LSTM."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqloom.interfaces import SequenceBatch

CHANNELS = (16, 32)


class Features:
    """The logarithm of the power in bands of the mel scale, normalized.

    Args:
        bank: Weight of each bin of the transform in each band, (bands, bins).
        window: Length of a frame in samples.
        step: Samples from one frame to the next.
        scale: Mean and deviation of each band, (bands,) each, and the smallest power.
    """

    def __init__(
        self, bank: Tensor, window: int, step: int, scale: tuple[Tensor, Tensor, float]
    ) -> None:
        self.bank, self.weights, self.step = bank, torch.hann_window(window), step
        self.size = 2 * (bank.shape[1] - 1)
        self.mean, self.deviation, self.floor = scale

    @torch.inference_mode()
    def __call__(self, samples: Tensor) -> Tensor:
        """Return (frames, bands) of (N,) samples; the last frame is padded with zeros."""
        window = len(self.weights)
        frames = 1 + math.ceil(max(0, len(samples) - window) / self.step)
        before = (self.size - window) // 2  # torch puts the window in the middle of a transform
        whole = (frames - 1) * self.step + self.size
        padded = F.pad(samples, (before, whole - before - len(samples)))
        spectrum = torch.stft(
            padded, self.size, self.step, window, self.weights, center=False, return_complex=True
        )
        power = self.bank @ spectrum.abs().square()
        return (power.T.clamp_min(self.floor).log() - self.mean) / self.deviation


class Recognizer(nn.Module):
    """Two convolutions that leave a quarter of the frames, a BiLSTM, a linear layer, CTC.

    Args:
        bands: Number of bands.
        size: Size of the vectors that the LSTM reads.
        units: Units of a direction.
        classes: Number of classes, the first of which is the blank.
        dropout: Probability of zeroing a state.
    """

    def __init__(self, bands: int, size: int, units: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.convolutions, self.norms = nn.ModuleList(), nn.ModuleList()
        before = 1
        for after in CHANNELS:
            bands = math.ceil(bands / 2)
            self.convolutions.append(nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False))
            self.norms.append(nn.LayerNorm((bands, after)))
            before = after
        self.projection = nn.Linear(bands * before, size)
        self.encoder = nn.LSTM(size, units, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(2 * units, classes)

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B, T', C) scores and the numbers of steps, of features (B, T, bands)."""
        inside = _inside(values.shape[1], lengths)[..., None]
        mean = (values * inside).sum(1, keepdim=True) / lengths[:, None, None]
        maps = ((values - mean) * inside)[:, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            maps = convolution(maps)
            maps = norm(maps.permute(0, 2, 3, 1)).relu().permute(0, 3, 1, 2)
            lengths = (lengths + 1) // 2
            maps = maps * _inside(maps.shape[2], lengths)[:, None, :, None]
        vectors = self.projection(maps.permute(0, 2, 3, 1).flatten(2))
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.encoder(packed)[0], batch_first=True)
        return self.linear(self.dropout(states)), lengths

    def loss(self, batch: SequenceBatch) -> Tensor:
        """Return the mean loss of a character."""
        (targets,) = batch.targets.values()
        scores, lengths = self(batch.inputs["log_mel"], batch.inputs.lengths["log_mel"])
        log_probs = scores.log_softmax(-1).transpose(0, 1)
        return F.ctc_loss(log_probs, targets["target"], lengths, targets.lengths["target"])


def _inside(steps: int, lengths: Tensor) -> Tensor:
    return torch.arange(steps) < lengths[:, None]
