"""Read all of a source, past the examples that it cannot use."""

from __future__ import annotations

from collections.abc import Iterator

from seqloom.errors import ExampleError
from seqloom.interfaces import Example


def outcomes(examples: Iterator[Example]) -> Iterator[Example | ExampleError]:
    """Yield each example, or in its place the error that ``next`` raised for it.

    Raises:
        ExampleError: it came from a generator, which cannot go on after an error; to stop without
            a word would lose the examples that were still to come.
    """
    while True:
        try:
            yield next(examples)
        except StopIteration:
            return
        except ExampleError as fault:
            if getattr(examples, "gi_frame", examples) is None:
                raise
            yield fault
