"""What heads and frontends share as modules: how they are drawn, and trained on two ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Generic, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from seqloom.testing.compare import (
    NotApplicable,
    gradients,
    require,
    require_equal,
    require_equal_gradients,
    require_finite_gradients,
)
from seqloom.testing.ranks import on_two_ranks

BFLOAT16_TOLERANCE = 0.05
"""Between bfloat16 and float32, relative to the larger values."""

DEVICE_TOLERANCE = 5e-3
"""Between a device and the CPU: some multiply with fewer bits (TF32)."""

DRAWS = 3
"""How often weights are moved at random in search of a gradient that is not zero."""

M = TypeVar("M", bound=nn.Module)
Loss = Callable[[M, Sequence[int]], Tensor]
"""From a module and the positions of some examples to a scalar."""


def has_weights(module: nn.Module) -> bool:
    """Return whether there is anything to train."""
    return any(parameter.requires_grad for parameter in module.parameters())


def without_dropout(module: M) -> M:
    """Return the module with the rate of all its dropout, torch's or seqloom's, set to zero."""
    for part in module.modules():
        rate = "p" if "Dropout" in type(part).__name__ else "dropout"
        if isinstance(getattr(part, rate, None), float):
            setattr(part, rate, 0.0)
    return module


def require_padding_uncounted(make: Callable[[], M], probe: Callable[[M, bool], Tensor]) -> None:
    """Require further padding to change nothing in training, nor in what eval mode gives after.

    Args:
        make: a new module in eval mode, the same each time.
        probe: what a module gives of examples without their padding; True: padded further.

    Raises:
        ConformanceError: padding is counted, in outputs or in running statistics.
        NotApplicable: it draws numbers in training, by other dropout than is known here.
    """
    plain, again, padded = (without_dropout(make()).train() for _ in range(3))
    with torch.no_grad():
        expected = probe(plain, False)
        if not torch.equal(probe(again, False), expected):
            raise NotApplicable("its training draws numbers, so what padding does cannot be told")
        require_equal(probe(padded, True), expected, "in training mode, padded further")
        require_equal(
            probe(padded.eval(), False),
            probe(plain.eval(), False),
            "in eval mode, after training on batches that differ in their padding",
        )


def require_gradients(module: M, loss: Callable[[M], Tensor]) -> None:
    """Require every trainable parameter to get a finite gradient that is not always zero.

    Weights that begin as zeros may hide others, so these are looked at again where all weights
    have been moved a little.
    """
    loss(module).backward()
    require_finite_gradients(module)
    generator = torch.Generator().manual_seed(3)
    idle = _idle(module)
    for _ in range(DRAWS):
        if not idle:
            return
        with torch.no_grad():
            for one in module.parameters():
                one.add_(0.1 * torch.randn(one.shape, generator=generator))
        module.zero_grad()
        loss(module).backward()
        idle &= _idle(module)
    require(not idle, f"the gradient of {min(idle, default='')} is zero, whatever the weights")


def _idle(module: nn.Module) -> set[str]:
    return {
        name
        for name, one in module.named_parameters()
        if one.requires_grad and (one.grad is None or not one.grad.any())
    }


def require_reproducible(make: Callable[[], M], probe: Callable[[M], Tensor]) -> None:
    """Require equal weights and, in training, equal outputs after equal seeds; eval draws none."""
    built = []
    for _ in range(2):
        torch.manual_seed(1)
        built.append(make())
    first, again = built
    for name, value in first.state_dict().items():
        other = again.state_dict()[name]
        require_equal(other, value, f"{name}, built anew after the same seed", 0.0)
    with torch.no_grad():
        first.eval()
        require_equal(probe(first), probe(first), "outputs in eval mode, once more", 0.0)
        trained = []
        for one in built:
            torch.manual_seed(5)
            trained.append(probe(one.train()))
    require_equal(trained[1], trained[0], "outputs in training mode after the same seed", 0.0)


def require_ranks(module: M, loss: Loss[M], shares: Sequence[Sequence[int]]) -> None:
    """Require two ranks to get the gradients that one process gets, on each for every parameter.

    Args:
        module: to train.
        loss: of some examples; both it and the module go to the ranks.
        shares: the positions that each of the two ranks has.

    Raises:
        ConformanceError: a parameter gets no gradient on a rank, or another one.
        NotApplicable: the module has no weights, or there are no two ranks here.
    """
    if not has_weights(module):
        raise NotApplicable("it has no weights to train")
    module.train()
    parts = []
    for share in shares:
        _Loss(module, loss)(share).backward()
        parts.append(gradients(module))
    # DistributedDataParallel imports it: once here, rather than for seconds in each rank.
    import_module("torch._dynamo")
    mean = [torch.stack(of_ranks).mean(0) for of_ranks in zip(*parts, strict=True)]
    for rank, found in enumerate(on_two_ranks(_train, module, loss, shares)):
        require_equal_gradients(found, mean, module, f"rank {rank} against one process")


class _Loss(nn.Module, Generic[M]):
    """A module with its loss: what is trained on ranks must be called as a whole."""

    def __init__(self, module: M, loss: Loss[M]) -> None:
        super().__init__()
        self.module = module
        self.loss = loss

    def forward(self, rows: Sequence[int]) -> Tensor:
        torch.manual_seed(5)  # what is dropped is the same, with ranks and without
        return self.loss(self.module, rows)


def _train(module: M, loss: Loss[M], shares: Sequence[Sequence[int]]) -> list[Tensor]:
    """Be one rank: return the gradients of the first of two passes."""
    rows = shares[distributed.get_rank()]
    wrapped = DistributedDataParallel(_Loss(module, loss))
    found = []
    for _ in range(2):
        wrapped(rows).backward()
        _require_all_take_part(module, len(rows))
        found.append(gradients(module))
    return found[0]


def _require_all_take_part(module: nn.Module, count: int) -> None:
    for name, one in module.named_parameters():
        require(
            one.grad is not None or not one.requires_grad,
            f"{name} takes no part in a batch of {count}, so the other rank would wait for it",
        )
