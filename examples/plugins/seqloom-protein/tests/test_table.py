from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example, Origin

from seqloom_protein.table import TableReader

Write = Callable[[str, str], str]
TABLE = "id\tsequence\tss3\tresolved\n1abc-A\tMKV\tHHC\t011\n2xyz-B\tGG\tEE\t11\n"
FIRST = {"residues": ["M", "K", "V"], "structure": "HHC", "resolved": "011"}


def read(path: str, **params: Any) -> list[Example]:
    return list(TableReader(train=path, **params).examples("train"))


def test_a_protein_a_line(write: Write) -> None:
    path = write("train.tsv", TABLE)
    first, second = read(path)
    assert first == Example("1abc-A", FIRST, Origin(path, 2))
    assert (second.id, second.origin) == ("2xyz-B", Origin(path, 3))


def test_packed_by_gzip(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv.gz"
    path.write_bytes(gzip.compress(TABLE.encode()))
    assert read(str(path))[0].fields == FIRST


def test_other_columns(write: Write) -> None:
    path = write("train.tsv", "ss8\tseq\nGT\tmk\n")
    columns = {"id": None, "residues": "seq", "structure": "ss8", "resolved": None}
    (example,) = read(path, columns=columns)
    assert example.id == "train:2"
    assert example.fields == {"residues": ["M", "K"], "structure": "GT", "resolved": "11"}


def test_validation_is_cut_from_train(write: Write) -> None:
    rows = "".join(f"p{i}\t{'M' * (i + 1)}\t{'H' * (i + 1)}\t{'1' * (i + 1)}\n" for i in range(10))
    path = write("train.tsv", "id\tsequence\tss3\tresolved\n" + rows)
    reader = TableReader(train=path, split={"val": 0.2})
    sizes = {split: len(list(reader.examples(split))) for split in ("train", "val", "test")}
    assert sizes == {"train": 8, "val": 2, "test": 0}


def test_nothing_is_opened_before_it_is_asked_for() -> None:
    examples = TableReader(train="nowhere/train.tsv").examples("train")
    with pytest.raises(DataError, match=re.escape("nowhere/train.tsv: no such file")):
        next(examples)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "train.tsv:1: the file is empty; expected a header"),
        ("id\tsequence\tss3\tresolved\n", "train.tsv has no proteins"),
        (
            TABLE.replace("ss3", "ss8"),
            "1: no column 'ss3', from which data.columns.structure reads. Di",
        ),
        (TABLE.replace("resolved", "mask"), "If there is none, data.columns.resolved=null."),
        (TABLE.replace("\tEE", ""), "train.tsv:3: the row has 3 cells, the header has 4."),
        ("\x1f\x8b\0", "train.tsv:1: no column 'id'"),
    ],
)
def test_malformed_files(write: Write, text: str, problem: str) -> None:
    path = write("train.tsv", text)
    with pytest.raises(DataError, match=re.escape(problem)) as caught:
        read(path)
    assert path in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_bytes(TABLE.encode() + b"3\t\xff\n")
    with pytest.raises(DataError, match=re.escape(f"{path}:4: not UTF-8: byte 0xff at offset ")):
        read(str(path))


def test_a_truncated_gzip_file(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv.gz"
    path.write_bytes(gzip.compress(TABLE.encode())[:-12])
    with pytest.raises(DataError, match=re.escape(f"{path}:")):
        read(str(path))


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            "x\tM-V\tHHC\t011",
            "'-' at position 2 of the sequence is not a residue; expected letters",
        ),
        ("x\tMKV\tHH\t011", "the structure has 2 letters, but there are 3 residues."),
        (
            "x\tMKV\tHHC\t11",
            "the mask of resolved residues has 2 letters, but there are 3 residues.",
        ),
        ("x\tMKV\tHHC\t012", "'2' at position 3 of the mask; expected 1 for a"),
        ("x\t\t\t", "the protein has no residue"),
    ],
)
def test_one_bad_protein_does_not_hide_the_next(write: Write, row: str, problem: str) -> None:
    path = write("train.tsv", TABLE.replace("1abc-A\tMKV\tHHC\t011", row))
    error, example = TableReader(train=path).examples("train")
    assert isinstance(error, ExampleError)
    assert str(error).startswith(f"{path}:2: {problem}")
    assert isinstance(example, Example)
    assert example.id == "2xyz-B"


def test_an_unknown_split() -> None:
    with pytest.raises(ConfigError, match="No split 'dev'"):
        TableReader().examples("dev")
