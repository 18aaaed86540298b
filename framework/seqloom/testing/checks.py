"""The checks of each kind of component: their order, their names, and on what they are run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from seqloom.plugins import Kind
from seqloom.testing import (
    encoders,
    frontends,
    head_codecs,
    head_metrics,
    head_search,
    heads,
    learning,
    modules,
    reader_files,
    readers,
)
from seqloom.testing.encoders import EncoderCase
from seqloom.testing.frontends import FrontendCase
from seqloom.testing.heads import HeadCase
from seqloom.testing.readers import ReaderCase

Check = Callable[[Any], None]
"""From a case to nothing, or to a `ConformanceError` or `NotApplicable`."""

ENCODER_CHECKS: tuple[Callable[[EncoderCase], None], ...] = (
    encoders.check_sizes,
    encoders.check_padding,
    encoders.check_training,
    encoders.check_input_gradients,
    encoders.check_order,
    encoders.check_lengths,
    encoders.check_empty,
    modules.check_gradients,
    encoders.check_causality,
    encoders.check_continuation,
    modules.check_determinism,
    modules.check_round_trip,
    modules.check_state_dict,
    encoders.check_pickle,
    encoders.check_device,
    encoders.check_bfloat16,
    modules.check_ranks,
    learning.check_learning,
)

FRONTEND_CHECKS: tuple[Callable[[FrontendCase], None], ...] = (
    frontends.check_sizes,
    frontends.check_padding,
    frontends.check_training,
    frontends.check_order,
    frontends.check_lengths,
    frontends.check_codec,
    frontends.check_workers,
    frontends.check_augment,
    frontends.check_show,
    frontends.check_bad,
    modules.check_gradients,
    modules.check_round_trip,
    modules.check_state_dict,
    modules.check_determinism,
    modules.check_device,
    modules.check_bfloat16,
    modules.check_ranks,
)

HEAD_CHECKS: tuple[Callable[[HeadCase], None], ...] = (
    heads.check_loss,
    heads.check_decode,
    head_search.check_search,
    head_search.check_likelihood,
    head_metrics.check_metrics,
    head_metrics.check_metrics_on_ranks,
    head_codecs.check_codec,
    head_codecs.check_augment,
    head_codecs.check_output,
    modules.check_gradients,
    heads.check_round_trip,
    modules.check_state_dict,
    heads.check_load_matching,
    modules.check_determinism,
    modules.check_device,
    heads.check_bfloat16,
    modules.check_ranks,
    heads.check_learning,
)

READER_CHECKS: tuple[Callable[[ReaderCase], None], ...] = (
    readers.check_fields,
    readers.check_ids,
    readers.check_order,
    readers.check_resuming,
    readers.check_processes,
    readers.check_lazy,
    readers.check_split_names,
    reader_files.check_origins,
    reader_files.check_missing,
    reader_files.check_damaged,
    reader_files.check_inputs,
)

CHECKS: Mapping[Kind, tuple[Check, ...]] = {
    "data": READER_CHECKS,
    "frontend": FRONTEND_CHECKS,
    "encoder": ENCODER_CHECKS,
    "head": HEAD_CHECKS,
}


class Scope(Enum):
    """The variants of a component on which a check can come out differently."""

    every = "every value of each enum parameter"
    one = "the defaults, and one other value of each enum parameter"
    defaults = "the defaults alone"


SCOPES: Mapping[Check, Scope] = {
    # What a network owes to its structure, and not to how it combines its states.
    modules.check_determinism: Scope.one,
    modules.check_round_trip: Scope.one,
    modules.check_state_dict: Scope.one,
    modules.check_device: Scope.one,
    encoders.check_device: Scope.one,
    encoders.check_empty: Scope.one,
    encoders.check_causality: Scope.one,
    encoders.check_continuation: Scope.one,
    encoders.check_pickle: Scope.one,
    frontends.check_workers: Scope.one,
    heads.check_round_trip: Scope.one,
    head_codecs.check_augment: Scope.one,
    heads.check_load_matching: Scope.one,
    # Training, in itself or on two processes, which takes long.
    learning.check_learning: Scope.defaults,
    heads.check_learning: Scope.defaults,
    head_metrics.check_metrics_on_ranks: Scope.defaults,
    modules.check_ranks: Scope.defaults,
}
"""Scopes of the checks that need not run on every variant; seqloom's own tests skip the rest.

`conform`, the test classes and ``seqloom conformance`` run every check on every variant.
"""


def scope_of(check: Check) -> Scope:
    """Return the variants on which a check must run."""
    return SCOPES.get(check, Scope.every)


def name_of(check: Check) -> str:
    """Return the name of a check: ``padding`` for ``check_padding``."""
    return check.__name__.removeprefix("check_")


def promise_of(check: Check) -> str:
    """Return the promise that a check tests, a sentence."""
    return (check.__doc__ or "").partition("\n")[0]


def as_case(case: Any) -> tuple[tuple[Check, ...], Any]:
    """Return the checks of a case and the case; a function that makes encoders becomes one.

    Raises:
        TypeError: It is neither.
    """
    kinds: tuple[tuple[Kind, type], ...] = (
        ("data", ReaderCase),
        ("frontend", FrontendCase),
        ("encoder", EncoderCase),
        ("head", HeadCase),
    )
    for kind, cls in kinds:
        if isinstance(case, cls):
            return CHECKS[kind], case
    if callable(case):
        return CHECKS["encoder"], EncoderCase(case)
    raise TypeError(
        f"{case!r} is not a case. Pass KIND=NAME, a case, or a function that makes encoders"
    )
