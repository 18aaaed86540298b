from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqloom_handwriting.images.network import LineNetwork
from seqloom_handwriting.images.pooling import Pooling

HEIGHT = 13
CASES = [
    ([4, 5, 6], ["2x2", "2x2", "2x1"]),
    ([4, 5], ["1x1", "2x3"]),
    ([3], ["3x2"]),
    ([4, 5, 6], ["1x2", "1x1", "2x2"]),
]
WIDTHS = (23, 4, 117, 22, 9)


def network(channels: Sequence[int], pooling: Sequence[str]) -> LineNetwork:
    torch.manual_seed(5)
    net = LineNetwork(HEIGHT, channels, Pooling.parse(pooling))
    for buffer in net.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.1, 0.4)
    for name, parameter in net.named_parameters():
        if "norm" in name:
            nn.init.uniform_(parameter, 0.2, 1.0)
    return net


def least(pooling: Sequence[str]) -> int:
    return Pooling.parse(pooling).width


def lines(widths: Sequence[int]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(6)
    return [
        torch.randint(0, 256, (width, HEIGHT), generator=generator, dtype=torch.uint8)
        for width in widths
    ]


def padded(images: Sequence[Tensor], junk: int = 0) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(image) for image in images])
    batch = nn.utils.rnn.pad_sequence(list(images), batch_first=True, padding_value=junk)
    return batch, lengths


def signal(values: Tensor) -> Tensor:
    return (values * torch.linspace(-1, 1, values.numel()).view_as(values)).sum()


def grads(net: LineNetwork) -> list[Tensor]:
    found = [parameter.grad for parameter in net.parameters()]
    net.zero_grad()
    return [grad for grad in found if grad is not None]


@pytest.mark.parametrize(("channels", "pooling"), CASES)
def test_a_line_alone_and_beside_one_five_times_as_wide(
    channels: list[int], pooling: list[str]
) -> None:
    net = network(channels, pooling).eval()
    for width in range(max(4, least(pooling)), 24):
        images = lines([width, 5 * width])
        alone, length = net(*padded(images[:1]))
        signal(alone).backward()
        wanted = grads(net)
        for junk in (0, 255):
            both, lengths = net(*padded(images, junk))
            steps = int(length[0])
            assert lengths[0] == steps
            assert alone.shape[1] == steps == width // least(pooling)
            torch.testing.assert_close(both[:1, :steps], alone, atol=1e-5, rtol=1e-5)
            signal(both[:1, :steps]).backward()
            for found, one in zip(grads(net), wanted, strict=True):
                torch.testing.assert_close(found, one, atol=1e-4, rtol=1e-5)


def slow(net: LineNetwork, images: Sequence[Tensor]) -> list[Tensor]:
    """Return each line's vectors by torch's own layers, line by line without any padding.

    Statistics of normalisation are taken over the maps of all lines put one after another.
    """
    maps = [image.T[None, None].float() / 255 for image in images]
    for layer in net.layers:
        maps = [F.max_pool2d(layer.convolution(one), layer.step) for one in maps]
        flat = torch.cat([one.flatten(2) for one in maps], 2)[:, :, None]
        normed = nn.BatchNorm2d.forward(layer.norm, flat)
        parts = normed.squeeze(2).split([one[0, 0].numel() for one in maps], 2)
        maps = [
            F.leaky_relu(part.reshape(one.shape)) for part, one in zip(parts, maps, strict=True)
        ]
    return [one[0].permute(2, 1, 0).flatten(1) for one in maps]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("widths", [WIDTHS, (23, 22), (16, 16, 16)])
@pytest.mark.parametrize(("channels", "pooling"), CASES)
def test_a_batch_is_what_its_unpadded_lines_are(
    channels: list[int], pooling: list[str], widths: tuple[int, ...], training: bool
) -> None:
    images = lines([max(width, least(pooling)) for width in widths])
    net = network(channels, pooling).train(training)
    reference = copy.deepcopy(net)
    values, lengths = net(*padded(images))
    wanted = slow(reference, images)
    assert net.output_size == values.shape[2] == wanted[0].shape[1]
    found = [row[: int(length)] for row, length in zip(values, lengths, strict=True)]
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    torch.stack([signal(one) for one in found]).sum().backward()
    torch.stack([signal(one) for one in wanted]).sum().backward()
    for one, other in zip(grads(net), grads(reference), strict=True):
        torch.testing.assert_close(one, other, atol=2e-4, rtol=1e-4)
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(net.state_dict()[name], value, atol=1e-5, rtol=1e-5)


def test_training_ignores_what_stands_in_the_padding() -> None:
    images = lines(WIDTHS)
    values, lengths = network(*CASES[0]).train()(*padded(images))
    other, _ = network(*CASES[0]).train()(*padded(images, 255))
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(values[row, :length], other[row, :length])


def test_maps_stay_in_channels_last_memory() -> None:
    net = network(*CASES[0])
    seen = []
    for layer in net.layers:
        layer.register_forward_hook(lambda _, __, given: seen.append(given[0]))
    net(*padded(lines(WIDTHS)))
    assert len(seen) == 3
    assert all(maps.is_contiguous(memory_format=torch.channels_last) for maps in seen)


@pytest.mark.parametrize("training", [True, False])
def test_lower_precision_stays_near(training: bool) -> None:
    batch, lengths = padded(lines(WIDTHS))
    wanted, steps = network(*CASES[0]).train(training)(batch, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, _ = network(*CASES[0]).train(training)(batch, lengths)
    for values in (mixed, network(*CASES[0]).train(training).bfloat16()(batch, lengths)[0]):
        assert values.dtype == torch.bfloat16
        for row, length in enumerate(steps.tolist()):
            found = values[row, :length].float()
            torch.testing.assert_close(found, wanted[row, :length], atol=0.1, rtol=0.05)
