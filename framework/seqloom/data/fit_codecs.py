"""Fit codecs on the training examples, and reject the examples that they refuse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, TypeVar

from seqloom.data.encode import Codecs
from seqloom.data.forked import in_order, processes
from seqloom.data.progress import progress, waiting
from seqloom.data.rejected import Rejected
from seqloom.data.spool import Spool
from seqloom.errors import Cause, DataError, ExampleError, ExamplesError, SeqloomError, plural
from seqloom.interfaces import Codec, Example, HeadCodec
from seqloom.quiet import quiet, withheld

T = TypeVar("T")
PARTS = 4
"""Number of parts that each process counts."""

CONTEXT = 100
"""Number of good examples put beside a suspect, to see whether ``fit`` refuses it."""


Learn = Callable[[Sequence[Example]], dict[str, Any]]
"""From examples to a codec's state."""


def fit_codecs(
    codecs: Codecs,
    examples: list[Example] | Spool,
    rejected: Rejected,
    basis: Mapping[str, Any] | None = None,
    classes: str = "keep",
) -> dict[str, Any]:
    """Fit every codec and return their states: ``{"frontend": …, "heads": {name: …}}``.

    An example that one of the codecs refuses is removed from ``examples`` and rejected.

    Args:
        codecs: Codecs to fit. Some keep what they learned: restore the states in all of them.
        examples: Examples of the train split.
        rejected: Collects what is refused.
        basis: States of a trained model to start from: the frontend's is kept.
        classes: What to do with the states of its heads: ``keep``, ``merge`` or ``replace``.

    Raises:
        DataError: No example is left, or a codec cannot learn from them.
        ConfigError: A head's codec cannot merge its classes with others.
    """
    learners = {
        # By the names of heads; the frontend has none. Heads first: fitting a frontend can be
        # expensive, and it refuses less.
        **{
            name: (codec, _learner(codec, (basis or {}).get("heads", {}).get(name), classes))
            for name, codec in codecs.heads.items()
        },
        "": (codecs.frontend, _learner(codecs.frontend, basis and basis["frontend"], "keep")),
    }
    fitting = {name: codec for name, (codec, learn) in learners.items() if learn == codec.fit}
    for name, counts in _counted(fitting, examples).items():
        codec = fitting[name]
        learners[name] = codec, partial(_learn_counted, codec, counts, len(examples))
    states: dict[str, dict[str, Any]] = {}
    fitted: dict[str, int] = {}
    number = len(examples)
    with waiting(f"Fitting the codecs on {number:,} {plural(number, 'example')}"):
        # Again only where another codec has removed examples: what a codec warns of is said once.
        while stale := [name for name in learners if fitted.get(name) != len(examples)]:
            for name in stale:
                states[name] = _fit(*learners[name], examples, rejected)
                fitted[name] = len(examples)
    return {"frontend": states.pop(""), "heads": states}


def _learner(codec: Codec, basis: Mapping[str, Any] | None, classes: str) -> Learn:
    if basis is None or classes == "replace":
        return codec.fit
    if classes == "merge" and isinstance(codec, HeadCodec):
        return partial(codec.merge, basis)
    return lambda _: dict(basis)


def _counted(codecs: Mapping[str, Codec], examples: list[Example] | Spool) -> dict[str, Any]:
    """Return what the codecs that count have counted, by their names, if the examples are many."""
    number = processes(len(examples))
    if number == 1:
        return {}
    codecs = {name: one for name, one in codecs.items() if type(one).count is not Codec.count}
    if isinstance(examples, Spool):
        examples.flush()  # once, and not in each process
    size = -(-len(examples) // (number * PARTS))
    starts = range(0, len(examples), size) if codecs else ()

    def count(start: int) -> dict[str, Any] | None:
        part = examples[start : start + size]
        with withheld() as said:
            found = {name: codec.count(part) for name, codec in codecs.items()}
        return None if said else found

    whole: dict[str, Any] = {}
    with closing(in_order(count, starts, number)) as done:
        for _, found in progress(done, "Counting", ("part", "parts"), len(starts)):
            if found is None:
                return {}  # the codecs meet what is wrong in its place
            for name, counts in found.items():
                if name in whole:
                    whole[name].update(counts)
                else:
                    whole[name] = counts
    return whole


def _learn_counted(
    codec: Codec, counts: Any, number: int, examples: Sequence[Example]
) -> dict[str, Any]:
    """Return a codec's state; ``counts`` are those of all examples before any was removed."""
    return codec.fit_counted(counts, examples) if len(examples) == number else codec.fit(examples)


def _fit(
    codec: Codec, learn: Learn, examples: list[Example] | Spool, rejected: Rejected
) -> dict[str, Any]:
    while True:
        try:
            return learn(examples)
        except ExampleError as error:
            with quiet(logging.CRITICAL, "seqloom"):  # trial fits
                errors = _similar(codec, learn, examples, error)
        except ExamplesError as error:
            errors = error.errors
        rejected.errors += errors
        refused, before = {error.example_id for error in errors}, len(examples)
        if isinstance(examples, list):
            examples[:] = [one for one in examples if one.id not in refused]
        else:
            examples.remove(refused)
        if len(examples) == before:
            raise errors[0]
        if not examples:
            rejected.raise_or_warn("the train split")
            raise DataError(
                "No training example is left that can be used.", cause=Cause.no_examples
            )


def _similar(
    codec: Codec, learn: Learn, examples: Sequence[Example], error: ExampleError
) -> list[ExampleError]:
    """Return the error, and those of the examples after it, in time linear in their number.

    ``fit`` names one example at a time. A codec fitted on the examples before that one finds the
    suspects among those after it: they cannot be encoded, if only because of a new label. A suspect
    that ``fit`` refuses beside good examples is rejected; what only all examples together can tell,
    an `ExamplesError`, is not asked here.
    """
    place = next((i for i, one in enumerate(examples) if one.id == error.example_id), None)
    if place is None:
        raise error
    good, suspects = examples[:place], examples[place + 1 :]
    if good and _error_of(partial(_restore, codec, learn), good) is None:
        suspects = [one for one in suspects if _error_of(codec.encode, one)]
    else:
        good = []
    found = [error]
    for one in suspects:
        other = _error_of(learn, [*good[-CONTEXT:], one])
        if isinstance(other, ExampleError) and other.example_id == one.id:
            found.append(other)
    return found


def _restore(codec: Codec, learn: Learn, examples: Sequence[Example]) -> None:
    codec.restore(learn(examples))


def _error_of(attempt: Callable[[T], Any], argument: T) -> SeqloomError | None:
    try:
        attempt(argument)
    except SeqloomError as error:
        return error
    return None
