"""Fused optimizers take the steps of the others, clipped or not, and continue what those began."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import SGD, Adam, AdamW

from seqloom.train.folder import Result
from seqloom.train.instantiate import build_optimizer
from seqloom.train.optimizer import clip_gradients, is_fused, make_optimizer

Fit = Callable[..., Result]
MAKERS = (
    partial(Adam, lr=0.1),
    partial(AdamW, lr=0.1, weight_decay=0.1),
    partial(SGD, lr=0.1, momentum=0.9),
)


def _net() -> nn.Module:
    """Return a network of which one weight lies in memory with its channels last."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _loss(net: nn.Module, step: int) -> Tensor:
    inputs = torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(step))
    loss: Tensor = net(inputs).square().sum()
    return loss


def _assert_same(net: nn.Module, other: nn.Module) -> None:
    for one, two in zip(net.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def _clip(net: nn.Module, clip: float, algorithm: str | None) -> None:
    clipping: Any = clip_grad_value_ if algorithm == "value" else clip_grad_norm_
    clipping(net.parameters(), clip)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.func.__name__)
@pytest.mark.parametrize(("clip", "algorithm"), [(0.5, None), (0.1, "value"), (1e9, "norm")])
@pytest.mark.parametrize("precision", [None, "bf16-mixed", "16-mixed"])
def test_steps_are_those_of_torch(
    make: Any, clip: float, algorithm: str | None, precision: Any
) -> None:
    net, other = _net(), _net()
    fused = make_optimizer(partial(make, fused=True), list(net.parameters()))
    plain = make(other.parameters())
    scaler = torch.amp.GradScaler("cpu", enabled=precision == "16-mixed")
    plugin = precision and MixedPrecision(
        precision, "cpu", scaler if precision == "16-mixed" else None
    )
    assert is_fused(fused)
    for step in range(4):
        fused.zero_grad()
        scaler.scale(_loss(net, step)).backward()
        clip_gradients(fused, plugin, clip, algorithm)
        scaler.step(fused)
        scaler.update()
        plain.zero_grad()
        _loss(other, step).backward()
        _clip(other, clip, algorithm)
        plain.step()
    _assert_same(net, other)


@pytest.mark.parametrize("clip", [None, 0, 0.0])
def test_gradients_are_left_alone_without_a_limit(clip: float | None) -> None:
    net = _net()
    optimizer = make_optimizer(partial(SGD, lr=1.0, fused=True), list(net.parameters()))
    _loss(net, 0).backward()
    before = copy.deepcopy([one.grad for one in net.parameters()])
    clip_gradients(optimizer, None, clip, None)
    assert all(
        torch.equal(old, one.grad) for old, one in zip(before, net.parameters(), strict=True)
    )


def test_gradients_that_are_not_numbers_stay_so() -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([1.0, torch.nan])
    clip_gradients(SGD([weight], lr=1.0), None, 5.0, "norm")
    assert weight.grad.isnan().all()  # as torch leaves them


def test_gradients_laid_out_otherwise_than_their_weights() -> None:
    """Fused kernels take what lies at the same place in memory."""
    net, other = _net(), _net()
    fused = make_optimizer(partial(Adam, lr=0.1, fused=True), list(net.parameters()))
    plain = Adam(other.parameters(), lr=0.1)
    for model, optimizer in ((net, fused), (other, plain)):
        _loss(model, 0).backward()
        (weight, *_) = model.parameters()
        assert weight.grad is not None
        weight.grad = weight.grad.contiguous()
        clip_gradients(optimizer, None, None, None)
        optimizer.step()
    _assert_same(net, other)


