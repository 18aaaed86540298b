"""New proteins, as FASTA and as tables."""

from __future__ import annotations

import gzip
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example, Origin

from seqloom_protein.table import TableReader

Write = Callable[[str, str], str]
FASTA = "; two proteins\n>sp|P1|ONE first of them\nMKV\nla*\n\n>two\r\nGG\r\n"


def read(*paths: str) -> list[Example]:
    return list(TableReader().inputs(paths))


@pytest.mark.parametrize("name", ["new.fasta", "new.fa", "new.FAA", "new.txt"])
def test_fasta(write: Write, name: str) -> None:
    path = write(name, FASTA)
    assert read(path) == [
        Example("sp|P1|ONE", {"residues": list("MKVLA")}, Origin(path, 2)),
        Example("two", {"residues": ["G", "G"]}, Origin(path, 6)),
    ]


def test_fasta_packed_by_gzip(tmp_path: Path) -> None:
    path = tmp_path / "new.fa.gz"
    path.write_bytes(gzip.compress(FASTA.encode()))
    assert [one.id for one in read(str(path))] == ["sp|P1|ONE", "two"]


def test_a_table_needs_sequences_alone(write: Write) -> None:
    path = write("new.tsv", "length\tsequence\n3\tMKV\n")
    assert read(path) == [Example("new:2", {"residues": list("MKV")}, Origin(path, 2))]
    with_all = write("all.tsv", "id\tsequence\tss3\tresolved\nx\tMK\tHC\t10\n")
    fields = {"residues": ["M", "K"], "structure": "HC", "resolved": "10"}
    assert read(with_all)[0].fields == fields


def test_equal_names_are_numbered(write: Write) -> None:
    first, second = write("a.fa", ">x\nM\n>x\nM\n"), write("b.fa", ">x\nM\n>x#2\nM\n")
    assert [one.id for one in read(first, second)] == ["x", "x#2", "x#3", "x#2#2"]


def test_each_protein_is_out_before_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO(b">one\nMK\n>two\nGG\n>three\nAA\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
    inputs = TableReader().inputs(["-"])
    assert next(inputs) == Example("one", {"residues": ["M", "K"]}, Origin("<stdin>", 1))
    assert stream.read() == b"GG\n>three\nAA\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("MKV\n", "new.fasta:1: 'MKV' precedes the first header"),
        (">one\nMK\n> \nGG\n", "new.fasta:3: a header without a name; expected '>name'."),
    ],
)
def test_malformed_fasta(write: Write, text: str, problem: str) -> None:
    with pytest.raises(DataError, match=re.escape(problem)):
        read(write("new.fasta", text))


def test_one_bad_protein_does_not_hide_the_next(write: Write) -> None:
    path = write("new.fasta", ">a\nMK1\n>b\n>c\nMK\n")
    first, second, third = TableReader().inputs([path])
    assert isinstance(first, ExampleError)
    assert str(first).startswith(f"{path}:1: '1' at position 3 of the sequence")
    assert isinstance(second, ExampleError)
    assert str(second).startswith(f"{path}:3: the protein has no residue")
    assert isinstance(third, Example)
    assert third.id == "c"


def test_a_table_without_sequences(write: Write) -> None:
    path = write("new.tsv", "id\tseqence\nx\tMKV\n")
    with pytest.raises(DataError, match=re.escape(f"{path}:1: no column 'sequence'")):
        read(path)
