"""Of a zip file, no more is unpacked than is expected, whatever the archive states."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from seqloom.data import has_member, member_names, read_member

LARGEST = 1 << 20


def zipped(path: Path, members: dict[str, bytes], method: int = ZIP_DEFLATED) -> str:
    with ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return str(path)


def test_members_are_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"b/": b"", "b/c.txt": b"text", "a.txt": b""})
    assert member_names(path) == ["b/c.txt", "a.txt"]
    assert has_member(path, "a.txt")
    assert not has_member(path, "d.txt")
    assert read_member(path, "b/c.txt", 4) == b"text"
    assert read_member(path, "a.txt", 0) == b""
    zipped(tmp_path / "a.zip", {"a.txt": b"new"})
    assert read_member(path, "a.txt", LARGEST) == b"new"


@pytest.mark.parametrize(
    ("system", "names", "expected"),
    [
        (0, ["yes\\a.txt", "no\\"], ["yes/a.txt"]),
        (0, ["yes\\a.txt", "no/b.txt"], ["yes\\a.txt", "no/b.txt"]),
        (3, ["yes\\a.txt"], ["yes\\a.txt"]),  # of Unix, where it may be part of a name
    ],
)
def test_members_may_have_the_backslashes_of_windows(
    tmp_path: Path, system: int, names: list[str], expected: list[str]
) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            info = ZipInfo(name)
            info.create_system = system
            archive.writestr(info, b"text")
    path = str(tmp_path / "a.zip")
    assert member_names(path) == expected
    assert read_member(path, expected[0], 4) == b"text"


def test_two_members_that_get_one_name_are_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings(), ZipFile(tmp_path / "a.zip", "w") as archive:
        warnings.simplefilter("ignore")
        for _ in range(2):
            info = ZipInfo("a\\b.txt")
            info.create_system = 0
            archive.writestr(info, b"text")
    with pytest.raises(ValueError, match="two members have the name"):
        member_names(str(tmp_path / "a.zip"))


def test_a_large_member_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", {"a.npy": bytes(LARGEST + 1)})
    monkeypatch.setattr(ZipFile, "open", None)
    with pytest.raises(ValueError, match=r"member 'a\.npy' has 1048577 bytes unpacked; expected"):
        read_member(path, "a.npy", LARGEST)


def test_a_member_that_states_a_false_size_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ZipFile.read` would unpack all of it at once before it compares the sizes."""
    path = Path(zipped(tmp_path / "a.zip", {"a.png": bytes(1 << 26)}))
    content = path.read_bytes()
    path.write_bytes(content.replace((1 << 26).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    sizes = []

    class Counting:
        def __init__(self) -> None:
            self.own = zlib.decompressobj(-15)

        def decompress(self, data: bytes, most: int) -> bytes:
            sizes.append(most)
            return self.own.decompress(data, most)

        @property
        def eof(self) -> bool:
            return self.own.eof

        @property
        def unconsumed_tail(self) -> bytes:
            return self.own.unconsumed_tail

    monkeypatch.setattr(zipfile, "_get_decompressor", lambda _: Counting())
    with pytest.raises(ValueError, match=r"the member 'a\.png' cannot be read: Bad CRC-32"):
        read_member(str(path), "a.png", LARGEST)
    assert sum(sizes) <= 8192


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ((b"PK\x01\x02", b"PK\x01\x03"), "cannot be opened as a zip file: Bad magic number"),
        ((b"PK\x05\x06", b"PK\x05\x07"), "cannot be opened as a zip file: File is not a zip file"),
        ((b"PK\x03\x04", b"PK\x03\x03"), "'a.txt' cannot be read: Bad magic number for file"),
        ((b"PK\x03\x04\x14\0\0\0", b"PK\x03\x04\x14\0\1\0"), None),
        ((b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\1\0"), "is encrypted"),
        ((b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\x7f"), "zip file version 12.7"),
    ],
)
def test_damaged_archives_are_one_sentence(
    tmp_path: Path, damage: tuple[bytes, bytes], problem: str | None
) -> None:
    path = Path(zipped(tmp_path / "a.zip", {"a.txt": b"a text"}))
    content = path.read_bytes()
    assert damage[0] in content
    path.write_bytes(content.replace(*damage))
    if problem is None:
        assert read_member(str(path), "a.txt", LARGEST) == b"a text"
        return
    with pytest.raises(ValueError, match=re.escape(problem)) as caught:
        read_member(str(path), "a.txt", LARGEST)
    assert str(caught.value).startswith(str(path))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_cannot_be_meant(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a\x1b.txt": bytes(100)}, ZIP_BZIP2)
    with pytest.raises(ValueError, match=r"member 'a\\x1b\.txt' is not compressed with deflate"):
        read_member(path, "a\x1b.txt", LARGEST)
    with pytest.raises(ValueError, match=r"a\.zip has no member 'b\.txt'\."):
        read_member(path, "b.txt", LARGEST)
    with ZipFile(path, "w") as archive:
        archive.writestr("a.txt", b"one")
        archive.writestr("a.txt", b"two")
    with pytest.raises(ValueError, match=r"as a zip file: two members have the name 'a\.txt'\."):
        member_names(path)
    with pytest.raises(ValueError, match=r"b\.zip cannot be opened as a zip file: No such file"):
        member_names(str(tmp_path / "b.zip"))
