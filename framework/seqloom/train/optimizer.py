"""The optimizer of a run: fused where its device allows that, and clipping for fused ones too.

A fused optimizer updates all weights in one pass over the memory instead of one for each operation.
It computes the same step, rounded in another order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.utils import clip_grad_value_, clip_grads_with_norm_, get_total_norm
from torch.optim import Adam, AdamW, Optimizer

log = logging.getLogger("seqloom")

FUSED_DEVICES = ("cpu", "cuda")
"""Devices whose fused optimizers are used; torch has some for others, which are not tested here."""

EXCLUSIVE = ("foreach", "differentiable")
"""Parameters of torch's optimizers that exclude ``fused``."""


def make_optimizer(make: Callable[..., Optimizer], parameters: Sequence[nn.Parameter]) -> Optimizer:
    """Return the optimizer of parameters that are on their device.

    Where ``make`` is a partial function with ``fused=True`` but there is no fused kernel for the
    parameters, the optimizer is not fused.
    """
    keywords = getattr(make, "keywords", {})
    reason = _not_fusible(make, parameters) if keywords.get("fused") else None
    if keywords.get("fused"):
        other = next((name for name in EXCLUSIVE if keywords.get(name)), None)
        reason = reason or (other and f"optimizer.{other} excludes it")
    if reason is not None:
        log.info("optimizer.fused is not used: %s.", reason)
    if "fused" in keywords and (reason is not None or not keywords["fused"]):
        optimizer = make(parameters, fused=None)  # torch's choice; False would rule out `foreach`
    else:
        optimizer = make(parameters)
    if "fused" in optimizer.defaults:
        optimizer.register_load_state_dict_pre_hook(_keep_fused)
        optimizer.register_load_state_dict_post_hook(_align_state)
    return optimizer


def is_fused(optimizer: Optimizer) -> bool:
    """Return whether an optimizer takes its steps in a fused kernel."""
    return any(group.get("fused") for group in optimizer.param_groups)


def clip_gradients(
    optimizer: Optimizer, precision: object, clip: float | None, algorithm: str | None
) -> None:
    """Clip the gradients as Lightning does, also those of a fused optimizer in mixed precision.

    Lightning refuses the latter, because a fused optimizer divides its gradients by the scale of
    the loss only during its step. Here they are divided before.

    Args:
        optimizer: Optimizer whose gradients are complete.
        precision: Lightning's plugin for the precision.
        clip: Largest norm of all gradients together, or value of each; None or 0: any.
        algorithm: ``value`` or ``norm``; None: ``norm``.
    """
    if is_fused(optimizer):
        _align_gradients(optimizer)
    if not clip or clip < 0:
        return
    scaler = precision.scaler if isinstance(precision, MixedPrecision) else None
    if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
        scaler.unscale_(optimizer)  # which Lightning leaves to such optimizers
    parameters = [_dense(one) for one in _parameters(optimizer)]
    if algorithm == "value":
        clip_grad_value_(parameters, clip)
        return
    norm = get_total_norm([one.grad for one in parameters if one.grad is not None])
    if isinstance(norm, DTensor):
        norm = norm.full_tensor()  # of the parts on all ranks
    if norm.is_cpu and norm <= clip:
        return  # all would be multiplied by 1; on a GPU, reading the norm would wait for it
    clip_grads_with_norm_(parameters, clip, norm)


def _not_fusible(make: Callable[..., Any], parameters: Sequence[nn.Parameter]) -> str | None:
    """Return why there is no fused kernel for parameters; None if there is one."""
    for device in dict.fromkeys(one.device.type for one in parameters):
        if device not in FUSED_DEVICES:
            return f"it is not tested on the device {device}"
    if not all(one.is_floating_point() for one in parameters):
        return "some weights are not real numbers"
    function = getattr(make, "func", make)
    known = isinstance(function, type) and issubclass(function, Adam | AdamW)
    if not known and any(isinstance(one, DTensor) for one in parameters):
        return "only adam and adamw have one for sharded weights"
    # The kernels take the weights as they lie in memory; the moments of others lie differently.
    if not all(torch.empty_like(one).stride() == one.stride() for one in parameters):
        return "some weights are not contiguous in memory"
    return None


def _keep_fused(optimizer: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    """Return a stored state with this optimizer's own choice of kernels.

    The state says how its run was started; the config may say otherwise since.
    """
    fused = optimizer.defaults["fused"]
    groups = [{**group, "fused": fused} for group in state["param_groups"]]
    return {**state, "param_groups": groups}


def _align_state(optimizer: Optimizer) -> None:
    """Lay out the moments that were loaded as the weights are."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = _laid_out(value, parameter)


def _align_gradients(optimizer: Optimizer) -> None:
    """Lay out gradients as their weights are; autograd does so, but whoever replaces them may not.

    Fused kernels on the CPU do not check it: they would take the wrong gradient for most weights.
    """
    for one in _parameters(optimizer):
        if one.grad is None or one.grad.is_sparse:
            continue
        if one.grad.stride() != one.stride():
            one.grad = _laid_out(one.grad, one)


def _dense(parameter: Tensor) -> Tensor:
    """Return the parameter, or what stands for it: the rows that have a gradient, with theirs."""
    if parameter.grad is None or not parameter.grad.is_sparse:
        return parameter
    parameter.grad = parameter.grad.coalesce()  # a row that occurs twice has one gradient
    rows = parameter.grad.values()
    found = torch.empty_like(rows)
    found.grad = rows
    return found


def _laid_out(value: Tensor, like: Tensor) -> Tensor:
    """Return a tensor with the strides of another of its shape."""
    if value.stride() == like.stride():
        return value
    return torch.empty_like(like, dtype=value.dtype).copy_(value)


def _parameters(optimizer: Optimizer) -> Iterator[nn.Parameter]:
    for group in optimizer.param_groups:
        yield from group["params"]
