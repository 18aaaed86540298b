"""New proteins to predict: FASTA, or a table with a column of sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from seqloom.data import Table, TextFile, UniqueNames
from seqloom.errors import ExampleError
from seqloom.interfaces import Example, Origin

from seqloom_protein import FASTA_SUFFIXES, Columns
from seqloom_protein.fasta import entries
from seqloom_protein.records import Record, records, to_example


def read_inputs(paths: Sequence[str], columns: Columns) -> Iterator[Example | ExampleError]:
    """Yield the proteins in the files, each as soon as its lines are read.

    A file is FASTA according to its suffix or first line, and a table otherwise. Equal names are
    numbered: ``chain``, ``chain#2``.

    Raises:
        DataError: If a file is missing or malformed.
    """
    unique = UniqueNames()
    for path in paths:
        for one in _read(path, columns):
            if isinstance(one, Example):
                one.id = unique(one.id)
            yield one


def _read(path: str, columns: Columns) -> Iterator[Example | ExampleError]:
    text = TextFile.find(path)
    lines = text.lines()
    first = next(lines, (1, ""))
    whole = chain([first], lines)
    if text.suffix in FASTA_SUFFIXES or first[1].startswith((">", ";")):
        for entry in entries(text, whole):
            yield to_example(Record(entry.name, Origin(text.shown, entry.line), entry.text))
    else:
        table = Table(text, delimiter="\t", quoting=False, skip_blank=True, lines=whole)
        yield from map(to_example, records(table, columns, targets=False))
