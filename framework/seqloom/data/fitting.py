"""Fit codecs on the training examples, and find those that they refuse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from seqloom.data.encode import Bad, Codecs
from seqloom.errors import DataError, ExampleError, SeqloomError
from seqloom.interfaces import Codec, Example, HeadCodec

T = TypeVar("T")
CONTEXT = 100
"""So many good examples are put beside a suspect, to see whether ``fit`` refuses it."""


Learn = Callable[[Sequence[Example]], dict[str, Any]]
"""From examples to a codec's state."""


def fit(
    codecs: Codecs,
    examples: list[Example],
    bad: Bad,
    basis: Mapping[str, Any] | None = None,
    classes: str = "keep",
) -> dict[str, Any]:
    """Fit every codec and return their states: ``{"frontend": …, "heads": {name: …}}``.

    An example that one of the codecs refuses is taken out of ``examples``, and goes to ``bad``.

    Args:
        codecs: to fit; they are left as they are.
        examples: of the train split.
        bad: collects what is refused.
        basis: the states of a trained model, to begin from: the frontend's is kept.
        classes: what becomes of the states of its heads: ``keep``, ``merge`` or ``replace``.

    Raises:
        DataError: no example is left, or a codec cannot learn from them.
        ConfigError: a head's codec cannot merge its classes with others.
    """
    learners = {
        # Heads first: a frontend's fit can be dear, and it refuses less.
        **{
            name: (codec, _learner(codec, (basis or {}).get("heads", {}).get(name), classes))
            for name, codec in codecs.heads.items()
        },
        "": (codecs.frontend, _learner(codecs.frontend, basis and basis["frontend"], "keep")),
    }
    while True:
        before = len(examples)
        heads = {name: _fit(*learner, examples, bad) for name, learner in learners.items()}
        if len(examples) == before:
            return {"frontend": heads.pop(""), "heads": heads}


def _learner(codec: Codec, basis: Mapping[str, Any] | None, classes: str) -> Learn:
    if basis is None or classes == "replace":
        return codec.fit
    if classes == "merge" and isinstance(codec, HeadCodec):
        return partial(codec.merge, basis)
    return lambda _: dict(basis)


def _fit(codec: Codec, learn: Learn, examples: list[Example], bad: Bad) -> dict[str, Any]:
    while True:
        try:
            return learn(examples)
        except ExampleError as fault:
            with _silence():
                faults = _like(codec, learn, examples, fault)
        bad.faults += faults
        refused = {fault.example_id for fault in faults}
        examples[:] = [one for one in examples if one.id not in refused]
        if not examples:
            bad.settle("the train split")
            raise DataError("No training example is left that can be used.")


def _like(
    codec: Codec, learn: Learn, examples: list[Example], fault: ExampleError
) -> list[ExampleError]:
    """Return the fault, and those of the examples after it, in time linear in their number.

    ``fit`` names one example at a time. What was fitted on the examples before that one tells the
    suspects among those after it: they cannot be encoded, be it only for a new label. A suspect
    that ``fit`` refuses beside good examples is bad.
    """
    place = next((i for i, one in enumerate(examples) if one.id == fault.example_id), None)
    if place is None:
        raise fault
    good, suspects = examples[:place], examples[place + 1 :]
    if good and _outcome(partial(_restore, codec, learn), good) is None:
        suspects = [one for one in suspects if _outcome(codec.encode, one)]
    else:
        good = []
    found = [fault]
    for one in suspects:
        other = _outcome(learn, [*good[-CONTEXT:], one])
        if isinstance(other, ExampleError) and other.example_id == one.id:
            found.append(other)
    return found


def _restore(codec: Codec, learn: Learn, examples: list[Example]) -> None:
    codec.restore(learn(examples))


def _outcome(attempt: Callable[[T], Any], given: T) -> SeqloomError | None:
    try:
        attempt(given)
    except SeqloomError as fault:
        return fault
    return None


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what codecs say of each trial fit out of the log."""
    log = logging.getLogger("seqloom")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
