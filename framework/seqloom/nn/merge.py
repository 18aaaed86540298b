"""Functions that merge the outputs of two directions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from seqloom.errors import Cause, ConfigError, did_you_mean
from seqloom.nn.names import Merge

MergeFunction = Callable[[Tensor, Tensor], Tensor]


def concat(forward: Tensor, backward: Tensor) -> Tensor:
    """Return (…, 2H), the forward direction first."""
    return torch.cat((forward, backward), dim=-1)


def add(forward: Tensor, backward: Tensor) -> Tensor:
    """Return the sum, (…, H)."""
    return forward + backward


def average(forward: Tensor, backward: Tensor) -> Tensor:
    """Return the mean, (…, H)."""
    return (forward + backward) * 0.5


def multiply(forward: Tensor, backward: Tensor) -> Tensor:
    """Return the element-wise product, (…, H).

    The product of two states with standard deviation s < 1 has s²: at initialisation it is much
    smaller than either, and so are its gradients. Scale it where that matters.
    """
    return forward * backward


_FUNCTIONS: dict[Merge, MergeFunction] = {
    Merge.concat: concat,
    Merge.sum: add,
    Merge.average: average,
    Merge.multiply: multiply,
}


def merge_named(name: str) -> Merge:
    """Return the option with this name.

    >>> merge_named("sum")
    <Merge.sum: 'sum'>

    Raises:
        ConfigError: There is no such merge.
    """
    try:
        return Merge(name)
    except ValueError:
        known = did_you_mean(name, [merge.value for merge in Merge])
        raise ConfigError(f"There is no merge {name!r}. {known}", cause=Cause.wrong_value) from None


def merge_function(name: str) -> MergeFunction:
    """Return the merge function with this name, of two tensors (…, H).

    Raises:
        ConfigError: There is no such merge.
    """
    known = _FUNCTIONS.get(name)  # type: ignore[call-overload]  # options equal their names
    return known or _FUNCTIONS[merge_named(name)]


def merged_size(name: str, size: int) -> int:
    """Return the size of the merged outputs of two directions of size ``size``.

    >>> merged_size("concat", 128), merged_size("average", 128)
    (256, 128)

    Raises:
        ConfigError: There is no such merge.
    """
    return 2 * size if merge_named(name) is Merge.concat else size
