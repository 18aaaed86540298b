"""The interface of a writer: predictions in a form of their own."""

from __future__ import annotations

from typing import Protocol

from seqloom.interfaces.example import Example, Prediction
from seqloom.interfaces.reader import Reader


class Writer(Protocol):
    """Writes what was predicted, as ``seqloom predict --to FORM --out PATH`` wants it.

    Built as ``Writer(out, codec)``: the path that the user named, or None, and the codec of the
    model's head. Building it raises ConfigError if that head's predictions have no such form.
    """

    def begin(self, reader: Reader) -> None:
        """Prepare for the inputs of a reader; called once, before any of them is read.

        Raises:
            ConfigError: Inputs of this reader cannot have this form.
        """

    def write(self, example: Example, prediction: Prediction) -> None:
        """Write one (described) prediction; they come in the order of the inputs."""

    def close(self) -> None:
        """Finish; called once all are written, and not after an error."""
