"""Read the examples of a split, and collect those that cannot be used."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

from seqloom.data.characters import refuse_surrogates
from seqloom.data.progress import progress
from seqloom.data.rejected import Rejected
from seqloom.data.spool import IN_MEMORY, Spool
from seqloom.errors import Cause, DataError, ExampleError, PluginError
from seqloom.interfaces.codec import FrontendCodec
from seqloom.interfaces.example import Example, Origin
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


def read_split(reader: Reader, split: str, codec: FrontendCodec, rejected: Rejected) -> Spool:
    """Return a split's examples with derived fields; those that cannot be used are rejected.

    Many examples are not kept in memory; see `Spool`.

    Raises:
        DataError: A file is malformed.
    """
    what = f"Reading the {split} split"
    shared = _by_processes(reader, split, codec, rejected, what)
    if shared is not None:
        return shared
    ids = _Ids()
    # A second time, with the ids themselves, only if two of their hashes are equal.
    for known in (ids, None):
        unread, twice, other = (Rejected(rejected.skip) for _ in range(3))
        found = progress(checked(reader.examples(split)), what)
        usable = _distinct(_usable(found, unread), twice, known)
        examples = Spool(_prepared(codec, usable, other))
        if not ids.may_repeat():
            break
    rejected.errors += [*unread.errors, *twice.errors, *other.errors]
    return examples


def _by_processes(
    reader: Reader, split: str, codec: FrontendCodec, rejected: Rejected, what: str
) -> Spool | None:
    """Return the examples that `read_split` returns; None if this process must read them."""
    from seqloom.data.parts import spooled  # imports torch, without which readers are imported

    def select(
        found: Iterable[Example | ExampleError],
    ) -> tuple[Iterable[Example], tuple[Rejected, Rejected, array[int]]]:
        unread, other, ids = Rejected(rejected.skip), Rejected(rejected.skip), array("q")
        usable = _noting_ids(_usable(checked(found), unread), ids)
        return _prepared(codec, usable, other), (unread, other, ids)

    shared = spooled(lambda: reader.examples_in_parts(split), select, what)
    if shared is None:
        return None
    examples, notes = shared
    unread, other, ids = zip(*notes, strict=True)
    if _may_repeat(ids):
        return None
    rejected.errors += [error for one in (*unread, *other) for error in one.errors]
    return examples


def _noting_ids(examples: Iterable[Example], ids: array[int]) -> Iterator[Example]:
    """Yield examples, and append the hashes of their ids, which a forked process has too."""
    for example in examples:
        ids.append(hash(example.id))
        yield example


def _may_repeat(ids: Iterable[array[int]]) -> bool:
    """Return whether one of the ids with these hashes may be there twice."""
    import numpy as np  # readers are imported without it

    every = np.concatenate([np.array(one) for one in ids])
    return len(np.unique(every)) < len(every)


class _Ids(dict[str, "Origin | None"]):
    """The ids of examples with their origins: of many examples only hashes, which may be equal.

    If two are, the ids must be looked at again, which is rare enough to read the examples again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._hashes = array("q")

    def __setitem__(self, ident: str, origin: Origin | None) -> None:
        if len(self) < IN_MEMORY:
            super().__setitem__(ident, origin)
        else:
            self._hashes.append(hash(ident))

    def may_repeat(self) -> bool:
        """Return whether an id may have been set twice."""
        return bool(self._hashes) and _may_repeat([self._hashes, array("q", map(hash, self))])


def _usable(found: Iterable[Example | ExampleError], rejected: Rejected) -> Iterator[Example]:
    for one in found:
        if isinstance(one, ExampleError):
            rejected.errors.append(one)
        else:
            yield one


def _distinct(
    examples: Iterable[Example],
    rejected: Rejected,
    known: dict[str, Origin | None] | None = None,
) -> Iterator[Example]:
    seen = {} if known is None else known
    for example in examples:
        if example.id not in seen:
            seen[example.id] = example.origin
            yield example
            continue
        origin = seen[example.id]
        place = f"at {origin}" if origin else "before it"
        problem = f"the example {place} has the same id, {example.id!r}; ids must be unique."
        rejected.errors.append(ExampleError(example, problem))


def _prepared(
    codec: FrontendCodec, examples: Iterable[Example], rejected: Rejected
) -> Iterator[Example]:
    for example in examples:
        try:
            refuse_surrogates(example)
            yield codec.prepare(example)
        except ExampleError as error:
            rejected.errors.append(error)
