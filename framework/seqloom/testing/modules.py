"""What every frontend, encoder and head promises as a `torch.nn.Module`, as checks."""

from __future__ import annotations

import io
import pickle
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from seqloom.model.bundle import read_weights, write_weights
from seqloom.testing.compare import (
    TOLERANCE,
    ConformanceError,
    NotApplicable,
    require,
    require_equal,
    require_finite,
)
from seqloom.testing.ranks import on_two_ranks

BFLOAT16_TOLERANCE = 0.05
"""Between bfloat16 and float32, relative to the larger values."""

MISSING_KERNEL = "could not create a primitive"
"""What oneDNN says of an operation in bfloat16, an LSTM for one, that the CPU does not support."""

DEVICE_TOLERANCE = 5e-3
"""Between a device and the CPU: some multiply with fewer bits (TF32)."""

DRAWS = 3
"""How often weights are moved at random in search of a gradient that is not zero."""

M = TypeVar("M", bound=nn.Module)


class Probe(ABC, Generic[M]):
    """How the shared checks build the network of a case and run it on the case's examples.

    Attributes:
        rows: Positions of the examples.
        noun: What ``outputs`` returns, for messages: "features".
    """

    rows: Sequence[int]
    noun: str = "outputs"

    @abstractmethod
    def new(self) -> M:
        """Return a new network, with weights drawn from torch's global generator."""

    @abstractmethod
    def outputs(self, module: M, device: torch.device | None = None) -> Tensor:
        """Return what the network computes of all examples, without the padding.

        Args:
            module: The network.
            device: Where it is; None for the CPU.
        """

    @abstractmethod
    def loss(self, module: M, rows: Sequence[int]) -> Tensor:
        """Return a scalar of some examples in which every output has its own weight."""

    def seeded(self) -> M:
        """Return a new network in eval mode, the same one every time."""
        torch.manual_seed(1)
        return self.new().eval()


class ModuleCase(Protocol):
    """A case of a component that is a network."""

    def probe(self) -> Probe[Any]:
        """Return how to build and run it."""


def check_gradients(case: ModuleCase) -> None:
    """In training mode, every parameter gets a finite gradient that is not always zero.

    Weights that start as zeros may hide others, so those are tried again with all weights moved a
    little.
    """
    probe = case.probe()
    module = probe.seeded().train()
    probe.loss(module, probe.rows).backward()
    for name, one in module.named_parameters():
        if one.requires_grad:
            require(one.grad is not None, f"no gradient reaches {name}")
            assert one.grad is not None
            require(bool(one.grad.isfinite().all()), f"the gradient of {name} is not finite")
    generator = torch.Generator().manual_seed(3)
    idle = _idle(module)
    for _ in range(DRAWS):
        if not idle:
            return
        with torch.no_grad():
            for one in module.parameters():
                one.add_(0.1 * torch.randn(one.shape, generator=generator))
        module.zero_grad()
        probe.loss(module, probe.rows).backward()
        idle &= _idle(module)
    require(not idle, f"the gradient of {min(idle, default='')} is zero, whatever the weights")


def _idle(module: nn.Module) -> set[str]:
    return {
        name
        for name, one in module.named_parameters()
        if one.requires_grad and (one.grad is None or not one.grad.any())
    }


def check_determinism(case: ModuleCase) -> None:
    """The same seed gives the same weights and, in training, outputs; eval mode is not random."""
    probe, built = case.probe(), []
    for _ in range(2):
        torch.manual_seed(1)
        built.append(probe.new())
    first, again = built
    for name, value in first.state_dict().items():
        other = again.state_dict()[name]
        require_equal(other, value, f"{name}, rebuilt after the same seed", 0.0)
    with torch.no_grad():
        first.eval()
        once, twice = probe.outputs(first), probe.outputs(first)
        require_equal(once, twice, f"{probe.noun} in eval mode, computed twice", 0.0)
        trained = []
        for one in built:
            torch.manual_seed(5)
            trained.append(probe.outputs(one.train()))
    what = f"{probe.noun} in training mode after the same seed"
    require_equal(trained[1], trained[0], what, 0.0)


def check_round_trip(case: ModuleCase) -> None:
    """The weights survive a safetensors file."""
    probe = case.probe()
    module = probe.seeded()
    torch.manual_seed(2)
    require_round_trip(module, probe.new(), probe.outputs)


