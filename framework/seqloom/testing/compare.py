"""How conformance checks compare, and what they say when things differ."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn

from seqloom.model import states

TOLERANCE = 1e-5
M = TypeVar("M", bound=nn.Module)


def stored(state: Mapping[str, Any]) -> Any:
    """Return a codec's state as it is after being written to a folder, and read again."""
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(states.write(state, Path(folder)), allow_nan=False)
        return states.read(json.loads(text), Path(folder))


class ConformanceError(AssertionError):
    """A component breaks a promise of its interface; the text says which, with numbers."""


def require(condition: bool, complaint: str) -> None:
    """Raise `ConformanceError` with the complaint unless the condition holds."""
    if not condition:
        raise ConformanceError(complaint)


def require_equal(found: Tensor, expected: Tensor, what: str, tolerance: float = TOLERANCE) -> None:
    """Require two tensors to be equal up to a tolerance, relative to the larger values."""
    require(
        found.shape == expected.shape,
        f"{what}: shape {tuple(found.shape)}, expected {tuple(expected.shape)}",
    )
    if found.numel() == 0:
        return
    gap = float((found - expected).detach().abs().max())
    scale = max(1.0, float(expected.detach().abs().max()))
    require(
        gap <= tolerance * scale, f"{what}: differ by {gap:.3g}, allowed {tolerance * scale:.3g}"
    )


def require_finite_gradients(module: nn.Module) -> None:
    """Require every trainable parameter to have a finite gradient."""
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            gradient = parameter.grad
            require(gradient is not None, f"no gradient reaches {name}")
            assert gradient is not None
            require(bool(torch.isfinite(gradient).all()), f"the gradient of {name} is not finite")


def gradients(module: nn.Module) -> list[Tensor]:
    """Return the gradients of all parameters, zeros where there is none, and clear them."""
    found = [
        torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone()
        for parameter in module.parameters()
    ]
    module.zero_grad(set_to_none=True)
    return found


def require_equal_gradients(
    found: Sequence[Tensor], expected: Sequence[Tensor], module: nn.Module, what: str
) -> None:
    """Require gradients of a module's parameters to be equal, parameter by parameter."""
    names = [name for name, _ in module.named_parameters()]
    for name, one, other in zip(names, found, expected, strict=True):
        require_equal(one, other, f"{what}: gradient of {name}", 10 * TOLERANCE)


def require_round_trip(module: M, fresh: M, probe: Callable[[M], Tensor]) -> None:
    """Require a fresh module to become the same, and ``probe`` so, by way of a safetensors file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        save_model(module, str(path))
        load_model(fresh, str(path))
    for name, value in module.state_dict().items():
        require(torch.equal(value, fresh.state_dict()[name]), f"{name} is lost in safetensors")
    with torch.no_grad():
        found, expected = probe(fresh.eval()), probe(module.eval())
    require_equal(
        found, expected, "outputs of the stored module; is a tensor neither weight nor buffer?"
    )


@contextmanager
def refused(errors: type[Exception] | tuple[type[Exception], ...], what: str) -> Iterator[None]:
    """Require the block to raise one of the errors, with a text."""
    try:
        yield
    except errors as fault:
        require(bool(str(fault)), f"{what} is refused without a word")
        return
    raise ConformanceError(f"{what} is not refused; expected {errors}")
