"""Adam by rows computes and stores the weights of Adam, and continues with the same bits."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam, AdamW

from seqloom.errors import ConfigError
from seqloom.train.folder import Result
from seqloom.train.optimizer import clip_gradients, make_optimizer
from seqloom.train.ranks.distributed import rank, world_size
from seqloom.train.row_adam import RowAdam, by_rows

WORDS, STEPS = 300, 40
Make = Callable[..., Any]


def _net(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(WORDS, 4, padding_idx=0), nn.Linear(4, 2)).to(dtype)


def _table(net: nn.Sequential) -> Tensor:
    return next(net.parameters())


def _by_rows(net: nn.Module, **params: Any) -> RowAdam:
    make = partial(RowAdam, lr=0.01, min_rows=WORDS, fused=True, **params)
    tables = by_rows(make, net, net)
    assert len(tables) == 1
    optimizer = make_optimizer(make, list(net.parameters()))
    assert isinstance(optimizer, RowAdam)
    optimizer.watch(tables)
    return optimizer


def _words(step: int, size: int = 6) -> Tensor:
    """Return words of which most are rare, and some padding."""
    drawn = torch.rand(size, 5, generator=torch.Generator().manual_seed(step))
    words = (drawn.square() * WORDS).long()
    words[:, -1] = 0
    return words


def _backward(net: nn.Sequential, step: int, size: int = 6) -> Tensor:
    """Compute gradients; return the outputs."""
    words = _words(step, size).to(_table(net).device)
    gold = words.to(next(net.parameters()).dtype).sin().unsqueeze(-1)
    outputs: Tensor = net(words)
    (outputs - gold).square().mean().backward()
    return outputs.detach()


def _train(net: nn.Sequential, optimizer: Any, steps: range, accumulate: int = 1) -> list[Tensor]:
    found = []
    for step in steps:
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * (1 - step / 100)
        optimizer.zero_grad()
        found += [_backward(net, accumulate * step + part) for part in range(accumulate)]
        clip_gradients(optimizer, None, 0.1, "norm")
        optimizer.step()
    return found


@pytest.mark.parametrize(("decay", "longest", "accumulate"), [(0.0, 10_000, 1), (0.5, 17, 2)])
def test_outputs_and_weights_are_those_of_adam(
    decay: float, longest: int, accumulate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqloom.train.row_adam.LONGEST", longest)
    monkeypatch.setattr("seqloom.train.row_adam.CHUNK", 64)
    net, other = _net(), _net()
    params: dict[str, Any] = {"betas": (0.9, 0.98), "eps": 1e-12, "weight_decay": decay}
    optimizer = _by_rows(net, **params)
    plain = AdamW(other.parameters(), lr=0.01, **params)
    found = _train(net, optimizer, range(STEPS), accumulate)
    expected = _train(other, plain, range(STEPS), accumulate)
    torch.testing.assert_close(torch.stack(found), torch.stack(expected), rtol=0, atol=1e-8)
    waiting = _table(net).detach().clone()
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name], rtol=0, atol=1e-8)
    assert (waiting - _table(other)).abs().max() > 1e-3  # most words wait
    optimizer.release()
    torch.testing.assert_close(_table(net), _table(other), rtol=0, atol=1e-8)
    (table, *_) = net
    assert not table.sparse


@pytest.mark.gpu
def test_a_gpu_computes_the_same() -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    net, other = _net(), _net().cuda()
    _train(net, _by_rows(net), range(STEPS))
    optimizer = _by_rows(other)
    _train(other, optimizer, range(STEPS))
    found = other.state_dict()["0.weight"].cpu()
    torch.testing.assert_close(found, net.state_dict()["0.weight"], rtol=0, atol=1e-8)


def test_eps_has_its_share_where_gradients_are_tiny() -> None:
    net, other = _net(), _net()
    optimizer = _by_rows(net, eps=1e-3)
    plain = Adam(other.parameters(), lr=0.01, eps=1e-3)
    _train(net, optimizer, range(STEPS))
    _train(other, plain, range(STEPS))
    weights, expected = net.state_dict()["0.weight"], _table(other).detach()
    moved = (expected - _table(_net())).abs().mean()
    assert (weights - expected).abs().mean() < 0.01 * moved


def test_gradients_of_rows_are_clipped_as_those_of_tables() -> None:
    net, other = _net(), _net()
    optimizer = _by_rows(net)
    for model in (net, other):
        _backward(model, 0)
        _backward(model, 1)  # words of both steps have two gradients
    for algorithm in ("norm", "value"):
        clip_gradients(optimizer, None, 0.01, algorithm)
        if algorithm == "norm":
            clip_grad_norm_(other.parameters(), 0.01)
        else:
            nn.utils.clip_grad_value_(other.parameters(), 0.01)
        for one, two in zip(net.parameters(), other.parameters(), strict=True):
            assert one.grad is not None
            torch.testing.assert_close(one.grad.to_dense(), two.grad)


def _stored(*parts: Any) -> list[dict[str, Any]]:
    file = io.BytesIO()
    torch.save([part.state_dict() for part in parts], file)
    file.seek(0)
    found: list[dict[str, Any]] = torch.load(file, weights_only=True)
    return found


def test_a_stored_state_continues_with_the_same_bits() -> None:
    whole, first, second = (_net(torch.float32) for _ in range(3))
    _train(whole, _by_rows(whole), range(STEPS))
    optimizer = _by_rows(first)
    _train(first, optimizer, range(STEPS // 2))
    weights, state = _stored(first, optimizer)
    again = _by_rows(second)
    second.load_state_dict(weights)
    again.load_state_dict(state)
    _train(second, again, range(STEPS // 2, STEPS))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])


def test_loaded_weights_are_current() -> None:
    net, other = _net(), _net()
    optimizer = _by_rows(net)
    _train(net, optimizer, range(9))
    net.load_state_dict(other.state_dict())
    assert torch.equal(net.state_dict()["0.weight"], _table(other))
    assert torch.equal(net(_words(0)), other(_words(0)))


def test_a_state_of_adam_is_continued() -> None:
    net, other = _net(), _net()
    plain = Adam(other.parameters(), lr=0.01)
    _train(other, plain, range(9))
    optimizer = _by_rows(net)
    net.load_state_dict(other.state_dict())
    (state,) = _stored(plain)
    optimizer.load_state_dict(state)
    _train(net, optimizer, range(9, 30))
    _train(other, plain, range(9, 30))
    torch.testing.assert_close(net.state_dict()["0.weight"], _table(other), rtol=0, atol=1e-5)


def test_tables_that_are_used_otherwise_are_left_to_adam() -> None:
    make = partial(RowAdam, min_rows=10)
    frozen = nn.Embedding(10, 2)
    frozen.weight.requires_grad_(False)
    tied, other = nn.Embedding(10, 2), nn.Linear(2, 10)
    other.weight = tied.weight
    net = nn.ModuleList([nn.Embedding(9, 2), frozen, tied, nn.Embedding(10, 2, max_norm=1.0)])
    assert by_rows(make, nn.ModuleList([net, other]), net) == []
    net.append(nn.Embedding(10, 2))
    assert by_rows(partial(AdamW), net, net) == []
    assert by_rows(make, net, net) == [tied, net[-1]]


def test_a_table_whose_weights_are_used_otherwise_is_refused() -> None:
    net = _net()
    optimizer = _by_rows(net)
    (net(_words(0)).sum() + _table(net).sum()).backward()
    with pytest.raises(ConfigError, match="300 rows has gradients for all of them"):
        optimizer.step()


def test_averages_that_decay_the_wrong_way_are_refused() -> None:
    with pytest.raises(ValueError, match=r"betas=\[0\.99, 0\.9\]: expected the first to be at"):
        RowAdam(nn.Linear(1, 1).parameters(), betas=(0.99, 0.9))


@pytest.mark.parametrize(("rows", "large"), [("2", True), ("1000000", False)])
def test_a_run_tells_whether_it_has_a_large_table(
    fit: Callable[..., Result], caplog: pytest.LogCaptureFixture, rows: str, large: bool
) -> None:
    caplog.set_level("INFO", "seqloom")
    words = ("optimizer=row_adam", f"optimizer.min_rows={rows}", "trainer.max_epochs=1")
    result = fit(*words)
    assert result.metrics["val"]["loss"] > 0
    said = f"no trained table of the frontend has {rows} rows, so all rows are updated in each"
    assert (said in caplog.text) != large


def test_an_average_of_the_weights_is_refused(fit: Callable[..., Result]) -> None:
    with pytest.raises(ConfigError, match=r"this run has an average of the weights\. Choose"):
        fit("optimizer=row_adam", "optimizer.min_rows=2", "callbacks=average")


def _weights_of_ranks(steps: int) -> Tensor:
    net = _net()
    optimizer = _by_rows(net)
    size = world_size()
    model = DistributedDataParallel(net, gradient_as_bucket_view=True) if size > 1 else net
    for step in range(steps):
        optimizer.zero_grad()
        words = _words(step).chunk(size)[rank()]
        model(words).square().mean().backward()
        clip_gradients(optimizer, None, 0.1, "norm")
        optimizer.step()
    weights: Tensor = net.state_dict()["0.weight"]
    return weights


@pytest.mark.slow
def test_ranks_have_the_same_bits(on_ranks: Any) -> None:
    found = on_ranks(_weights_of_ranks, 20, sizes=(1, 2))
    ((alone,), (one, two)) = found[1], found[2]
    assert torch.equal(one, two)
    torch.testing.assert_close(one, alone, rtol=0, atol=1e-7)


def test_a_closure_is_called_with_gradients_and_its_loss_returned() -> None:
    net = _net()
    optimizer = _by_rows(net)
    before = _table(net).detach().clone()

    @torch.no_grad()
    def step() -> Any:
        def loss() -> float:
            found = net(_words(0)).square().mean()
            found.backward()
            return found.item()

        return optimizer.step(loss)

    expected = net(_words(0)).square().mean().item()
    assert step() == pytest.approx(expected)
    assert not torch.equal(_table(net), before)
