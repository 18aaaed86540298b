"""Build a model only as far as its weights file has weights for it.

The description of a bundle may claim any size, such as a hundred million layers, whatever the
weights are. What is built is therefore counted against the header of the weights while it is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.utils._python_dispatch import TorchDispatchMode

from seqloom.errors import BundleError, Cause, printable

FREE_BYTES = 16 * 2**20
"""Bytes of a single tensor that a model may always have while it is built, such as a table."""

SLACK = 2
"""How much more than the file has may be built: small differences are named one by one later."""

FREE_MODULES = 1000
MODULES = 50
"""Modules for each stored tensor; most modules hold some, but dropout and pooling do not."""


class TooLargeError(Exception):
    """A description asks for more than the weights file has."""


@dataclass
class SizeLimit:
    """What a model may be built of, according to the header of its weights.

    Attributes:
        tensors: Number of stored tensors.
        numbers: Number of their elements.
    """

    tensors: int
    numbers: int
    _parameters: dict[int, nn.Parameter] = field(default_factory=dict)
    _numbers: int = 0
    _modules: int = 0

    @classmethod
    def of(cls, path: Path) -> SizeLimit:
        """Return the limit that a safetensors file sets; its header is checked, nothing is read.

        Raises:
            BundleError: The file is damaged, or its header contradicts its size.
        """
        try:
            with safe_open(str(path), framework="pt") as file:
                shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
        except (OSError, SafetensorError, ValueError, OverflowError) as error:
            said = printable(str(error))
            raise BundleError(
                f"{path} cannot be read: {said}; copy the bundle again.", cause=Cause.damaged_bundle
            ) from error
        return cls(len(shapes), sum(torch.Size(shape).numel() for shape in shapes))

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Count what is built in the block.

        Raises:
            TooLargeError: It is more than the weights file has.
        """
        hooks = (
            register_module_parameter_registration_hook(self._count_parameter),
            register_module_module_registration_hook(self._count_module),
        )
        try:
            with _Tensors(8 * self.numbers + FREE_BYTES):
                yield
        finally:
            for hook in hooks:
                hook.remove()
            self._parameters.clear()

    def _count_parameter(self, _: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if parameter is None or id(parameter) in self._parameters:
            return  # shared with another module, and stored once
        self._parameters[id(parameter)] = parameter  # kept, so that no other gets its id
        self._numbers += parameter.numel()
        many = len(self._parameters) > SLACK * self.tensors
        if many or self._numbers > SLACK * self.numbers:
            raise TooLargeError(
                f"it describes more weights than the {self.tensors:,} tensors with "
                f"{self.numbers:,} numbers of the file"
            )

    def _count_module(self, *_: Any) -> None:
        self._modules += 1
        if self._modules > FREE_MODULES + MODULES * self.tensors:
            raise TooLargeError(
                f"it describes more than {self._modules - 1:,} modules for {self.tensors:,} tensors"
            )


LARGE = 2**16
"""Elements from which on a parameter gets no random values; the file's replace them anyway."""

RANDOM = {torch.ops.aten.normal_.default, torch.ops.aten.uniform_.default}


class _Tensors(TorchDispatchMode):
    """Refuses to create a tensor of more bytes than a limit, before memory is taken for it.

    Large parameters are filled with zeros instead of random values: drawing these takes longer than
    reading the file.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.limit = limit

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: nothing is compiled here, and torch would import its compiler to say so.

        That takes longer than to import the rest of torch.
        """
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        creates = not any(isinstance(one, torch.Tensor) for one in args)
        size = _bytes(func, args, given) if creates else 0
        if size > self.limit:
            raise TooLargeError(f"it describes a tensor of {size:,} bytes")
        if func in RANDOM and isinstance(args[0], nn.Parameter) and args[0].numel() >= LARGE:
            return args[0].zero_()
        return func(*args, **given)


def _bytes(func: Any, args: Any, given: dict[str, Any]) -> int:
    """Return how many bytes a function would create, without taking memory; 0 if unknown."""
    if not any(one.name == "device" for one in func._schema.arguments):
        return 0
    try:
        found = func(*args, **{**given, "device": torch.device("meta")})
    except (RuntimeError, TypeError, NotImplementedError):  # it says why where it is called
        return 0
    return found.numel() * found.element_size() if isinstance(found, torch.Tensor) else 0
