"""Small files that stand for more than the memory holds are refused within 256 MB of it."""

from __future__ import annotations

import gzip
import multiprocessing
import resource
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seqloom.data import read_member
from seqloom.errors import SeqloomError
from seqloom.files import read_json
from seqloom.yaml_file import read_yaml
from seqloom_handwriting.demo.pads import image_of, strokes_of
from seqloom_handwriting.images.file import ImageFile, load_upright
from seqloom_handwriting.pages.markup import read_document
from seqloom_handwriting.readers.inkml import parse_inkml
from seqloom_handwriting.readers.series import ArrayFile
from seqloom_text.readers.conll import ConllReader
from seqloom_text.readers.jsonl import JsonlReader

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")

ROOM = 256 << 20
SECONDS = 20

Read = Callable[[Path], object]


def png(width: int, height: int) -> bytes:
    """Return an image of black pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    packer = zlib.compressobj(1)
    rows = (bytes(size) for size in pieces((width + 1) * height))
    data = b"".join(map(packer.compress, rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = {b"IHDR": header, b"IDAT": data, b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts.items())


def pieces(total: int) -> Iterator[int]:
    return (min(1 << 20, total - start) for start in range(0, total, 1 << 20))


def packed_zeros(path: Path, size: int, states: int) -> bytes:
    """Return a zip file with a member of zeros that states another size."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a", "w") as member,
    ):
        for piece in pieces(size):
            member.write(bytes(piece))
    return path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", states))


NPY = b"{'descr': '<f4', 'fortran_order': False, 'shape': (500000000, 2), }\n"
LAUGHS = "\n".join(
    [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]" for n in range(20)]
)
ENTITIES = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 9 if n else 'x' * 99}'>" for n in range(20))
XML = f"<!DOCTYPE a [{ENTITIES}]><a>&a19;</a>".encode()


def conll(path: Path) -> None:
    list(ConllReader(train=str(path)).examples("train"))


BOMBS: dict[str, tuple[str, Callable[[Path], bytes], Read, str]] = {
    "line": ("a.png", lambda _: png(1, 80_000_000), lambda p: ImageFile(str(p)).load(), "refused"),
    "wide line": (
        "a.png",
        lambda _: png(9000, 9000),
        lambda p: ImageFile(str(p)).load(),
        "refused",
    ),
    "page": ("a.png", lambda _: png(1, 80_000_000), load_upright, "cannot be a page"),
    "sent image": (
        "a",
        lambda _: png(1, 80_000_000),
        lambda p: image_of(p.read_bytes()),
        "refused",
    ),
    "sent lists": (
        "a",
        lambda _: b'{"strokes": [' + b"[]," * 5_000_000 + b"[]]}",
        lambda p: strokes_of(p.read_bytes()),
        "more than 20000 points",
    ),
    "member": (
        "a.zip",
        lambda path: packed_zeros(path, 100 << 20, 100 << 20),
        lambda p: read_member(str(p), "a", 1 << 20),
        "104857600 bytes unpacked; expected at most",
    ),
    "member of a false size": (
        "a.zip",
        lambda path: packed_zeros(path, 100 << 20, 1000),
        lambda p: ImageFile(str(p), "a").load(),
        "cannot be read: Bad CRC-32",
    ),
    "array": (
        "a.npy",
        lambda _: b"\x93NUMPY\1\0" + struct.pack("<H", len(NPY)) + NPY,
        lambda p: ArrayFile(str(p)).load(),
        "states 500000000 x 2 of float32",
    ),
    "lists": (
        "a.json",
        lambda _: b'{"a": [' + b"[]," * 9_000_000 + b"0]}",
        read_json,
        "1000000 li",
    ),
    "depth": (
        "a.jsonl",
        lambda _: b"[" * 1_000_000 + b"]" * 1_000_000 + b"\n",
        lambda p: next(iter(JsonlReader().inputs([str(p)]))),
        "",
    ),
    "aliases": ("a.yaml", lambda _: LAUGHS.encode(), read_yaml, "an alias"),
    "entities": ("a.xml", lambda _: XML, read_document, "the entity 'a0'"),
    "entities of ink": ("a", lambda _: XML, lambda p: parse_inkml(p.read_bytes()), "entity 'a0'"),
    "a sentence": (
        "a.conll.gz",
        lambda _: gzip.compress(b"a O\n" * 1_000_000, 1),
        conll,
        ":1: a sentence of more than 100000 lines",
    ),
    "gzip without lines": (
        "a.conll.gz",
        lambda _: gzip.compress(bytes(70_000_000), 1),
        conll,
        "decompresses to more than 200 times|the line has more than 67108864 bytes",
    ),
}


def attempt(read: Read, path: Path, sender: multiprocessing.connection.Connection) -> None:
    """Read a file with little memory; send the message of the error."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        found = read(path)
        sender.send(str(found) if isinstance(found, SeqloomError) else f"read: {found!r:.80}")
    except (SeqloomError, ValueError) as error:
        sender.send(str(error))


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_in_little_memory_and_time(tmp_path: Path, kind: str) -> None:
    name, make, read, problem = BOMBS[kind]
    path = tmp_path / name
    path.write_bytes(make(path))
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=attempt, args=(read, path, sender))
    process.start()
    sender.close()
    message = receiver.recv()
    process.join()
    assert not message.startswith("read: "), message
    assert any(one in message for one in problem.split("|")), message[:500]
    assert process.exitcode == 0
