"""Read the examples of a split, and collect those that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seqloom.data.characters import refuse_surrogates
from seqloom.data.progress import progress
from seqloom.data.rejected import Rejected
from seqloom.errors import Cause, DataError, ExampleError, PluginError
from seqloom.interfaces.codec import FrontendCodec
from seqloom.interfaces.example import Example
from seqloom.interfaces.reader import Reader


def checked(found: Iterable[Example | ExampleError]) -> Iterator[Example | ExampleError]:
    """Yield what a reader yields, and check it.

    A generator cannot continue after raising an error. A reader must therefore yield an
    ExampleError, which concerns a single example, instead of raising it.

    Raises:
        DataError: The reader raised an ExampleError.
        PluginError: The reader yielded something else than an Example or an ExampleError.
    """
    try:
        for one in found:
            if not isinstance(one, Example | ExampleError):
                raise PluginError(
                    f"A reader yielded {repr(one)[:80]} ({type(one).__name__}); expected an "
                    "Example, or an ExampleError for an example that cannot be used.",
                    cause=Cause.broken_plugin,
                )
            yield one
    except ExampleError as error:
        raise DataError(
            f"{error}\nThe reader raised this ExampleError, so the examples after it cannot be "
            "read. It must yield the error instead of raising it: yield ExampleError(…)."
        ) from error


def read_split(
    reader: Reader, split: str, codec: FrontendCodec, rejected: Rejected
) -> list[Example]:
    """Return a split's examples with derived fields; those that cannot be used are rejected.

    Raises:
        DataError: A file is malformed.
    """
    found = []
    for one in progress(checked(reader.examples(split)), f"Reading the {split} split"):
        if isinstance(one, ExampleError):
            rejected.errors.append(one)
        else:
            found.append(one)
    return prepare(codec, distinct(found, rejected), rejected)


def prepare(codec: FrontendCodec, examples: Iterable[Example], rejected: Rejected) -> list[Example]:
    """Return the examples with derived fields; those that cannot be prepared are rejected."""
    prepared = []
    for example in progress(examples, "Preparing"):
        try:
            refuse_surrogates(example)
            prepared.append(codec.prepare(example))
        except ExampleError as error:
            rejected.errors.append(error)
    return prepared


def distinct(examples: Iterable[Example], rejected: Rejected) -> list[Example]:
    """Return the examples without those whose id another one has before them; they are rejected."""
    seen: dict[str, Example] = {}
    for example in examples:
        other = seen.setdefault(example.id, example)
        if other is not example:
            place = f"at {other.origin}" if other.origin else "before it"
            problem = f"the example {place} has the same id, {example.id!r}; ids must be unique."
            rejected.errors.append(ExampleError(example, problem))
    return list(seen.values())
