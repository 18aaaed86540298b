"""From the rows of a table, or the texts of one protein, to examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from seqloom.data import Table, file_stem
from seqloom.errors import ExampleError
from seqloom.interfaces import Example, Origin

from seqloom_protein import Columns

_NO_RESIDUE = re.compile("[^A-Z]")
_NO_MASK = re.compile("[^01]")


@dataclass(frozen=True, slots=True)
class Record:
    """The texts of one protein as in the file.

    Attributes:
        id: Name of the protein.
        origin: Where it starts.
        residues: One letter per residue.
        structure: One letter per residue, or None if it is not known.
        resolved: A 1 or 0 per residue, or None if all are resolved.
    """

    id: str
    origin: Origin
    residues: str
    structure: str | None = None
    resolved: str | None = None


def records(table: Table, columns: Columns, targets: bool) -> Iterator[Record]:
    """Yield the proteins of a table; without ``targets`` only their sequences are required.

    Raises:
        DataError: A column is missing, or the table is malformed.
    """
    wanted = {name: column for name, column in vars(columns).items() if column is not None}
    for name in ("id", "resolved"):
        if targets and name in wanted and wanted[name] not in table.columns:
            hint = f"If there is none, data.columns.{name}=null."
            raise table.missing(wanted[name], f"data.columns.{name}", hint)
    for row in table.rows(wanted, None if targets else ["residues"]):
        values = {name: cell.strip() for name, cell in row.values.items()}
        name = values.pop("id", "") or f"{file_stem(table.file.path)}:{row.origin.line}"
        yield Record(name, row.origin, **values)


def to_example(record: Record) -> Example | ExampleError:
    """Return the example, or an error if it cannot be used.

    Lower-case letters, which mark regions of low complexity, are read as capitals. A ``*`` at the
    end, the stop codon of translated genes, is removed.
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
    """Return the problem with a protein; empty if it can be used."""
    if not residues:
        return "the protein has no residues; expected one letter per residue."
    if found := _NO_RESIDUE.search(residues):
        return (
            f"{found.group()!r} at position {found.start() + 1} of the sequence is not a residue; "
            "expected letters A to Z, without gaps."
        )
    parts = {"the structure": record.structure, "the mask of resolved residues": record.resolved}
    for name, text in parts.items():
        if text is not None and len(text) != len(residues):
            return f"{name} has {len(text)} letters, but there are {len(residues)} residues."
    if found := _NO_MASK.search(record.resolved or ""):
        return (
            f"{found.group()!r} at position {found.start() + 1} of the mask; expected 1 for a "
            "resolved residue and 0 for others."
        )
    return ""
