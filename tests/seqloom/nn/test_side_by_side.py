"""Two directions on two threads: the same numbers, whoever asks and whatever happens meanwhile."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import save_on_cpu
from torch.utils._python_dispatch import TorchDispatchMode

from seqloom.interfaces import State
from seqloom.nn import (
    Bidirectional,
    GRULayer,
    Layer,
    LayerOutput,
    LSTMLayer,
    RNNLayer,
    Stack,
    side_by_side,
)
from seqloom.nn.companion import Companion, together
from seqloom.testing.ranks import on_two_ranks

BATCHES = {
    "full": ([4, 4], 4),
    "pieces": ([30, 2, 2, 1], 30),
    "dense": ([5, 4], 6),
    "alone": ([3], 3),
    "one step": ([1], 1),
}


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compute any batch on two threads, also on a machine of one core."""
    monkeypatch.setattr(side_by_side, "available_cores", lambda: list(range(2)))
    monkeypatch.setattr(side_by_side, "_WORTH", 0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def one_thread(function: Callable[[], Any]) -> Any:
    torch.set_num_threads(1)
    try:
        return function()
    finally:
        torch.set_num_threads(2)


def bidirectional(kind: Callable[[int, int], Layer] = LSTMLayer, merge: str = "concat") -> Layer:
    torch.manual_seed(0)
    return Bidirectional(kind(3, 4), kind(3, 4), merge)


def tensors_of(state: State) -> list[Tensor]:
    return (
        [state]
        if isinstance(state, Tensor)
        else [one for part in state for one in tensors_of(part)]
    )


def trained(layer: Layer, batch: str, *, final: bool = False) -> list[Tensor]:
    """Return everything that a layer gives for a batch, and the gradients of all that it reads."""
    lengths, size = BATCHES[batch]
    torch.manual_seed(1)
    values = torch.randn(len(lengths), size, 3, requires_grad=True)
    layer.zero_grad()
    given = layer(values * 1.0, torch.tensor(lengths))
    states = tensors_of(given.finish()) if final else []
    results = [given.outputs, given.summary, *states]
    sum((one.square().sum() for one in results), torch.zeros(())).backward()
    gradients = [one.grad for one in (values, *layer.parameters())]
    return [one.detach().clone() for one in (*results, *gradients) if one is not None]


def equal(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> bool:
    return len(found) == len(wanted) and all(map(torch.equal, found, wanted))


def explained(layer: Layer, lengths: Sequence[int] = (4, 4)) -> str:
    return layer.explain(torch.zeros(len(lengths), max(lengths), 3), torch.tensor(lengths))


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("kind", [LSTMLayer, GRULayer, RNNLayer])
def test_outputs_and_gradients_are_the_same_to_the_last_bit(kind: type[Layer], batch: str) -> None:
    for merge in ("concat", "sum", "average", "multiply"):
        layer = bidirectional(kind, merge)
        assert "side by side" in explained(layer)
        # The final (h, c) of padded rows is computed once more, and its gradient rounded so.
        final = kind is not LSTMLayer or batch in ("full", "alone", "one step")
        run = partial(trained, layer, batch, final=final)
        assert equal(run(), one_thread(run))


def test_final_states_of_padded_rows_have_gradients() -> None:
    layer = bidirectional()
    found = trained(layer, "dense", final=True)
    torch.testing.assert_close(found, one_thread(lambda: trained(layer, "dense", final=True)))


def test_merging_leaves_the_second_core_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def add(ahead: Tensor, back: Tensor) -> Tensor:
        seen.append(torch.get_num_threads())
        return ahead + back

    monkeypatch.setattr("seqloom.nn.bidirectional.merge_function", lambda name: add)
    trained(bidirectional(merge="sum"), "dense")
    assert set(seen) == {1}
    assert torch.get_num_threads() == 2


def test_stacked_layers_draw_the_same_dropout() -> None:
    stack = Stack(
        [bidirectional(merge="sum"), Bidirectional(LSTMLayer(4, 5), LSTMLayer(4, 5))], 0.5
    )
    assert equal(trained(stack, "dense"), one_thread(lambda: trained(stack, "dense")))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_inference(mode: Callable[[], AbstractContextManager[Any]]) -> None:
    layer = bidirectional().eval()
    values, lengths = torch.randn(3, 6, 3), torch.tensor([6, 4, 1])

    def read() -> list[Tensor]:
        with mode():
            given = layer(values, lengths)
            return [given.outputs, given.summary, *tensors_of(given.finish())]

    assert equal(read(), one_thread(read))


def test_copies_and_frozen_directions() -> None:
    layer = bidirectional()
    wanted = trained(layer, "dense")
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert equal(trained(other, "dense"), wanted)
    layer.forward_layer.requires_grad_(False)
    assert equal(trained(layer, "dense"), one_thread(lambda: trained(layer, "dense")))


def test_it_is_for_two_free_cores_and_large_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = bidirectional()
    assert explained(layer) == "dense, side by side"
    assert explained(layer, [30, 2, 2, 1]) == "pieces, side by side"
    assert one_thread(lambda: explained(layer)) == "dense"
    relu = bidirectional(lambda size, units: RNNLayer(size, units, "relu"))
    assert explained(relu) == "dense"  # it takes ragged batches packed
    same = LSTMLayer(3, 4)
    assert explained(Bidirectional(same, same)) == "dense"
    monkeypatch.setattr(side_by_side, "available_cores", lambda: list(range(1)))
    assert explained(layer) == "dense"
    monkeypatch.undo()
    assert explained(layer) == "dense"  # 8 steps are not worth a second thread


class Watching(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "watch",
    [
        Watching,
        lambda: torch.device("cpu"),
        torch.autograd.profiler.profile,
    ],
)
def test_what_follows_one_thread_gets_one(watch: Callable[[], AbstractContextManager[Any]]) -> None:
    layer = bidirectional()
    with watch():
        assert explained(layer) == "dense"


def test_functional_gradients() -> None:
    layer, values, lengths = bidirectional(), torch.randn(2, 4, 3), torch.tensor([4, 4])

    def loss(weights: dict[str, Tensor]) -> Tensor:
        given = torch.func.functional_call(layer, weights, (values, lengths))
        loss: Tensor = given.outputs.square().sum()
        return loss

    found = torch.func.grad(loss)(dict(layer.named_parameters()))
    loss(dict(layer.named_parameters())).backward()
    for name, weight in layer.named_parameters():
        torch.testing.assert_close(found[name], weight.grad)


class Outputs(nn.Module):
    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: Tensor) -> Tensor:
        return self.layer(values, torch.tensor([4, 4])).outputs


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_traces_have_both_directions() -> None:
    model, values = Outputs(bidirectional().eval()), torch.randn(2, 4, 3)
    traced = torch.jit.trace(model, (values,), check_trace=False)
    assert torch.equal(traced(values + 1.0), model(values + 1.0))


def test_going_back_twice() -> None:
    layer, lengths = bidirectional(), torch.tensor([4, 3])
    values = torch.randn(2, 4, 3, requires_grad=True)
    loss = layer(values, lengths).outputs.square().sum()
    (once,) = torch.autograd.grad(loss, values, retain_graph=True)
    (twice,) = torch.autograd.grad(loss, values)
    assert torch.equal(once, twice)
    with pytest.raises(RuntimeError, match="a second time"):
        torch.autograd.grad(loss, values)


def test_gradients_of_gradients() -> None:
    layer, lengths = bidirectional(), torch.tensor([4, 3])
    values = torch.randn(2, 4, 3, requires_grad=True)

    def penalty() -> list[Tensor]:
        inputs = [values, *layer.parameters()]
        loss = layer(values, lengths).outputs.square().sum()
        (slope,) = torch.autograd.grad(loss, values, create_graph=True)
        return list(torch.autograd.grad(slope.square().sum(), inputs))

    torch.testing.assert_close(penalty(), one_thread(penalty))


def test_saved_tensors_may_be_stored_elsewhere() -> None:
    layer = bidirectional()
    wanted = trained(layer, "dense")
    with save_on_cpu():
        assert equal(trained(layer, "dense"), wanted)


class Failing(LSTMLayer):
    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        raise ValueError(f"{self.core.hidden_size} units fail")


@pytest.mark.parametrize("grad", [True, False])
def test_errors_of_either_direction_arrive(grad: bool) -> None:
    values, lengths = torch.randn(2, 4, 3), torch.tensor([4, 4])
    with torch.set_grad_enabled(grad):
        good, bad = LSTMLayer(3, 4), Failing(3, 4)
        for layers in ((good, bad), (bad, good)):
            with pytest.raises(ValueError, match="4 units fail"):
                Bidirectional(*layers)(values, lengths)
        assert torch.get_num_threads() == 2
    wanted = one_thread(lambda: trained(bidirectional(), "full"))
    assert equal(trained(bidirectional(), "full"), wanted)


def raise_(error: BaseException) -> None:
    raise error


def test_the_first_error_is_that_of_the_first_function() -> None:
    with pytest.raises(ValueError, match="one"):
        together(lambda: raise_(ValueError("one")), lambda: raise_(ValueError("two")))
    assert together(lambda: 1, lambda: 2) == (1, 2)


def state_of_thread() -> tuple[object, ...]:
    half = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), half, torch.get_num_threads()


