"""What a check found: a sentence, and the places that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from seqloom.errors import ExampleError, printable
from seqloom.interfaces import Example

SHOWN = 5
"""Number of places that are printed; JSON has all of them."""


@dataclass(frozen=True)
class Finding:
    """Something about the data that one should know.

    Attributes:
        kind: Name of what was checked: ``unusable``, ``overlap``, ….
        error: Whether it makes the training impossible, or its scores wrong.
        text: Sentence that says what was found and what to do.
        places: Examples that it is about, each with its file and line, if known.
    """

    kind: str
    error: bool
    text: str
    places: Sequence[str] = field(default=())

    def facts(self) -> dict[str, Any]:
        """Return the finding in plain types."""
        return {**asdict(self), "places": list(self.places)}

    def __str__(self) -> str:
        lines = [f"{'Error' if self.error else 'Warning'}: {printable(self.text)}"]
        lines += [f"  {printable(place)}" for place in self.places[:SHOWN]]
        if len(self.places) > SHOWN:
            lines.append(f"  … and {len(self.places) - SHOWN:,} more; --json prints all of them")
        return "\n".join(lines)


def place(example: Example) -> str:
    """Return where an example was read, and its id: ``train.csv:3 (train:2)``."""
    return f"{example.origin} ({example.id})" if example.origin else f"example {example.id}"


def reason(error: ExampleError) -> str:
    """Return the place of an example that cannot be used, and why."""
    named = f"example {error.example_id}"
    where = named if error.where == named else f"{error.where} ({error.example_id})"
    return f"{where}: {error.problem}"
