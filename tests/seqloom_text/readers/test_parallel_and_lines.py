"""Line-aligned files and plain text; and the streaming that all readers share."""

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqloom.errors import ConfigError, DataError
from seqloom.interfaces import Source
from seqloom_text.readers.conll import ConllSource
from seqloom_text.readers.csv import CsvSource
from seqloom_text.readers.jsonl import JsonlSource
from seqloom_text.readers.lines import LinesSource
from seqloom_text.readers.parallel import ParallelSource


def write(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


def test_parallel_files(tmp_path: Path) -> None:
    files = {
        "tokens": write(tmp_path / "seq.in", "a b\r\nc\r\n"),
        "slots": write(tmp_path / "seq.out", "O B-x\nO"),
        "intent": write(tmp_path / "label", "Play\nStop\n"),
    }
    source = ParallelSource(train=files, kinds={"slots": "tags", "intent": "label"})
    first, second = source.examples("train")
    assert first.fields == {"tokens": ["a", "b"], "slots": ["O", "B-x"], "intent": "Play"}
    assert second.id == "seq:2"
    assert str(second.origin) == f"{files['tokens']}:2"
    inputs = list(source.inputs([write(tmp_path / "new.txt", "d e\n\n")]))
    assert [e.fields for e in inputs] == [{"tokens": ["d", "e"]}, {"tokens": []}]


def test_parallel_files_of_unequal_length(tmp_path: Path) -> None:
    files = {
        "text": write(tmp_path / "text", "a\nb\nc\n"),
        "label": write(tmp_path / "label", "x\ny\n"),
    }
    with pytest.raises(DataError, match=r"not line-aligned: .*text has 3, .*label has 2 lines"):
        list(ParallelSource(train=files).examples("train"))


def test_parallel_fields_that_make_no_sense() -> None:
    with pytest.raises(ConfigError, match="different fields, text, label and text;"):
        ParallelSource(train={"text": "a", "label": "b"}, test={"text": "c"})
    with pytest.raises(ConfigError, match="no field of text or tokens"):
        list(ParallelSource(train={"label": "a"}).inputs(["x"]))


def test_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", " a b \r\n\nc\u2028d")
    source = LinesSource(train=path)
    assert [e.fields["text"] for e in source.inputs([path])] == [" a b ", "", "c\u2028d"]
    assert [e.id for e in source.inputs([path])] == ["a:1", "a:2", "a:3"]
    with pytest.raises(DataError, match=r"a\.txt:2: the field 'text' is empty; expected a text"):
        list(source.examples("train"))


def test_a_damaged_gzip_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    packed = gzip.compress(b"".join(b"%d\n" % n for n in range(10_000)))
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"a\.txt\.gz:\d+: cannot be read"):
        list(LinesSource().inputs([str(path)]))
    path.write_bytes(b"no gzip\n")
    with pytest.raises(DataError, match=r"a\.txt\.gz:1: cannot be read: Not a gzipped file"):
        list(LinesSource().inputs([str(path)]))


def pipe(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (CsvSource(), "text\na\nb\n"),
        (CsvSource(train="train.tsv"), "n\ttext\n,\ta\n,\tb\n"),
        (JsonlSource(), '{"text": "a"}\n{"text": "b"}\n'),
        (LinesSource(), "a\nb\n"),
        (ParallelSource(train={"text": "x"}), "a\nb\n"),
    ],
)
def test_standard_input(monkeypatch: pytest.MonkeyPatch, source: Source, text: str) -> None:
    pipe(monkeypatch, text)
    examples = list(source.inputs(["-"]))
    assert [e.fields for e in examples] == [{"text": "a"}, {"text": "b"}]
    assert [e.id for e in examples] == ["stdin:1", "stdin:2"]


def test_errors_of_standard_input_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "a O\nb\n")
    with pytest.raises(DataError, match="<stdin>:2: the line has 1 columns"):
        list(ConllSource().inputs(["-"]))


PROGRAM = """
import sys
from seqloom_text.readers.{module} import {name}
for example in {name}().inputs(["-"]):
    print(example.id, flush=True)
"""


@pytest.mark.parametrize(
    ("module", "name", "header", "one"),
    [
        ("csv", "CsvSource", "text\n", '"one\nrow"\n'),
        ("jsonl", "JsonlSource", "", '{"text": "a"}\n'),
        ("conll", "ConllSource", "", "a O\nb O\n\n"),
        ("lines", "LinesSource", "", "a\n"),
    ],
)
def test_each_input_is_given_as_soon_as_it_arrived(
    module: str, name: str, header: str, one: str
) -> None:
    command = [sys.executable, "-c", PROGRAM.format(module=module, name=name)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(header)
        for n in range(1, 4):
            process.stdin.write(one)
            process.stdin.flush()
            # This would wait for ever if the reader wanted to see more first.
            assert process.stdout.readline() == f"stdin:{n}\n"
        process.stdin.close()
