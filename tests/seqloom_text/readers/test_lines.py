"""Line-aligned files and plain text; and the streaming that all readers share."""

import gzip
import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example, Reader
from seqloom.testing.readers import usable
from seqloom_text.readers.conll import ConllReader
from seqloom_text.readers.csv import CsvReader
from seqloom_text.readers.jsonl import JsonlReader
from seqloom_text.readers.lines import LinesReader, ParallelReader


def write(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


def test_parallel_files(tmp_path: Path) -> None:
    files = {
        "tokens": write(tmp_path / "seq.in", "a b\r\nc\r\n"),
        "slots": write(tmp_path / "seq.out", "O B-x\nO"),
        "intent": write(tmp_path / "label", "Play\nStop\n"),
    }
    reader = ParallelReader(train=files, kinds={"slots": "tags", "intent": "label"})
    first, second = reader.examples("train")
    assert first.fields == {"tokens": ["a", "b"], "slots": ["O", "B-x"], "intent": "Play"}
    assert second.id == "seq:2"
    assert str(second.origin) == f"{files['tokens']}:2"
    inputs = list(reader.inputs([write(tmp_path / "new.txt", "d e\n\n")]))
    assert [e.fields for e in inputs] == [{"tokens": ["d", "e"]}, {"tokens": []}]


def test_parallel_files_of_unequal_length(tmp_path: Path) -> None:
    files = {
        "text": write(tmp_path / "text", "a\nb\nc\n"),
        "label": write(tmp_path / "label", "x\ny\n"),
    }
    with pytest.raises(DataError, match=r"not line-aligned; .*text 3, .*label 2\."):
        list(ParallelReader(train=files).examples("train"))


def test_parallel_fields_that_make_no_sense() -> None:
    with pytest.raises(ConfigError, match="different fields, text, label and text;"):
        ParallelReader(train={"text": "a", "label": "b"}, test={"text": "c"})
    with pytest.raises(ConfigError, match="no field of text or tokens"):
        list(ParallelReader(train={"label": "a"}).inputs(["x"]))


def test_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", " a b \r\n\nc\u2028d")
    reader = LinesReader(train=path)
    assert [e.fields["text"] for e in reader.inputs([path])] == [" a b ", "", "c\u2028d"]
    assert [e.id for e in reader.inputs([path])] == ["a:1", "a:2", "a:3"]
    with pytest.raises(DataError, match=r"a\.txt:2: the field 'text' is empty; expected a text"):
        usable(reader.examples("train"))


def test_a_damaged_gzip_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    packed = gzip.compress(b"".join(b"%d\n" % n for n in range(10_000)))
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"a\.txt\.gz:\d+: cannot be read"):
        list(LinesReader().inputs([str(path)]))
    path.write_bytes(b"no gzip\n")
    with pytest.raises(DataError, match=r"a\.txt\.gz:1: the file is not compressed by gzip"):
        list(LinesReader().inputs([str(path)]))


def pipe(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (CsvReader(), "text\na\nb\n"),
        (CsvReader(train="train.tsv"), "n\ttext\n,\ta\n,\tb\n"),
        (JsonlReader(), '{"text": "a"}\n{"text": "b"}\n'),
        (LinesReader(), "a\nb\n"),
        (ParallelReader(train={"text": "x"}), "a\nb\n"),
    ],
)
def test_standard_input(monkeypatch: pytest.MonkeyPatch, reader: Reader, text: str) -> None:
    pipe(monkeypatch, text)
    examples = list(reader.inputs(["-"]))
    assert [e.fields for e in examples] == [{"text": "a"}, {"text": "b"}]
    assert [e.id for e in examples] == ["stdin:1", "stdin:2"]


def test_errors_of_standard_input_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "a O\nb\n")
    with pytest.raises(DataError, match="<stdin>:2: the line has 1 column"):
        usable(ConllReader().inputs(["-"]))


