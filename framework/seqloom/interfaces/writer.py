"""The interface of a writer, which writes predictions in a format."""

from __future__ import annotations

from typing import Protocol

from seqloom.interfaces.example import Example, Prediction
from seqloom.interfaces.reader import Reader


class Writer(Protocol):
    """Writer of predictions for ``seqloom predict --to FORMAT --out PATH``.

    Built as ``Writer(out, codec)`` with the path that the user passed, or None, and the codec of
    the model's head. Raises ConfigError if its predictions cannot be written in this format.
    """

    def begin(self, reader: Reader) -> None:
        """Prepare for the inputs of a reader; called once, before any of them is read.

        Raises:
            ConfigError: If inputs of this reader cannot be written in this format.
        """

    def write(self, example: Example, prediction: Prediction) -> None:
        """Write one (described) prediction; called in the order of the inputs."""

    def close(self) -> None:
        """Finish; called once after all predictions, unless there was an error."""
