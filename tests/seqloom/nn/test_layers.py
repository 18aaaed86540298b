"""Bidirectional and Stack over a layer that can be followed by hand: a running sum."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqloom.errors import ConfigError
from seqloom.interfaces import State
from seqloom.nn import Bidirectional, Layer, LayerOutput, LockedDropout, Pooling, Stack


class RunningSum(Layer):
    """s_t = s_{t-1} + x_t, times a constant."""

    causal = True

    def __init__(self, factor: float, size: int = 1) -> None:
        super().__init__()
        self.factor, self.output_size = factor, size

    def forward(self, values: Tensor, lengths: Tensor, state: State | None = None) -> LayerOutput:
        start = self.initial_state(len(values)) if state is None else state
        sums = values.cumsum(1) + start.unsqueeze(1)
        last = sums[torch.arange(len(values)), lengths - 1]
        return LayerOutput(sums * self.factor, last * self.factor, lambda: last)

    def initial_state(self, batch_size: int) -> State:
        return torch.zeros(batch_size, self.output_size)

    def step(self, values: Tensor, state: State) -> tuple[Tensor, State]:
        return (state + values) * self.factor, state + values


def test_layers_tell_their_settings() -> None:
    assert "merge=sum\n" in repr(Bidirectional(RunningSum(1), RunningSum(2), "sum"))
    assert repr(LockedDropout(0.25)) == "LockedDropout(p=0.25)"
    assert repr(Pooling("max", 4)) == "Pooling(how=max)"
    assert RunningSum(1).explain(VALUES, LENGTHS) == ""  # it has one way to compute


VALUES = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 999.0]]).unsqueeze(2)
LENGTHS = torch.tensor([3, 2])


@pytest.mark.parametrize(
    ("merge", "outputs", "summary"),
    [
        ("concat", [[[1, 70], [3, 60], [7, 40]], [[8, 240], [24, 160]]], [[7, 70], [24, 240]]),
        ("sum", [[[71], [63], [47]], [[248], [184]]], [[77], [264]]),
        ("average", [[[35.5], [31.5], [23.5]], [[124], [92]]], [[38.5], [132]]),
        ("multiply", [[[70], [180], [280]], [[1920], [3840]]], [[490], [5760]]),
    ],
)
def test_bidirectional(
    merge: str, outputs: list[list[list[float]]], summary: list[list[float]]
) -> None:
    layer = Bidirectional(RunningSum(1.0), RunningSum(10.0), merge)
    given = layer(VALUES, LENGTHS)
    assert given.outputs[0].tolist() == outputs[0]
    assert given.outputs[1, :2].tolist() == outputs[1]
    assert given.summary.tolist() == summary
    assert [state.squeeze(1).tolist() for state in given.finish()] == [[7, 24], [7, 24]]
    assert layer.output_size == given.outputs.shape[2]
    assert not layer.causal


def test_bidirectional_errors() -> None:
    layer = Bidirectional(RunningSum(1.0), RunningSum(1.0))
    with pytest.raises(ValueError, match="cannot continue from a state"):
        layer(VALUES, LENGTHS, torch.zeros(2, 1))
    with pytest.raises(NotImplementedError, match="Bidirectional is not causal"):
        layer.initial_state(2)
    with pytest.raises(NotImplementedError, match="Bidirectional is not causal"):
        layer.step(VALUES[:, 0], ())
    with pytest.raises(ValueError, match="two causal layers"):
        Bidirectional(layer, RunningSum(1.0))
    with pytest.raises(ValueError, match=r"the forward layer is 1, of the backward layer 2;"):
        Bidirectional(RunningSum(1.0), RunningSum(1.0, size=2), "sum")
    with pytest.raises(ConfigError, match="There is no merge 'plus'"):
        Bidirectional(RunningSum(1.0), RunningSum(1.0), "plus")


def test_stack_goes_through_all_layers() -> None:
    stack = Stack([RunningSum(1.0), RunningSum(10.0)])
    given = stack(VALUES, LENGTHS)
    assert given.outputs[0].squeeze(1).tolist() == [10, 40, 110]
    assert given.summary.squeeze(1).tolist() == [110, 320]
    assert [state.squeeze(1).tolist() for state in given.finish()] == [[7, 24], [11, 32]]
    more = stack(torch.ones(2, 1, 1), torch.tensor([1, 1]), given.finish())
    assert more.summary.squeeze(1).tolist() == [190, 570]


def test_stack_steps() -> None:
    stack = Stack([RunningSum(1.0), RunningSum(10.0)], dropout=0.5).eval()
    state = stack.initial_state(2)
    wanted = stack(VALUES, LENGTHS).outputs
    for t in range(3):
        output, state = stack.step(VALUES[:, t], state)
        assert torch.equal(output, wanted[:, t])


def test_stack_is_causal_if_all_its_layers_are() -> None:
    both = Bidirectional(RunningSum(1.0), RunningSum(1.0), "sum")
    assert Stack([RunningSum(1.0)]).causal
    assert not Stack([RunningSum(1.0), both]).causal
    assert Stack([both, RunningSum(1.0, size=3)]).output_size == 3


def test_stack_drops_between_layers_only() -> None:
    torch.manual_seed(0)
    ones = torch.ones(64, 3, 1)
    lengths = torch.full((64,), 3)
    single = Stack([RunningSum(1.0)], dropout=0.5)
    assert single(ones, lengths).outputs[0].squeeze(1).tolist() == [1, 2, 3]
    double = Stack([RunningSum(1.0), RunningSum(1.0)], dropout=0.5, locked=True)
    sums = double(ones, lengths).outputs.squeeze(2)
    assert set(map(tuple, sums.tolist())) == {(0.0, 0.0, 0.0), (2.0, 6.0, 12.0)}
    free = Stack([RunningSum(1.0), RunningSum(1.0)], dropout=0.5, locked=False)
    assert len(set(map(tuple, free(ones, lengths).outputs.squeeze(2).tolist()))) > 2
    assert isinstance(double.dropout, LockedDropout)
    assert not isinstance(free.dropout, LockedDropout)


def test_stack_needs_a_layer() -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        Stack([])
