"""DOC"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqloom.data.collate import Collate, EncodedExample
from seqloom.testing import FRONTEND_CHECKS, FrontendCase, examples
from seqloom_handwriting.images.frontend import LineImageFrontend, LineNetwork, MaskedBatchNorm2d
from seqloom_handwriting.schemas.frontends import Pooling

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


NORM_WIDTHS = (5, 2, 7)


def keep_mask() -> Tensor:
    mask = torch.arange(7) < torch.tensor(NORM_WIDTHS)[:, None]
    return mask.float()[:, None, None]


def maps(dtype: torch.dtype = torch.float32) -> Tensor:
    torch.manual_seed(3)
    values = 4 + torch.randn(3, 6, 4, 7, dtype=dtype)
    return values.contiguous(memory_format=torch.channels_last)


def norm() -> MaskedBatchNorm2d:
    torch.manual_seed(4)
    layer = MaskedBatchNorm2d(6)
    nn.init.uniform_(layer.weight)
    nn.init.uniform_(layer.bias)
    return layer


def valid(values: Tensor) -> Tensor:
    """Return the valid positions one after another, (1, C, 1, P)."""
    rows = [row[:, :, :width].flatten(1) for row, width in zip(values, NORM_WIDTHS, strict=True)]
    return torch.cat(rows, 1)[None, :, None]


def test_without_a_mask_it_is_torchs_own() -> None:
    ours, theirs = norm(), nn.BatchNorm2d(6)
    theirs.load_state_dict(ours.state_dict())
    for _ in range(2):
        assert torch.equal(ours(maps()), theirs(maps()))
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


@pytest.mark.parametrize("training", [True, False])
def test_masked_it_is_torchs_own_on_the_valid_positions(training: bool) -> None:
    ours = norm().train(training)
    theirs = nn.BatchNorm2d(6).train(training)
    theirs.load_state_dict(copy.deepcopy(ours.state_dict()))
    given, other = maps().requires_grad_(), maps().requires_grad_()
    weights = torch.randn(3, 6, 4, 7)
    for _ in range(2):
        found = ours(given * 1, keep_mask())
        wanted = theirs(valid(other))
        torch.testing.assert_close(valid(found), wanted, atol=1e-5, rtol=1e-5)
        assert not found[1, :, :, 2:].any()
        (found * weights).sum().backward()
        (wanted * valid(weights)).sum().backward()
    assert given.grad is not None
    assert other.grad is not None
    torch.testing.assert_close(given.grad, other.grad, atol=1e-5, rtol=1e-5)
    for name, parameter in theirs.named_parameters():
        wanted_grad = parameter.grad
        assert wanted_grad is not None
        torch.testing.assert_close(ours.get_parameter(name).grad, wanted_grad, atol=1e-4, rtol=1e-5)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, atol=1e-6, rtol=1e-5)


def test_what_stands_in_the_padding_does_not_matter() -> None:
    junk = torch.where(keep_mask() > 0, maps(), torch.tensor(1e6))
    torch.testing.assert_close(norm()(junk, keep_mask()), norm()(maps(), keep_mask()))


def test_gradients_are_those_of_the_function() -> None:
    layer = norm().double()
    given = maps(torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: layer(x * 1, keep_mask().double()), [given])


def test_half_precision_keeps_its_type_and_the_statistics_theirs() -> None:
    found, wanted = norm(), norm()
    half = found(maps().bfloat16(), keep_mask())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), wanted(maps(), keep_mask()), atol=3e-2, rtol=3e-2)
    assert found.running_mean is not None
    torch.testing.assert_close(found.running_mean, wanted.running_mean, atol=1e-3, rtol=1e-3)


VARIANTS: list[dict[str, Any]] = [
    {},
    {"ink": "auto", "height": 17, "margin": 0, "channels": [4, 5], "pooling": ["2x2", "1x1"]},
    {"height": 16, "channels": [3, 4], "pooling": ["2x2", "3x3"], "augment": {"elastic": 0.0}},
]


@pytest.mark.parametrize("params", VARIANTS)
@pytest.mark.parametrize("check", FRONTEND_CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_promises(
    check: Callable[[FrontendCase], None], params: dict[str, Any]
) -> None:
    check(FrontendCase(LineImageFrontend, examples({"image": "image"}), params))


def test_dropout_takes_whole_features_in_training_only() -> None:
    case = FrontendCase(LineImageFrontend, examples({"image": "image"}), {"dropout": 0.5})
    codec = case.codec()
    batch = Collate()([EncodedExample(e, codec.encode(e)) for e in case.examples]).inputs
    frontend = LineImageFrontend(codec, dropout=0.5).eval()
    assert (frontend(batch).values[0, :3] == 0).float().mean() < 0.05
    torch.manual_seed(1)
    dropped = (frontend.train()(batch).values[2] == 0).all(0)
    assert 0.3 < dropped.float().mean() < 0.7