@pytest.mark.parametrize(
    ("reader", "header", "one"),
    [
        (CsvReader(), "text\n", '"one\nrow"\n'),
        (CsvReader(quoting=False), "text\n", "a\n"),
        (JsonlReader(), "", '{"text": "a"}\n'),
        (ConllReader(), "", "a O\nb O\n\n"),
        (LinesReader(), "", "a\n"),
        (ParallelReader(train={"text": "x"}), "", "a\n"),
    ],
)
def test_each_input_is_given_as_soon_as_it_arrived(
    monkeypatch: pytest.MonkeyPatch, reader: Reader, header: str, one: str
) -> None:
    read_end, write_end = os.pipe()
    # Without blocking, a reader that wanted to see more first would see the end instead, and give
    # nothing after it.
    os.set_blocking(read_end, False)
    with os.fdopen(read_end) as stdin, os.fdopen(write_end, "wb", buffering=0) as writer:
        monkeypatch.setattr(sys, "stdin", stdin)
        examples = reader.inputs(["-"])
        writer.write(header.encode())
        for n in range(1, 4):
            writer.write(one.encode())
            assert next(examples).id == f"stdin:{n}"


def test_a_line_that_is_not_utf8_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\ncaf\xe9\nc\n")
    label = write(tmp_path / "label", "x\ny\nz\n")
    lines = LinesReader().inputs([str(tmp_path / "a.txt")])
    pairs = ParallelReader(train={"text": str(tmp_path / "a.txt"), "label": label}).examples(
        "train"
    )
    for first, error, last in (lines, pairs):
        assert isinstance(error, ExampleError)
        assert "a.txt:2: not UTF-8: byte 0xe9 at offset 5" in str(error)
        assert (first.fields["text"], last.fields["text"]) == ("a", "c")


REFERENCES = {"ref0": "Salut.\nMerci.\n\n", "ref1": "Bonjour.\n\n\n", "src": "Hi.\nThanks.\nOh.\n"}


def references(folder: Path, **files: str) -> dict[str, Any]:
    """Write line-aligned files; return a split of a source and two references."""
    for name, content in {**REFERENCES, **files}.items():
        (folder / name).write_text(content, encoding="utf-8")
    paths = [str(folder / name) for name in ("ref0", "ref1")]
    return {"text": str(folder / "src"), "translation": paths}


def test_several_references_of_parallel_files(tmp_path: Path) -> None:
    reader = ParallelReader(test=references(tmp_path))
    first, second, third = reader.examples("test")
    assert isinstance(first, Example)
    assert isinstance(second, Example)
    assert first.fields == {"text": "Hi.", "translation": ["Salut.", "Bonjour."]}
    assert second.fields["translation"] == ["Merci."]
    assert isinstance(third, ExampleError)  # no reference at all
    assert third.problem == "the field 'translation' is empty; expected texts."


def test_references_of_parallel_files_in_a_config() -> None:
    words = ("data=parallel", "head=translation", "frontend=subwords")
    train = "data.train={text: src, translation: [ref0, ref1]}"
    config = compose_run([*words, train])
    assert config.data["train"] == {"text": "src", "translation": ["ref0", "ref1"]}
    with pytest.raises(ConfigError, match=r"the field 'text' has 2 files, but its kind text"):
        compose_run([*words, "data.train={text: [src, src2], translation: ref0}"])


def test_a_reference_file_that_is_shorter(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"ref1 1\. Line n of each must belong to"):
        list(ParallelReader(test=references(tmp_path, ref1="Bonjour.\n")).examples("test"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"text": ["a", "b"]}, "the field 'text' has 2 files, but its kind text is one value"),
        ({"text": "a", "translation": []}, r"the field 'translation' has \[\]; expected a path"),
        ({"text": "a", "translation": [1]}, r"the field 'translation' has \[1\]; expected a path"),
    ],
)
def test_files_that_make_no_field(files: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ParallelReader(test=files)
