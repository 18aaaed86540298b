"""From the texts of one protein to an example."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seqloom.errors import ExampleError
from seqloom.interfaces import Example, Origin

_NO_RESIDUE = re.compile("[^A-Z]")
_NO_MASK = re.compile("[^01]")


@dataclass(frozen=True, slots=True)
class Record:
    """The texts of one protein, as they stand in a file.

    Attributes:
        id: of the protein.
        origin: where it starts.
        residues: one letter a residue.
        structure: one letter a residue, or None if it is not known.
        resolved: a 1 or 0 a residue, or None if all are resolved.
    """

    id: str
    origin: Origin
    residues: str
    structure: str | None = None
    resolved: str | None = None


def to_example(record: Record) -> Example | ExampleError:
    """Return the example, or what is wrong with it.

    Small letters, which mark regions of low complexity, are read as capitals; a ``*`` at the end,
    the stop codon of translated genes, is left out.
    """
    example = Example(record.id, {}, record.origin)
    residues = record.residues.upper()
    if record.structure is None:
        residues = residues.removesuffix("*")
    if problem := _problem(residues, record):
        return ExampleError(example, problem)
    example.fields["residues"] = list(residues)
    if record.structure is not None:
        example.fields["structure"] = record.structure
        example.fields["resolved"] = record.resolved or "1" * len(residues)
    return example


def _problem(residues: str, record: Record) -> str:
    """Say what is wrong with a protein; nothing if all is well."""
    if not residues:
        return "the protein has no residue; expected one letter for each."
    if found := _NO_RESIDUE.search(residues):
        return (
            f"{found.group()!r} at place {found.start() + 1} of the sequence is no residue; "
            "expected letters A to Z, without gaps."
        )
    parts = {"the structure": record.structure, "the mask of resolved residues": record.resolved}
    for name, text in parts.items():
        if text is not None and len(text) != len(residues):
            return f"{name} is {len(text)} long, but there are {len(residues)} residues."
    if found := _NO_MASK.search(record.resolved or ""):
        return (
            f"{found.group()!r} at place {found.start() + 1} of the mask; expected 1 where a "
            "residue is resolved and 0 where it is not."
        )
    return ""
