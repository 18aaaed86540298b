"""Reading XML safely: where elements stand, encodings, and what is refused."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom.errors import DataError
from seqloom_handwriting.pages.markup import read_document


def document(folder: Path, content: bytes) -> Path:
    path = folder / "a.xml"
    path.write_bytes(content)
    return path


def test_elements_know_their_lines_and_bytes(tmp_path: Path) -> None:
    source = '<?xml version="1.0"?>\n<a>é<!-- > -->\n <b x="1>0"/><c>t</c\n></a>'
    found = read_document(document(tmp_path, source.encode()))
    b, c = found.root.children
    assert (found.root.line, b.line, c.line) == (2, 3, 3)
    assert found.content[b.start : b.end] == b'<b x="1>0"/>'
    assert found.content[c.start : c.end] == b"<c>t</c\n>"
    assert (b.close, found.content[c.close : c.end]) == (b.start, b"</c\n>")


@settings(deadline=None)
@given(
    text=st.text(st.characters(min_codepoint=0xA0, max_codepoint=0x17F), max_size=8),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "iso-8859-1"]),
)
def test_every_encoding_gives_the_same_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, encoding: str
) -> None:
    if encoding == "iso-8859-1":
        text = "".join(letter for letter in text if ord(letter) < 256)
    declared = encoding if encoding.startswith("iso") else "utf-8"
    source = f'<?xml version="1.0" encoding="{declared}"?><a b="{text}">{text}</a>'
    bom = b"\xff\xfe" if encoding == "utf-16-le" else b""
    path = document(tmp_path_factory.mktemp("x"), bom + source.encode(encoding))
    root = read_document(path).root
    assert (root.get("b"), root.text) == (text, text)


def test_malformed_xml_is_named_with_its_line(tmp_path: Path) -> None:
    path = document(tmp_path, b"<a>\n<b>\n</a>")
    with pytest.raises(DataError) as error:
        read_document(path)
    assert str(error.value) == (
        f"{path}:3: not well-formed XML: mismatched tag (column 3). Export it again."
    )


BOMB = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]>\n<a>&y;</a>'
OUTSIDE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<a>&x;</a>'
UNKNOWN = b'<!DOCTYPE a SYSTEM "http://localhost/a.dtd">\n<a>&x;</a>'
PARAMETER = b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]>\n<a/>'


@pytest.mark.parametrize(
    ("content", "line"), [(BOMB, 1), (OUTSIDE, 1), (UNKNOWN, 2), (PARAMETER, 1)]
)
def test_entities_are_refused(tmp_path: Path, content: bytes, line: int) -> None:
    path = document(tmp_path, content)
    with pytest.raises(
        DataError, match=r"entity 'x'.*so they are refused; remove the <!DOCTYPE"
    ) as e:
        read_document(path)
    assert str(e.value).startswith(f"{path}:{line}: ")


def test_a_doctype_without_entities_is_read(tmp_path: Path) -> None:
    assert read_document(document(tmp_path, b"<!DOCTYPE a><a/>")).root.name == "a"


def test_endless_nesting_is_refused(tmp_path: Path) -> None:
    path = document(tmp_path, b"<a>" * 100_000)
    with pytest.raises(DataError, match="elements are nested 100 deep"):
        read_document(path)


def test_a_wrong_encoding_is_named(tmp_path: Path) -> None:
    path = document(tmp_path, b"<a>\xe9</a>")
    with pytest.raises(DataError, match=r":1: the file is not in utf-8.*Save it as UTF-8"):
        read_document(path)
    path = document(tmp_path, b'<?xml version="1.0" encoding="utf-99"?><a/>')
    with pytest.raises(DataError, match=r"the file is not in utf-99.*unknown encoding"):
        read_document(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.xml: cannot be read: No such file"):
        read_document(tmp_path / "none.xml")


def test_a_document_of_more_elements_than_any_page_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqloom_handwriting.pages.markup.MOST_NODES", 3)
    path = tmp_path / "a.xml"
    path.write_text("<a>\n<b/>x<b/>y\n</a>")
    assert read_document(path).root.text == "\nxy\n"
    path.write_text("<a>\n<b/><b/>\n<b/></a>")
    with pytest.raises(DataError, match=r"a\.xml:3: more than 3 elements; this is not a page"):
        read_document(path)
    monkeypatch.setattr("seqloom_handwriting.pages.markup.LARGEST_XML", 10)
    with pytest.raises(DataError, match=r"a\.xml has 21 bytes; expected at most 10"):
        read_document(path)
