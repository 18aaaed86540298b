from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqloom.errors import ConfigError
from seqloom.interfaces import Encoded, Features
from seqloom.nn import Pooling, PoolingMethod

LENGTHS = [3, 1, 5]


def encoded(states: Tensor, lengths: list[int]) -> Encoded:
    of = torch.tensor(lengths)
    return Encoded(states, states[:, 0], of, Features(states, of))


def rows() -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(n, 4, requires_grad=True) for n in LENGTHS]


def padded(of: list[Tensor]) -> Encoded:
    nan = float("nan")
    return encoded(torch.nn.utils.rnn.pad_sequence(of, True, nan), [len(row) for row in of])


def test_values() -> None:
    of = rows()
    batch = padded(of)
    torch.testing.assert_close(Pooling("summary", 4)(batch), batch.summary)
    wanted = torch.stack([row.mean(0) for row in of])
    torch.testing.assert_close(Pooling("mean", 4)(batch), wanted)
    wanted = torch.stack([row.amax(0) for row in of])
    torch.testing.assert_close(Pooling("max", 4)(batch), wanted)
    both = Pooling("mean_max", 4)
    wanted = torch.stack([torch.cat([row.mean(0), row.amax(0)]) for row in of])
    torch.testing.assert_close(both(batch), wanted)
    assert both.output_size == 8
    three = Pooling("summary_mean_max", 4)
    torch.testing.assert_close(three(batch), torch.cat([batch.summary, wanted], 1))
    assert three.output_size == 12
    pool = Pooling("attention", 4)
    each = []
    for row in of:
        scores = torch.tanh(row @ pool.hidden.weight.T + pool.hidden.bias) @ pool.score.weight[0]
        each.append(scores.softmax(0) @ row)
    torch.testing.assert_close(pool(batch), torch.stack(each))


@pytest.mark.parametrize("how", PoolingMethod)
def test_alone_equals_padded_with_nan(how: PoolingMethod) -> None:
    pool, of = Pooling(how, 4), rows()
    together = pool(padded(of))
    alone = torch.cat([pool(padded([row])) for row in of])
    torch.testing.assert_close(together, alone)
    weights = [*of, *pool.parameters()]
    ours = torch.autograd.grad(together.square().sum(), weights)
    theirs = torch.autograd.grad(alone.square().sum(), weights)
    torch.testing.assert_close(ours, theirs)


def test_unknown_method() -> None:
    with pytest.raises(ConfigError, match=r"no pooling 'man'. Did you mean 'mean'\?"):
        Pooling("man", 4)
