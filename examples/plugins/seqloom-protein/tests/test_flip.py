from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example, Origin

from seqloom_protein.flip import FlipReader

FILES = {
    "sequences.fasta": ">a\nMKV\n>b\nGG\n>c\nAA\n",
    "sampled.fasta": ">c SET=test VALIDATION=False\nCC\n>a SET=train VALIDATION=False\nHHC\n"
    ">b SET=train VALIDATION=True\nEE\n",
    "mask.fasta": ">a\n011\n>b\n11\n>c\n11\n",
}
Pack = Callable[..., str]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Write the archive, with other texts for some files, or None to leave them out."""

    def make(**others: str | None) -> str:
        texts = FILES | {f"{name}.fasta": text for name, text in others.items()}
        with zipfile.ZipFile(tmp_path / "splits.zip", "w") as files:
            for name, text in texts.items():
                if text is not None:
                    files.writestr(f"splits/{name}", text)
        return str(tmp_path / "splits.zip")

    return make


def test_splits_are_told_by_the_headers(pack: Pack) -> None:
    path = pack()
    reader = FlipReader(archive=path)
    (train,) = reader.examples("train")
    fields = {"residues": list("MKV"), "structure": "HHC", "resolved": "011"}
    assert train == Example("a", fields, Origin(f"{path}/splits/sampled.fasta", 3))
    ids = {split: [one.id for one in reader.examples(split)] for split in ("val", "test")}
    assert ids == {"val": ["b"], "test": ["c"]}


def test_no_archive_has_no_examples() -> None:
    assert list(FlipReader().examples("train")) == []
    with pytest.raises(ConfigError, match=r"No split 'valid'\. Did you mean 'val'"):
        list(FlipReader().examples("valid"))


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("mask", None, "splits.zip has no file 'mask.fasta'. Did you mean"),
        ("mask", ">b\n11\n>c\n11\n", "sampled.fasta:3: a is not in"),
        (
            "sampled",
            ">a\nHHC\n",
            "sampled.fasta:1: the header of a does not name a split; expected SET=tr",
        ),
        ("sampled", "HHC\n", "sampled.fasta:1: 'HHC' precedes the first header"),
        ("sequences", ">a\n\u00e4\n", "cannot be read as a zip archive of FASTA files"),
    ],
)
def test_archives_that_do_not_fit(pack: Pack, name: str, text: str | None, problem: str) -> None:
    path = pack(**{name: text})
    with pytest.raises(DataError, match=re.escape(problem)) as caught:
        list(FlipReader(archive=path).examples("train"))
    assert path in str(caught.value)


def test_a_damaged_archive(pack: Pack) -> None:
    path = Path(pack())
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=re.escape(f"{path}: cannot be read as a zip archive")):
        next(FlipReader(archive=str(path)).examples("train"))


def test_one_bad_protein_does_not_hide_the_next(pack: Pack) -> None:
    labels = FILES["sampled.fasta"].replace("SET=test", "SET=train").replace("CC", "C")
    error, example = FlipReader(archive=pack(sampled=labels)).examples("train")
    assert isinstance(error, ExampleError)
    assert error.problem == "the structure has 1 letters, but there are 2 residues."
    assert isinstance(example, Example)
    assert example.id == "a"
