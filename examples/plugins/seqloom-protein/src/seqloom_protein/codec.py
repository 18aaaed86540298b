"""The codec of the head: from letters to numbered states, and from states to tables and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from seqloom.errors import ExampleError, did_you_mean
from seqloom.interfaces import Arrays, Example, HeadCodec, Prediction, View

from seqloom_protein.render import render

UNRESOLVED = -1
"""Number of residues that are not resolved, and of the padding."""


class StructureCodec(HeadCodec):
    """Codec that numbers the states of resolved residues in the training examples, sorted.

    It encodes ``states``, int64 (T,), with ``UNRESOLVED`` where the mask is 0.

    Attributes:
        states: Letters of the numbers; known after ``restore``.
    """

    column_names = ("residue", "state", "confidence")
    row_per_token = True
    padding = {"states": UNRESOLVED}  # noqa: RUF012 (the interface declares it)

    def __init__(self, field: str = "structure", mask: str = "resolved") -> None:
        self.field = field
        self.mask = mask
        self.states: list[str] = []
        self._numbers: dict[str, int] = {}

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the states of the training examples.

        Raises:
            ExampleError: If a field of an example is missing or invalid.
        """
        found: set[str] = set()
        for example in examples:
            found.update(state for state in self._read(example) if state)
        return {"states": sorted(found)}

    @property
    def score(self) -> str:
        """Name of the accuracy: ``q3`` for three states, ``q8`` for the eight of DSSP."""
        return f"q{len(self.states)}"

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a state that ``fit`` returned."""
        self.states = list(state["states"])
        self._numbers = {letter: number for number, letter in enumerate(self.states)}

    def encode(self, example: Example) -> Arrays:
        """Return the numbers of the example's states.

        Raises:
            ExampleError: If a field is missing or invalid, no residue is resolved, or a state does
                not occur in the training examples.
        """
        states = self._read(example)
        numbers = np.full(len(states), UNRESOLVED, dtype=np.int64)
        for place, state in enumerate(states):
            if state and state not in self._numbers:
                raise ExampleError(
                    example,
                    f"residue {place + 1} has the state {state!r}, which is not in the training "
                    f"data. {did_you_mean(state, self.states)} Fix it, mark the residue as not "
                    "resolved, or leave such examples out.",
                )
            if state:
                numbers[place] = self._numbers[state]
        return {"states": numbers}

    def check(self, example: Example, arrays: Arrays, frames: int) -> None:
        """Check that an example has one state for each step.

        Raises:
            ExampleError: If the numbers differ.
        """
        count = len(arrays["states"])
        if count != frames:
            raise ExampleError(
                example,
                f"field {self.field!r} has {count} states for {frames} residues; "
                "head=secondary_structure needs one state for each residue.",
            )

    def describe(self, example: Example, prediction: Prediction) -> Prediction:
        """Return the prediction together with the ``residues`` as one text."""
        return {"residues": "".join(example.fields["tokens"]), **prediction}

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return a row for each residue: letter, state and confidence."""
        states = prediction["states"]
        confidence = prediction.get("confidence")
        numbers = [""] * len(states) if confidence is None else [f"{p:.4f}" for p in confidence]
        rows = zip(example.fields["tokens"], states, numbers, strict=True)
        return [list(row) for row in rows]

    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        """Return HTML of the residues, coloured by state, with the known structure below."""
        return render(example.fields["tokens"], prediction["states"], self._known(example))

    def _known(self, example: Example) -> str | None:
        """Return the known states, with dots for unresolved residues; None if there are none."""
        try:
            return "".join(state or "." for state in self._read(example))
        except ExampleError:
            return None

    def _read(self, example: Example) -> list[str]:
        """Return a letter for each residue, empty if it is not resolved."""
        letters = self._text(example, self.field, "field", "one letter for each residue")
        mask = self._text(example, self.mask, "mask", "a 1 or 0 for each residue")
        if set(mask) - {"0", "1"}:
            raise ExampleError(example, f"field {self.mask!r} has other characters than 0 and 1.")
        if len(letters) != len(mask):
            raise ExampleError(
                example,
                f"field {self.field!r} has {len(letters)} states, but field {self.mask!r} has "
                f"{len(mask)} marks; expected one of each per residue.",
            )
        if "1" not in mask:
            raise ExampleError(
                example,
                "no residue is resolved, so there is nothing to learn or to score. Leave such "
                "examples out.",
            )
        return [letter * int(mark) for letter, mark in zip(letters, mask, strict=True)]

    def _text(self, example: Example, name: str, parameter: str, expected: str) -> str:
        value = example.fields.get(name)
        if value is None:
            raise ExampleError(
                example,
                f"has no field {name!r} (head.{parameter}). {did_you_mean(name, example.fields)}",
            )
        if not isinstance(value, str):
            raise ExampleError(example, f"field {name!r} is {value!r}; expected {expected}.")
        return value