def test_the_companion_has_the_modes_of_its_caller() -> None:
    for mode in (torch.no_grad(), torch.inference_mode(), torch.autocast("cpu", torch.float16)):
        with mode:
            one, other = together(state_of_thread, state_of_thread)
        assert one == other
        assert one[-1] == 1
    one, other = together(state_of_thread, state_of_thread)
    assert one == other
    assert one[:2] == (True, False)
    assert torch.get_num_threads() == 2


def test_who_comes_while_it_is_taken_computes_alone() -> None:
    mate = Companion()

    def names() -> str:
        return threading.current_thread().name

    inner, _ = mate.run(lambda: mate.run(names, names), lambda: None)
    assert inner == (threading.current_thread().name,) * 2
    assert mate.run(names, names)[1] == "seqloom-companion"


def _rank() -> tuple[str, list[list[float]]]:
    model = nn.parallel.DistributedDataParallel(Outputs(bidirectional()))
    single = explained(model.module.layer)
    torch.manual_seed(torch.distributed.get_rank())
    torch.set_num_threads(2)  # not before: kernels on more threads than one hang in any fork
    model(torch.randn(2, 4, 3)).square().sum().backward()
    gradients = [weight.grad for weight in model.parameters()]
    return single, [one.flatten().tolist() for one in gradients if one is not None]


def test_forks_that_train_together_have_companions_of_their_own() -> None:
    def alone(seed: int) -> list[Tensor]:
        model = Outputs(bidirectional())
        torch.manual_seed(seed)
        model(torch.randn(2, 4, 3)).square().sum().backward()
        return [weight.grad for weight in model.parameters() if weight.grad is not None]

    both = zip(alone(0), alone(1), strict=True)  # starts the companion of this process
    (single, one), other = on_two_ranks(_rank)
    assert single == "dense"  # one thread a rank, if nobody asks for more
    assert (single, one) == other
    for found, (first, second) in zip(one, both, strict=True):
        torch.testing.assert_close(torch.tensor(found), (first + second).flatten() / 2)
