from __future__ import annotations

import gzip
import logging
import re
from pathlib import Path

import numpy as np
import pytest

from seqloom.errors import DataError
from seqloom_text.vectors import load_vectors, read_lines

GLOVE = b"the 0.1 0.2\nParis -1 2e-1\ncaf\xc3\xa9 3 4\n. . 5 6\n"
HEADED = b"4 2\n" + GLOVE


def write(folder: Path, content: bytes, name: str = "vectors.txt") -> str:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return str(path)


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.vec.gz"])
@pytest.mark.parametrize(
    "content",
    [
        GLOVE,
        HEADED,
        HEADED.replace(b"\n", b" \n"),
        GLOVE.replace(b"\n", b"\r\n"),
        GLOVE.replace(b". . ", b". .;").replace(b" ", b"\t").replace(b";", b"\t"),
    ],
    ids=["glove", "word2vec", "trailing-space", "crlf", "tabs"],
)
def test_formats(tmp_path: Path, name: str, content: bytes) -> None:
    found = load_vectors(write(tmp_path, content, name), ["the", "Paris", "café", ". .", "absent"])
    expected = {"the": [0.1, 0.2], "Paris": [-1, 0.2], "café": [3, 4], ". .": [5, 6]}
    assert found.keys() == expected.keys()
    for word, values in expected.items():
        assert found[word].dtype == np.float32
        np.testing.assert_allclose(found[word], values, rtol=1e-6)


def test_only_wanted_words_and_the_first_of_two_lines(tmp_path: Path) -> None:
    path = write(tmp_path, b"a 1 1\nb 2 2\na 3 3\n")
    assert {w: v.tolist() for w, v in load_vectors(path, ["a"]).items()} == {"a": [1, 1]}


def test_case_agrees_exactly_or_else_in_lower_case(tmp_path: Path) -> None:
    path = write(tmp_path, b"PARIS 1 1\nParis 2 2\nparis 3 3\nLima 4 4\nrome 5 5\n")
    found = load_vectors(path, ["paris", "PaRiS", "lima", "Rome"])
    assert {word: v.tolist() for word, v in found.items()} == {
        "paris": [3, 3],
        "PaRiS": [1, 1],
        "lima": [4, 4],
        "Rome": [5, 5],
    }


def test_says_how_many_were_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="seqloom")
    path = write(tmp_path, GLOVE)
    load_vectors(path, ["the", "absent"])
    load_vectors(path, ["absent"])
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("INFO", f"{path} has vectors for 1 of 2 words."),
        ("WARNING", f"{path} has vectors for 0 of 1 word."),
    ]


def test_words_that_no_text_has_are_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="seqloom")
    path = write(tmp_path, b"4 2\nthe 1 2\n  3 4\n1 000 5 6\nof 7 8\n")
    found = load_vectors(path, ["the", "of", "1", "000", " "])
    assert {word: vector.tolist() for word, vector in found.items()} == {
        "the": [1, 2],
        "of": [7, 8],
    }
    assert (
        "2 lines are skipped, whose word is a space or numbers with spaces; the first is line 3"
        in (caplog.text)
    )


def test_lines_are_numbered_as_in_the_file(tmp_path: Path) -> None:
    lines = list(read_lines(write(tmp_path, HEADED)))
    assert [(line.number, line.word) for line in lines][:2] == [(2, "the"), (3, "Paris")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"the 1 2\nof 1\n", ":2: 1 value, expected 2 as in the first line."),
        (b"the 1 2\nof 1 2 3\n", ":2: 3 values, expected 2 as in the first line."),
        (b"2 3\nthe 1 2\n", ":2: 2 values, expected 3 as in the first line."),
        (b"the 1 2\n\nof 1 2\n", ":2: 0 values, expected 2 as in the first line."),
        (b"the\n", ":1: 0 values, expected 1 as in the first line."),
        (b"of 1 2\nthe 1 x\n", ":2: the vector of 'the' cannot be read ("),
        (b"of 1 2\nthe  2\n", ":2: the vector of 'the' cannot be read ("),
        (b"the 1 nan\n", ":1: the vector of 'the' has a value that is not finite;"),
        (b"the 1 1e40\n", ":1: the vector of 'the' has a value that is not finite;"),
        (b"the 1 1e999\n", ":1: the vector of 'the' has a value that is not finite;"),
        (b"", ": the file is empty; expected a word and its values in each line."),
    ],
)
def test_malformed(tmp_path: Path, content: bytes, problem: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(DataError, match=re.escape(path + problem)):
        load_vectors(path, ["the"])


def test_binary_file(tmp_path: Path) -> None:
    path = write(tmp_path, b"1 2\nthe \x00\x01\x02\x03\x0a\x05\x06\x07")
    with pytest.raises(DataError, match="convert binary files to text first"):
        load_vectors(path, ["the"])


def test_missing_file(tmp_path: Path) -> None:
    path = str(tmp_path / "absent.vec")
    expected = f"{path}:1: cannot be read: "
    with pytest.raises(DataError, match=re.escape(expected)) as caught:
        load_vectors(path, ["the"])
    assert "Set frontend.vectors to a file of word vectors as text" in str(caught.value)


def test_broken_gzip(tmp_path: Path) -> None:
    path = tmp_path / "vectors.gz"
    path.write_bytes(gzip.compress(GLOVE * 1000)[:-12])
    with pytest.raises(DataError, match=re.escape(f"{path}:")):
        load_vectors(str(path), ["the"])
    path.write_bytes(b"not packed at all\n")
    with pytest.raises(DataError, match=re.escape(f"{path}:1: the file is not compressed by gzip")):
        load_vectors(str(path), ["the"])