def require_round_trip(module: M, fresh: M, outputs: Callable[[M], Tensor]) -> None:
    """Require a new module to give the same outputs after loading weights from safetensors."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        write_weights(module, path)
        read_weights(fresh, path)
    for name, value in module.state_dict().items():
        require(torch.equal(value, fresh.state_dict()[name]), f"{name} is lost in safetensors")
    with torch.no_grad():
        found, expected = outputs(fresh.eval()), outputs(module.eval())
    require_equal(
        found,
        expected,
        "outputs of the loaded module; is there a tensor that is neither parameter nor buffer?",
    )


def check_state_dict(case: ModuleCase) -> None:
    """A new instance loads the state of another from a checkpoint, which contains no code."""
    probe = case.probe()
    module = probe.seeded()
    file = io.BytesIO()
    with torch.no_grad():
        expected = probe.outputs(module)  # what a first pass adds belongs to the state as well
    torch.save(module.state_dict(), file)
    file.seek(0)
    torch.manual_seed(2)
    fresh = probe.new()
    try:
        fresh.load_state_dict(torch.load(file, weights_only=True))
    except (RuntimeError, pickle.UnpicklingError) as error:
        lines = "; ".join(line.strip(" \t.") for line in str(error).splitlines() if line.strip())
        raise ConformanceError(f"a new one cannot load the state: {lines}") from error
    with torch.no_grad():
        found = probe.outputs(fresh.eval())
    require_equal(found, expected, f"{probe.noun} with the loaded state")


def check_device(case: ModuleCase) -> None:
    """It moves to another device as a whole.

    Without an accelerator this is approximated: ``to()`` must reach every tensor. A tensor that is
    made on the CPU inside ``forward`` can still be missed.
    """
    probe = case.probe()
    module = probe.seeded()
    require_registered(module)
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device is None:
        return
    with torch.no_grad():
        expected = probe.outputs(module)
        found = probe.outputs(module.to(device), device)
    require(found.device.type == device.type, f"{probe.noun} are on {found.device}, not {device}")
    require_equal(found.cpu(), expected, f"{probe.noun} on {device}", DEVICE_TOLERANCE)


def require_registered(module: nn.Module) -> None:
    """Require every tensor of a module to be a parameter or a buffer, so that it moves with it."""
    known = {id(tensor) for tensor in (*module.parameters(), *module.buffers())}
    for path, component in module.named_modules():
        for name, value in vars(component).items():
            if any(id(tensor) not in known for tensor in _tensors(value)):
                where = f"{path}.{name}" if path else name
                raise ConformanceError(
                    f"{where} is a tensor that is neither parameter nor buffer, so it does not "
                    "move with the module to another device; use register_buffer"
                )


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _tensors(one)


def check_bfloat16(case: ModuleCase) -> None:
    """Under autocast to bfloat16 outputs are finite and close to those in float32."""
    probe = case.probe()
    module = probe.seeded()
    with torch.no_grad():
        expected = probe.outputs(module)
        try:
            with torch.autocast("cpu", torch.bfloat16):
                found = probe.outputs(module).float()
        except RuntimeError as error:
            if MISSING_KERNEL not in str(error):
                raise
            raise NotApplicable(f"this CPU cannot run it in bfloat16: {error}") from error
    require_finite(found, f"{probe.noun} in bfloat16")
    require_equal(found, expected, f"{probe.noun} in bfloat16", BFLOAT16_TOLERANCE)


def check_ranks(case: ModuleCase) -> None:
    """Two ranks both use every parameter, and their gradients equal those of one process."""
    probe = case.probe()
    module = probe.seeded().train()
    require_weights(module)
    shares = (probe.rows[::2], probe.rows[1::2])
    own = []
    for share in shares:
        _Loss(module, probe)(share).backward()
        own.append(gradients(module))
    # DistributedDataParallel imports it: once here, rather than for seconds in each rank.
    import_module("torch._dynamo")
    mean = [torch.stack(of_ranks).mean(0) for of_ranks in zip(*own, strict=True)]
    for rank, found in enumerate(on_two_ranks(_train, module, probe, shares)):
        require_equal_gradients(found, mean, module, f"rank {rank} against one process")


class _Loss(nn.Module, Generic[M]):
    """A module with its loss: DistributedDataParallel must call what is trained as a whole."""

    def __init__(self, module: M, probe: Probe[M]) -> None:
        super().__init__()
        self.module = module
        self.probe = probe

    def forward(self, rows: Sequence[int]) -> Tensor:
        torch.manual_seed(5)  # dropout is the same with ranks and without
        return self.probe.loss(self.module, rows)


def _train(module: M, probe: Probe[M], shares: Sequence[Sequence[int]]) -> list[Tensor]:
    """Run one rank: return the gradients of the first of two passes."""
    rows = shares[distributed.get_rank()]
    wrapped = DistributedDataParallel(_Loss(module, probe))
    found = []
    for _ in range(2):
        wrapped(rows).backward()
        for name, one in module.named_parameters():
            require(
                one.grad is not None or not one.requires_grad,
                f"{name} takes no part in a batch of {len(rows)}, so the other rank would wait",
            )
        found.append(gradients(module))
    return found[0]


def require_weights(module: nn.Module) -> None:
    """Require something to train.

    Raises:
        NotApplicable: No parameter of the module is trainable.
    """
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise NotApplicable("it has no weights to train")


def require_padding_ignored(make: Callable[[], M], outputs: Callable[[M, bool], Tensor]) -> None:
    """Require more padding to change nothing in training, nor in eval mode afterwards.

    Args:
        make: Returns a new module in eval mode, the same one every time.
        outputs: What a module computes of the examples without their padding; True for a batch
            with more padding.

    Raises:
        ConformanceError: Padding changes outputs or running statistics.
        NotApplicable: Training is random by something other than the known kinds of dropout.
    """
    plain, again, padded = (_without_dropout(make()).train() for _ in range(3))
    with torch.no_grad():
        expected = outputs(plain, False)
        if not torch.equal(outputs(again, False), expected):
            raise NotApplicable("its training is random, so the effect of padding is not known")
        require_equal(outputs(padded, True), expected, "in training mode, with more padding")
        require_equal(
            outputs(padded.eval(), False),
            outputs(plain.eval(), False),
            "in eval mode, after training on batches that differ in their padding",
        )


def _without_dropout(module: M) -> M:
    """Return the module with the rate of all its dropout, torch's or seqloom's, set to zero."""
    for component in module.modules():
        rate = "p" if "Dropout" in type(component).__name__ else "dropout"
        if isinstance(getattr(component, rate, None), float):
            setattr(component, rate, 0.0)
    return module


def require_finite_gradients(module: nn.Module, what: str) -> None:
    """Require the gradients that a module has to be finite."""
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
