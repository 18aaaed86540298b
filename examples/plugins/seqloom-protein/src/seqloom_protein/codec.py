"""The codec of the head: from letters to numbered states, and from states to tables and markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from seqloom.errors import ExampleError, did_you_mean
from seqloom.interfaces import Arrays, Example, HeadCodec, Prediction, View

from seqloom_protein.render import render

UNRESOLVED = -1
"""In place of a state's number where the residue is not resolved, and in the padding."""


class StructureCodec(HeadCodec):
    """Numbers the states that resolved residues of the training examples have, sorted.

    Its item is ``states``, int64 (T,), with ``UNRESOLVED`` where the mask is 0.

    Attributes:
        states: the letters of the numbers; known after ``restore``.
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
            ExampleError: an example lacks a field, or has a wrong value in it.
        """
        found: set[str] = set()
        for example in examples:
            found.update(state for state in self._read(example) if state)
        return {"states": sorted(found)}

    @property
    def score(self) -> str:
        """What the share of right states is called: ``q3`` of three, ``q8`` of DSSP's eight."""
        return f"q{len(self.states)}"

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state that ``fit`` returned."""
        self.states = list(state["states"])
        self._numbers = {letter: number for number, letter in enumerate(self.states)}

    def encode(self, example: Example) -> Arrays:
        """Return the numbers of the example's states.

        Raises:
            ExampleError: a field is missing or wrong, no residue is resolved, or one has a state
                that no training example has.
        """
        states = self._read(example)
        numbers = np.full(len(states), UNRESOLVED, dtype=np.int64)
        for place, state in enumerate(states):
            if state and state not in self._numbers:
                raise ExampleError(
                    example,
                    f"residue {place + 1} has the state {state!r}, which no training example has. "
                    f"{did_you_mean(state, self.states)} Fix it, mark the residue as not "
                    "resolved, or leave such examples out: on_bad=skip.",
                )
            if state:
                numbers[place] = self._numbers[state]
        return {"states": numbers}

    def check(self, example: Example, item: Arrays, frames: int) -> None:
        """Refuse an example that has not one state for each step.

        Raises:
            ExampleError: says both numbers.
        """
        count = len(item["states"])
        if count != frames:
            raise ExampleError(
                example,
                f"field {self.field!r} has {count} states, and there are {frames} residues; "
                "head=secondary_structure needs one state for each residue.",
            )

    def describe(self, example: Example, prediction: Prediction) -> Prediction:
        """Return the prediction with the ``residues`` it is of, in one text."""
        return {"residues": "".join(example.fields["tokens"]), **prediction}

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return a row for each residue: its letter, its state and the confidence in it."""
        states = prediction["states"]
        confidence = prediction.get("confidence")
        numbers = [""] * len(states) if confidence is None else [f"{p:.4f}" for p in confidence]
        rows = zip(example.fields["tokens"], states, numbers, strict=True)
        return [list(row) for row in rows]

    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        """Return HTML of the residues, coloured by state; the known structure below them."""
        return render(example.fields["tokens"], prediction["states"], self._known(example))

    def _known(self, example: Example) -> str | None:
        """Return the example's own states, a dot where unresolved; None if it has none."""
        try:
            return "".join(state or "." for state in self._read(example))
        except ExampleError:
            return None

    def _read(self, example: Example) -> list[str]:
        """Return a letter for each residue, empty where it is not resolved."""
        letters = self._text(example, self.field, "field", "one letter for each residue")
        mask = self._text(example, self.mask, "mask", "a 1 or 0 for each residue")
        if set(mask) - {"0", "1"}:
            raise ExampleError(
                example, f"field {self.mask!r} has other letters than 0 and 1, which it must have."
            )
        if len(letters) != len(mask):
            raise ExampleError(
                example,
                f"field {self.field!r} has {len(letters)} states, and field {self.mask!r} "
                f"{len(mask)} marks; there must be one of each for a residue.",
            )
        if "1" not in mask:
            raise ExampleError(
                example,
                "no residue is resolved, so there is nothing to learn or to score; leave such "
                "examples out: on_bad=skip.",
            )
        return [letter * int(mark) for letter, mark in zip(letters, mask, strict=True)]

    def _text(self, example: Example, name: str, parameter: str, expected: str) -> str:
        value = example.fields.get(name)
        if value is None:
            raise ExampleError(
                example,
                f"has no field {name!r}, which head.{parameter} names. "
                f"{did_you_mean(name, example.fields)}",
            )
        if not isinstance(value, str):
            raise ExampleError(example, f"field {name!r} is {value!r}; expected {expected}.")
        return value
