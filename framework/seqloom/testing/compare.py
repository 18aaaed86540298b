"""How conformance checks compare, and what they say when things differ."""

from __future__ import annotations

import io
import json
import pickle
import tempfile
import traceback
import unittest
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


def pickled(value: Any, what: str = "it") -> bytes:
    """Return a component as it is sent to another process.

    Raises:
        ConformanceError: it cannot be pickled.
    """
    try:
        return pickle.dumps(value)
    except Exception as fault:  # pickling raises whatever it likes
        raise ConformanceError(
            f"{what} cannot be pickled: {type(fault).__name__}: {fault}; "
            "lambdas, local classes and open files cannot"
        ) from fault


class ConformanceError(AssertionError):
    """A component breaks a promise of its interface; the text says which, with numbers."""


class NotApplicable(unittest.SkipTest):
    """A check has nothing to say about a component; the text says why. Test runners skip it."""


def told(fault: BaseException) -> str:
    """Return what was raised as a sentence: a failed check's own, else with the place of it."""
    if isinstance(fault, (ConformanceError, NotApplicable)):
        return str(fault)
    places = traceback.extract_tb(fault.__traceback__)
    library = str(Path(torch.__file__).parent)
    own = [place for place in places if not place.filename.startswith(library)] or places
    where = f", at {own[-1].filename}:{own[-1].lineno}" if own else ""
    return f"raised {type(fault).__name__}: {fault}{where}"


def require(condition: bool, complaint: str) -> None:
    """Raise `ConformanceError` with the complaint unless the condition holds."""
    if not condition:
        raise ConformanceError(complaint)


def require_equal(found: Tensor, expected: Tensor, what: str, tolerance: float = TOLERANCE) -> None:
    """Require two tensors to be equal up to a tolerance, relative to the larger values.

    NaN equals NaN: a metric of a class that does not occur may be one. That values are finite is
    required where it is promised.
    """
    require(
        found.shape == expected.shape,
        f"{what}: shape {tuple(found.shape)}, expected {tuple(expected.shape)}",
    )
    found, expected = found.detach(), expected.detach()
    differ = (found != expected) & ~(found.isnan() & expected.isnan())
    if not differ.any():
        return
    gap = float((found - expected)[differ].abs().max())
    finite = expected[expected.isfinite()].abs()
    scale = max(1.0, float(finite.max())) if len(finite) else 1.0
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


def require_finite_where_any(module: nn.Module, what: str) -> None:
    """Require those gradients of a module that are there to be finite."""
    for name, one in module.named_parameters():
        finite = one.grad is None or bool(torch.isfinite(one.grad).all())
        require(finite, f"{what}, the gradient of {name} is not finite")


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


def require_state_dict(module: M, fresh: M, probe: Callable[[M], Tensor]) -> None:
    """Require a fresh module to become the same, and ``probe`` so, by way of a checkpoint."""
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    try:
        fresh.load_state_dict(torch.load(file, weights_only=True))
    except (RuntimeError, pickle.UnpicklingError) as fault:
        lines = "; ".join(line.strip(" \t.") for line in str(fault).splitlines() if line.strip())
        raise ConformanceError(f"a new one cannot take up the state: {lines}") from fault
    with torch.no_grad():
        found, expected = probe(fresh.eval()), probe(module.eval())
    require_equal(found, expected, "outputs with the state taken up")


def require_registered(module: nn.Module) -> None:
    """Require every tensor of a module to be a parameter or a buffer, so that it moves with it."""
    known = {id(tensor) for tensor in (*module.parameters(), *module.buffers())}
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if any(id(tensor) not in known for tensor in _tensors(value)):
                where = f"{path}.{name}" if path else name
                raise ConformanceError(
                    f"{where} is a tensor that is neither parameter nor buffer, so it stays where "
                    "it is when the module moves to another device; use register_buffer"
                )


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _tensors(one)


@contextmanager
def refused(errors: type[Exception] | tuple[type[Exception], ...], what: str) -> Iterator[None]:
    """Require the block to raise one of the errors, with a text."""
    try:
        yield
    except errors as fault:
        require(bool(str(fault)), f"{what} is refused without a word")
        return
    raise ConformanceError(f"{what} is not refused; expected {errors}")
