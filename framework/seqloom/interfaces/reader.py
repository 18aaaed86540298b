"""The interface of a reader, which yields examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from seqloom.errors import DataError, ExampleError
from seqloom.interfaces.example import Example

SPLITS = ("train", "val", "test")


def _no_parts(*_: Any) -> tuple[()]:
    return ()


class Reader(ABC):
    """Base class of readers: yields the examples of a data set, and new inputs in its format.

    A reader is built with its component's parameters as keyword arguments. It is lazy: no file is
    opened before the first example is read.
    """

    @abstractmethod
    def examples(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the examples of ``train``, ``val`` or ``test``, always in the same order.

        A split that the data set does not have yields nothing. An example that cannot be used is
        yielded as an ExampleError; depending on ``on_bad``, it ends the run or is left out. A plain
        generator works::

            def examples(self, split):
                for number, line in enumerate(self._lines(split), 1):
                    example = Example(f"{split}:{number}", {"text": line})
                    yield example if line else ExampleError(example, "the line is empty")

        Raises:
            DataError: If a file is missing or malformed; this ends the split.
        """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give a class that overrides ``examples`` no inherited parts: they are of others.

        The same holds for any other method, such as ``whole`` and ``whole_in_parts``.
        """
        super().__init_subclass__(**kwargs)
        for name in [*vars(cls)]:
            parts = f"{name}_in_parts"
            if hasattr(cls, parts) and parts not in vars(cls):
                setattr(cls, parts, _no_parts)

    def examples_in_parts(self, split: str) -> Sequence[Iterable[Example | ExampleError]]:
        """Return the parts of a large split, for several processes to read; none by default.

        One after the other they yield what ``examples`` yields, with the same ids and origins. Each
        is gone through once, in a process that was forked from this one. A part that finds that it
        cannot be read without those before it raises a ValueError: the split is then read by
        ``examples``. It is, too, if one raises another error, or logs a message.

        Returns:
            The parts, each of some megabytes; none if the split is small, or must be read as a
            whole.

        Raises:
            DataError: As ``examples``.
        """
        return ()

    def inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        """Yield an example for each input in the files, as they are read; ``-`` is standard input.

        Targets may be absent. Used by ``seqloom predict``. It must not read ahead by more than one
        example, so that the first prediction is written before the input ends.

        Raises:
            DataError: If this reader does not read files, or a file is missing or malformed.
        """
        raise DataError(
            f"{type(self).__name__} does not read files, so there is nothing to predict from "
            f"{', '.join(paths)}. Select a reader: data=NAME."
        )

    def also_read(self, fields: Mapping[str, str]) -> None:  # noqa: B027 - readers of tables do
        """Read these fields too from columns of the same name, where inputs have them.

        ``seqloom predict`` calls it before ``inputs``, with what `HeadCodec.given` uses. A reader
        of tables does not require these columns, and leaves a field as it is that its parameters
        name. By default, nothing is done.

        Args:
            fields: Kinds by field.
        """

    def recognize(self, lines: Sequence[str]) -> Mapping[str, Any] | None:
        """Return how to read a file that begins with these lines; None if it is of another kind.

        ``seqloom predict`` asks the reader that the model was trained with about plain text whose
        suffix does not say more, such as standard input. What is returned are the parameters to
        read it with that differ from this reader's own. By default, nothing is recognized.
        """
        return None
