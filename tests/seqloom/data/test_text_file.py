"""A line, and a text that is decompressed, take no more memory than a text needs."""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import os
import random
import socket
import threading
from contextlib import closing
from pathlib import Path

import pytest

import seqloom.data.text_file
from seqloom.data import TextFile
from seqloom.errors import DataError


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seqloom.data.text_file, "LONGEST_LINE", 1000)
    monkeypatch.setattr(seqloom.data.text_file, "SMALL", 1000)


def test_a_line_that_is_too_long_is_skipped_or_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n" + b"x" * 3500 + b"\nthree\n" + b"y" * 999 + b"\n" + b"z" * 1001)
    problems: dict[int, str] = {}
    found = dict(TextFile(str(path)).lines(problems))
    assert found == {
        1: "one\n",
        2: "x" * 80 + "\n",
        3: "three\n",
        4: "y" * 999 + "\n",
        5: "z" * 80 + "\n",
    }
    assert problems == dict.fromkeys((2, 5), "the line has more than 1000 bytes.")
    with pytest.raises(DataError, match=r"a\.txt:2: the line has more than 1000 bytes\.$"):
        list(TextFile(str(path)).lines())


@pytest.mark.parametrize("line", [b"O\n", b"O"])
def test_a_text_that_is_compressed_beyond_what_text_can_be(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(line * 2_000_000))
    with pytest.raises(
        DataError, match=r"a\.txt\.gz:\d+: the file decompresses to more than 200 t"
    ):
        for _ in TextFile(str(path)).lines({}):
            pass
    path.write_bytes(gzip.compress(b"a line of text\n" * 60))  # short ones may be
    assert sum(1 for _ in TextFile(str(path)).lines()) == 60


def test_a_pipe_without_a_writer_is_named_and_then_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seqloom.data.text_file, "PATIENCE", 0.01)
    pipe, told, texts = tmp_path / "pipe", threading.Event(), list[str]()
    os.mkfifo(pipe)

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(record.getMessage())
            told.set()

    def write() -> None:
        told.wait(10)
        pipe.write_text("one\ntwo\n", encoding="utf-8")

    writer, handler = threading.Thread(target=write, daemon=True), Told()
    logging.getLogger("seqloom.progress").addHandler(handler)
    writer.start()
    try:
        assert list(TextFile.find(str(pipe)).lines()) == [(1, "one\n"), (2, "two\n")]
    finally:
        logging.getLogger("seqloom.progress").removeHandler(handler)
        writer.join()
    [text] = texts
    assert text.endswith("pipe is a pipe that no program writes to: waiting for one that does.")


def test_what_has_no_end_is_refused_and_an_empty_device_is_empty(tmp_path: Path) -> None:
    device, place = tmp_path / "device", tmp_path / "socket"
    device.symlink_to("/dev/zero")
    with closing(socket.socket(socket.AF_UNIX)) as one:
        one.bind(str(place))
    for path, kind in {device: "a device", place: "a socket"}.items():
        with pytest.raises(DataError, match=f": this is {kind}; expected a file"):
            TextFile.find(str(path))
        with pytest.raises(DataError, match=f": this is {kind}; expected a file"):
            list(TextFile(str(path)).lines())
    assert not list(TextFile.find(os.devnull).lines())


def test_a_terminal_is_read() -> None:
    here, there = os.openpty()
    try:
        os.write(here, b"one\n\x04")
        assert list(TextFile.find(os.ttyname(there)).lines()) == [(1, "one\n")]
    finally:
        os.close(here)
        os.close(there)


@pytest.mark.parametrize("run", [1, 7, 100, 1 << 18])
def test_many_lines_at_once_are_those_that_come_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: int
) -> None:
    monkeypatch.setattr(seqloom.data.text_file, "RUN", run)
    pieces = (
        b"a",
        b"\xc3\xa4",
        b"\n",
        b"\n",
        b"\r\n",
        b"\xff",
        b"\x0c",
        b"\xe2\x80\xa8",
        b"x" * 400,
    )
    for seed in range(40):
        rng = random.Random(seed)
        content = b"\xef\xbb\xbf" * (seed % 2) + b"".join(rng.choices(pieces, k=rng.randint(0, 40)))
        plain, packed = tmp_path / "a.txt", tmp_path / "a.txt.gz"
        plain.write_bytes(content)
        packed.write_bytes(gzip.compress(content))  # is read line by line
        problems: tuple[dict[int, str], dict[int, str]] = {}, {}
        found = [
            list(TextFile(str(p)).lines(k)) for p, k in zip((plain, packed), problems, strict=True)
        ]
        assert found[0] == found[1]
        assert problems[0] == problems[1]
        if not any("more than" in problem for problem in problems[0].values()):
            raw = [list(TextFile(str(path)).raw_lines()) for path in (plain, packed)]
            assert raw[0] == raw[1]


