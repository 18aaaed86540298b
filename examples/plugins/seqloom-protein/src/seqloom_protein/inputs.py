"""New proteins to predict: FASTA, or a table with a column of sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count

from seqloom.data import give
from seqloom.errors import ExampleError
from seqloom.interfaces import Example, Origin

from seqloom_protein import FASTA_SUFFIXES, Columns
from seqloom_protein.fasta import entries
from seqloom_protein.lines import Line, TextFile
from seqloom_protein.records import Record, to_example
from seqloom_protein.table_file import records


def read_inputs(paths: Sequence[str], columns: Columns) -> Iterator[Example]:
    """Return the proteins in the files, each as soon as its lines are there.

    A file is FASTA if its suffix or its first line says so, and a table otherwise. Equal names get
    a number: ``chain``, ``chain#2``.

    Raises:
        DataError: a file is missing or malformed.
        ExampleError: from ``next``, for one protein; ask for the next one.
    """
    found = chain.from_iterable(_read(path, columns) for path in paths)
    return give(_distinct(found))


def _read(path: str, columns: Columns) -> Iterator[Example | ExampleError]:
    text = TextFile.find(path)
    lines = text.lines()
    first = next(lines, (1, ""))
    whole = chain([first], lines)
    is_fasta = text.path.lower().removesuffix(".gz").endswith(FASTA_SUFFIXES)
    if is_fasta or first[1].startswith((">", ";")):
        return map(to_example, _fasta(text, whole))
    return map(to_example, records(text, whole, columns, targets=False))


def _fasta(text: TextFile, lines: Iterable[Line]) -> Iterator[Record]:
    for entry in entries(text, lines):
        yield Record(entry.name, Origin(text.shown, entry.line), entry.text)


def _distinct(
    found: Iterable[Example | ExampleError],
) -> Iterator[Example | ExampleError]:
    seen: set[str] = set()
    for one in found:
        if isinstance(one, Example):
            name = one.id
            one.id = next(n for n in _numbered(name) if n not in seen)
            seen.add(one.id)
        yield one


def _numbered(name: str) -> Iterator[str]:
    """Yield ``name``, ``name#2``, ``name#3`` and so on."""
    yield name
    yield from (f"{name}#{number}" for number in count(2))