@pytest.mark.parametrize(("before", "after"), [(None, True), (True, False), (True, None)])
def test_a_state_is_continued_with_or_without(before: bool | None, after: bool | None) -> None:
    """Also one whose moments were stored with another layout."""
    net, other = _net(), _net()
    first = make_optimizer(partial(Adam, lr=0.1, fused=before), list(net.parameters()))
    plain = Adam(other.parameters(), lr=0.1)
    _loss(net, 0).backward()
    first.step()
    state = first.state_dict()
    for stored in state["state"].values():
        stored.update({name: value.contiguous() for name, value in stored.items()})
    second = make_optimizer(partial(Adam, lr=9.0, fused=after), list(net.parameters()))
    second.load_state_dict(state)
    assert is_fused(second) == bool(after)
    assert second.param_groups[0]["lr"] == 0.1
    net.zero_grad()
    _loss(net, 1).backward()
    second.step()
    for step in range(2):
        plain.zero_grad()
        _loss(other, step).backward()
        plain.step()
    _assert_same(net, other)


@pytest.mark.parametrize(
    ("weight", "reason"),
    [
        (torch.zeros(2, device="meta"), "it is not tested on the device meta"),
        (torch.zeros(2, dtype=torch.complex64), "some weights are not real numbers"),
        (torch.zeros(2, 3)[:, :2], "some weights are not contiguous in memory"),
    ],
    ids=["device", "kind", "gaps"],
)
def test_it_is_not_fused_where_there_is_no_kernel(
    weight: Tensor, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "seqloom"):
        optimizer = make_optimizer(partial(Adam, fused=True), [nn.Parameter(weight)])
    assert not is_fused(optimizer)
    assert f"optimizer.fused is not used: {reason}." in caplog.text


def test_an_optimizer_without_the_parameter(caplog: pytest.LogCaptureFixture) -> None:
    """An option's target may be replaced: the rest of it then has to fit."""
    section = {"_target_": "torch.optim.RMSprop", "lr": 0.5, "fused": True}
    with caplog.at_level(logging.INFO, "seqloom"):
        optimizer = build_optimizer(section)([nn.Parameter(torch.zeros(1))])
    assert optimizer.defaults["lr"] == 0.5
    assert "optimizer.fused is not used: torch.optim.RMSprop does not support it." in caplog.text


def test_a_run_started_without_it_is_resumed_with_it(fit: Fit, tmp_path: Path) -> None:
    constant = ("scheduler=constant", "callbacks=none")
    old = (*constant, "~optimizer.fused")
    whole = fit(*old, "trainer.max_epochs=2", run_dir=tmp_path / "whole")
    fit(*old, "trainer.max_epochs=1")
    again = fit(*constant, "trainer.max_epochs=1", "resume=auto")  # is done already
    assert json.loads((again.run_dir / "run.json").read_text())["attempts"] == 1
    found = fit(*constant, "trainer.max_epochs=2", "resume=auto")
    last, expected = (
        torch.load(one.run_dir / "checkpoints/last.ckpt", weights_only=True)
        for one in (found, whole)
    )
    (state,), (other,) = last["optimizer_states"], expected["optimizer_states"]
    assert state["param_groups"][0]["fused"]
    assert not other["param_groups"][0].get("fused")
    for number, stored in state["state"].items():
        assert stored["step"] == other["state"][number]["step"] == 8
    for name, value in last["state_dict"].items():
        torch.testing.assert_close(value, expected["state_dict"][name], rtol=0, atol=1e-3)


@pytest.mark.parametrize("other", ["foreach", "differentiable"])
def test_what_excludes_fused_kernels_is_no_error(other: str) -> None:
    make = partial(torch.optim.Adam, lr=0.1, fused=True, **{other: True})
    assert not is_fused(make_optimizer(make, list(torch.nn.Linear(2, 2).parameters())))


def test_an_optimizer_that_cannot_be_fused_is_taken_as_it_is() -> None:
    layer = nn.Linear(2, 2)
    optimizer = make_optimizer(partial(torch.optim.Rprop, lr=0.1), list(layer.parameters()))
    assert type(optimizer) is torch.optim.Rprop
    assert not optimizer._optimizer_load_state_dict_pre_hooks