def test_where_an_encoding_is_wrong_counts_all_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 1500 + b"\n\xff\n")
    problems: dict[int, str] = {}
    list(TextFile(str(path)).lines(problems))
    assert "byte 0xff at offset 1501 of the file (byte 1 of the line)" in problems[2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\ngood,pos\n".encode("utf-16"), r"a\.txt:1: the text is in UTF-16, not UTF-8"),
        ("text,label\ngood,pos\n".encode("utf-32"), r"in UTF-32.* iconv -f UTF-32 -t UTF-8"),
        (
            gzip.compress(b"a\n", mtime=0),
            r"a\.txt:1: this is not text: the file is compressed by gzip; rename",
        ),
        (bz2.compress(b"a\n"), "compressed by bzip2; decompress it: bunzip2"),
        (lzma.compress(b"a\n"), "compressed by xz; decompress it: unxz"),
        (b"PK\x03\x04abc", "a zip file or an Excel workbook; unpack it, or save the sheet as CSV"),
        (bz2.compress(b""), "compressed by bzip2; decompress it: bunzip2"),
        (b"%PDF-1.7\n", "the file is a PDF"),
        (b"PAR1\x15\x04\x15\x0e", "a Parquet file; rename it to NAME.parquet"),
        (b"ARROW1\x00\x00\xff", "an Arrow or Feather file; rename it to NAME.arrow"),
        (b"SQLite format 3\x00", "an SQLite database; export its table as CSV"),
        (b"\x80\x04\x95\x10", "NumPy or pickle data; save it as CSV or JSON Lines"),
        ("text,label\ngood,pos\n".encode("utf-16-le"), r"in UTF-16.* iconv -f UTF-16 -t UTF-8"),
        (b"text,label\rgood,pos\r", r"a\.txt:1: the lines end in CR alone"),
    ],
)
def test_a_file_whose_lines_only_look_like_text_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(TextFile(str(path)).lines({}))


@pytest.mark.parametrize(
    "text",
    [
        "PAR1 activation by thrombin",
        "PAR1\tB-GENE",
        "PAR1",
        "BZhang said",
        "BZh9 is a name",
        "%PDF is a form",
        "PK is short",
    ],
)
def test_text_may_begin_like_another_form(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"{text}\n")
    assert list(TextFile(str(path)).lines()) == [(1, f"{text}\n")]


@pytest.mark.parametrize(
    ("text", "other"), [("“a”".encode("cp1252"), "CP1252"), ("ä".encode("latin-1"), "LATIN1")]
)
def test_the_encoding_to_convert_from_is_that_of_the_bytes(
    tmp_path: Path, text: bytes, other: str
) -> None:
    (tmp_path / "a.txt").write_bytes(text)
    with pytest.raises(DataError, match=f"iconv -f {other} -t UTF-8"):
        list(TextFile(str(tmp_path / "a.txt")).lines())


def test_byte_order_marks_begin_lines_of_files_that_were_joined(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeff\ufeffa\n\ufeffb\ufeff\nc\n".encode())
    assert [line for _, line in TextFile(str(path)).lines()] == ["a\n", "b\ufeff\n", "c\n"]


def test_a_cr_inside_a_line_is_no_line_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\rb\r\r\nc\r")
    assert list(TextFile(str(path)).lines({})) == [(1, "a\rb\r\r\n"), (2, "c\r")]


def test_half_of_a_surrogate_pair_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("a \ud83d".encode("utf-8", "surrogatepass"))
    with pytest.raises(
        DataError, match=r"byte 0xed at offset 2 .*Half of a surrogate pair .*: rem"
    ):
        list(TextFile(str(tmp_path / "a.txt")).lines())


def test_text_that_is_called_gz_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(b"a\n")
    with pytest.raises(
        DataError, match=r"a\.txt\.gz:1: the file is not compressed by gzip, or it is dam"
    ):
        list(TextFile(str(tmp_path / "a.txt.gz")).lines())
