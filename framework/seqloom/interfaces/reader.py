"""The interface of a data component: where examples come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from seqloom.errors import DataError
from seqloom.interfaces.example import Example

SPLITS = ("train", "val", "test")


class Reader(ABC):
    """A data set with named splits, and a reader of new inputs of the same form.

    A source is built with its component's parameters as keyword arguments. It reads lazily: nothing
    is opened before the first example is asked for.
    """

    @abstractmethod
    def examples(self, split: str) -> Iterator[Example]:
        """Yield the examples of ``train``, ``val`` or ``test``, always in the same order.

        A split that the data set does not have yields nothing.

        Raises:
            DataError: a file is missing or malformed; the text has file and line.
            ExampleError: from ``next``, for one example that cannot be used. An iterator that is
                no generator may go on with the one after it, which ``on_bad=skip`` asks for.
        """

    def inputs(self, paths: Sequence[str]) -> Iterator[Example]:
        """Yield an example for each input in the files, as they are read; ``-`` is standard input.

        Targets need not be there. Used by ``seqloom predict``: it must not read ahead further than
        one example, so that the first prediction is out before the input ends.

        Raises:
            DataError: this source reads no files, or a file is missing or malformed.
        """
        raise DataError(
            f"{type(self).__name__} does not read files, so there is nothing to predict from "
            f"{', '.join(paths)}; choose a reader with --data NAME."
        )
