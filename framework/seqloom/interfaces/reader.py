"""The interface of a data component: where examples come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from seqloom.errors import DataError, ExampleError
from seqloom.interfaces.example import Example

SPLITS = ("train", "val", "test")


class Reader(ABC):
    """A data set with named splits, and a reader of new inputs in the same format.

    A reader is built with its component's parameters as keyword arguments. It reads lazily: nothing
    is opened before the first example is asked for.
    """

    @abstractmethod
    def examples(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the examples of ``train``, ``val`` or ``test``, always in the same order.

        A split that the data set does not have yields nothing. An example that cannot be used is
        yielded as an ExampleError; by the user's ``on_bad`` it ends the run or is left out. The
        obvious generator does::

            def examples(self, split):
                for number, line in enumerate(self._lines(split), 1):
                    example = Example(f"{split}:{number}", {"text": line})
                    yield example if line else ExampleError(example, "the line is empty")

        Raises:
            DataError: A file is missing or malformed; names file and line. This ends the split.
        """

    def inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        """Yield an example for each input in the files, as they are read; ``-`` is standard input.

        Targets may be absent. Used by ``seqloom predict``: it must not read ahead further than one
        example, so that the first prediction is out before the input ends.

        Raises:
            DataError: This reader reads no files, or a file is missing or malformed.
        """
        raise DataError(
            f"{type(self).__name__} does not read files, so there is nothing to predict from "
            f"{', '.join(paths)}; choose a reader: data=NAME."
        )
