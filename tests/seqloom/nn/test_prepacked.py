"""Inference with weights that are laid out for oneDNN once gives the results of torch's layer."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqloom.nn import LayerOutput, LSTMLayer, prepacked, prepacked_linear
from seqloom.nn.prepacked import Prepacked, has_prepacked_lstm
from seqloom.nn.prepacked_linear import has_prepacked_linear
from seqloom.nn.recurrent import has_bfloat16_lstm

needs_kernel = pytest.mark.skipif(not has_prepacked_lstm(), reason="needs oneDNN's LSTM")


@pytest.fixture
def layer() -> LSTMLayer:
    torch.manual_seed(0)
    return LSTMLayer(3, 5).eval()


def read(layer: LSTMLayer, rows: int = 1, steps: int = 4) -> Tensor:
    values = torch.linspace(-2, 2, rows * steps * 3).view(rows, steps, 3)
    with torch.inference_mode():
        return layer(values, torch.full((rows,), steps)).outputs.clone()


def expected(layer: LSTMLayer, rows: int = 1, steps: int = 4) -> Tensor:
    values = torch.linspace(-2, 2, rows * steps * 3).view(rows, steps, 3)
    outputs: Tensor = layer.core(values)[0]  # with gradients, so nothing is laid out
    return outputs.detach()


@pytest.mark.parametrize(("rows", "steps"), [(1, 1), (1, 7), (4, 3)])
def test_outputs_are_those_of_torch(layer: LSTMLayer, rows: int, steps: int) -> None:
    torch.testing.assert_close(
        read(layer, rows, steps), expected(layer, rows, steps), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("lengths", [[5], [3], [5, 5], [5, 2]])
def test_a_batch_is_read_from_its_end(layer: LSTMLayer, lengths: list[int]) -> None:
    values, steps = torch.randn(len(lengths), 5, 3), torch.tensor(lengths)
    wanted = layer.read_reversed(values, steps)  # with gradients: reversed, read, reversed again
    with torch.inference_mode():
        found = layer.read_reversed(values, steps)
    for row, length in enumerate(lengths):
        one = found.outputs[row, :length], wanted.outputs[row, :length].detach()
        torch.testing.assert_close(*one, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.summary, wanted.summary.detach(), atol=1e-6, rtol=0)
    for ours, theirs in zip(found.finish(), wanted.finish(), strict=True):
        torch.testing.assert_close(ours, theirs.detach(), atol=1e-6, rtol=0)


class Doubled(LSTMLayer):
    """A layer of a plugin, which changes what it is made from."""

    def forward(self, values: Tensor, lengths: Tensor, state: Any = None) -> LayerOutput:
        found = super().forward(values, lengths, state)
        return LayerOutput(2 * found.outputs, 2 * found.summary, found.finish)


def test_subclasses_and_hooks_see_the_reversed_batch(layer: LSTMLayer) -> None:
    values, lengths, seen = torch.randn(1, 4, 3), torch.tensor([4]), []
    doubled = Doubled(3, 5).eval()
    doubled.load_state_dict(layer.state_dict())
    with torch.inference_mode():
        single = layer.read_reversed(values, lengths).outputs
        torch.testing.assert_close(doubled.read_reversed(values, lengths).outputs, 2 * single)
        layer.register_forward_hook(lambda _, given, __: seen.append(given[0]))
        layer.read_reversed(values, lengths)
    assert torch.equal(seen[0], values.flip(1))


def test_hooks_of_torchs_layer_are_called(layer: LSTMLayer) -> None:
    read(layer)
    layer.core.register_forward_hook(lambda _, __, found: (found[0] + 1.0, found[1]))
    torch.testing.assert_close(read(layer), expected(layer), atol=1e-6, rtol=0)


def test_threads_share_a_layer(layer: LSTMLayer) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: read(layer, steps=7), range(40)))
    for one in found:
        torch.testing.assert_close(one, expected(layer, steps=7), atol=1e-6, rtol=0)


@needs_kernel
def test_a_state_is_continued_from(layer: LSTMLayer) -> None:
    values, states = torch.randn(2, 6, 3), [torch.randn(1, 2, 5) for _ in range(2)]
    with torch.no_grad():
        found = layer.prepacked.run(layer.core, values, (states[0], states[1]))
    assert found is not None
    outputs, final = layer.core(values, (states[0], states[1]))
    for ours, theirs in zip((found[0], *found[1]), (outputs, *final), strict=True):
        torch.testing.assert_close(ours, theirs.detach(), atol=1e-6, rtol=0)


def _replace(layer: LSTMLayer) -> None:
    layer.core.weight_hh_l0 = nn.Parameter(layer.core.weight_hh_l0 + 1.0)


def _write(layer: LSTMLayer) -> None:
    with torch.no_grad():
        layer.core.weight_ih_l0[3, 1] += 1.0


def _write_data(layer: LSTMLayer) -> None:
    layer.core.weight_hh_l0.data.copy_(layer.core.weight_hh_l0 * 2.0)  # torch does not count this


def _load(layer: LSTMLayer) -> None:
    layer.load_state_dict({key: -value for key, value in layer.state_dict().items()})


def _take_step(layer: LSTMLayer) -> None:
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1, fused=True)
    layer(torch.ones(1, 2, 3), torch.tensor([2])).outputs.sum().backward()
    optimizer.step()


CHANGES: list[Callable[[LSTMLayer], None]] = [_replace, _write, _write_data, _load, _take_step]


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__.strip("_"))
def test_changed_weights_are_laid_out_again(
    layer: LSTMLayer, change: Callable[[LSTMLayer], None]
) -> None:
    before = read(layer)
    change(layer)
    after = read(layer)
    assert not torch.equal(after, before)
    torch.testing.assert_close(after, expected(layer), atol=1e-6, rtol=0)


@needs_kernel
def test_training_forgets_what_was_laid_out(layer: LSTMLayer) -> None:
    read(layer)
    assert layer.prepacked._packed is not None
    layer.train()
    assert layer.prepacked._packed is None


@needs_kernel
def test_copies_have_their_own(layer: LSTMLayer) -> None:
    read(layer)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other.prepacked._packed is None
        _write(other)
        torch.testing.assert_close(read(other), expected(other), atol=1e-6, rtol=0)
    torch.testing.assert_close(read(layer), expected(layer), atol=1e-6, rtol=0)


def test_it_is_for_inference_in_single_precision_on_a_cpu(layer: LSTMLayer) -> None:
    values = torch.randn(1, 2, 3)
    run = Prepacked().run
    assert run(layer.core, values, None) is None  # gradients may be asked for
    with torch.no_grad():
        assert run(layer.core, values.double(), None) is None
        assert run(nn.GRU(3, 5, batch_first=True).eval(), values, None) is None
        assert run(nn.LSTM(3, 5, batch_first=True).double().eval(), values, None) is None
        assert run(nn.LSTM(3, 5, batch_first=True).train(), values, None) is None
        assert run(nn.LSTM(3, 5, bias=False, batch_first=True).eval(), values, None) is None
        with torch.autocast("cpu", torch.bfloat16):
            assert run(layer.core, values, None) is None


@needs_kernel
def test_it_is_used_where_bfloat16_is_computed_in_float32(
    layer: LSTMLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqloom.nn.recurrent.has_bfloat16_lstm", lambda: False)
    with torch.autocast("cpu", torch.bfloat16):
        found = read(layer)
    assert layer.prepacked._packed is not None
    torch.testing.assert_close(found, expected(layer), atol=1e-6, rtol=0)


def test_weights_that_are_made_in_inference_mode_are_left_to_torch() -> None:
    with torch.inference_mode():
        layer = LSTMLayer(3, 5).eval()
        values = torch.randn(1, 4, 3)
        outputs = layer(values, torch.tensor([4])).outputs
        torch.testing.assert_close(outputs, layer.core(values)[0])


class Outputs(nn.Module):
    """The outputs of a layer alone, since a trace has tensors only."""

    def __init__(self, layer: LSTMLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: Tensor) -> Tensor:
        outputs: Tensor = self.layer(values, torch.tensor([4])).outputs
        return outputs


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_traces_have_the_weights_of_torch(layer: LSTMLayer) -> None:
    values = torch.randn(1, 4, 3)
    with torch.no_grad():
        traced = torch.jit.trace(Outputs(layer).eval(), (values,), check_trace=False)
        torch.testing.assert_close(traced(2 * values), layer.core(2 * values)[0])


@needs_kernel
def test_wrong_sizes_are_refused_with_the_message_of_torch(layer: LSTMLayer) -> None:
    read(layer)
    with torch.inference_mode():
        with pytest.raises(RuntimeError, match="Expected 3, got 2"):
            layer(torch.randn(1, 4, 2), torch.tensor([4]))
        state = torch.zeros(2, 5), torch.zeros(2, 5)
        with pytest.raises(RuntimeError, match=r"Expected hidden\[0\] size"):
            layer(torch.randn(1, 4, 3), torch.tensor([4]), state)


def test_a_layer_in_the_place_of_torchs_is_left_alone() -> None:
    """A quantized LSTM, for example, has no such weights."""
    other = nn.Identity().eval()
    with torch.no_grad():
        assert Prepacked().run(other, torch.randn(1, 2, 3), None) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("lacks", ["the library", "a function"])
@pytest.mark.parametrize(
    ("module", "can"),
    [(prepacked, has_prepacked_lstm), (prepacked_linear, has_prepacked_linear)],
    ids=["lstm", "linear"],
)
def test_a_torch_that_cannot_do_it_says_so(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, can: Any, lacks: str
) -> None:
    def changed(*_: object) -> None:
        raise TypeError("takes 2 positional arguments")

    if lacks == "the library":
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    else:
        monkeypatch.setattr(module, "_lay_out", changed)
    assert not can.__wrapped__()


def test_a_processor_without_bfloat16_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("could not create a primitive")

    monkeypatch.setattr(nn.LSTM, "forward", refuse)
    assert not has_bfloat16_lstm.__wrapped__()
