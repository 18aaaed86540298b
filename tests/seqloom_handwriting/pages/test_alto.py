"""ALTO of three versions: texts, outlines, types, units, and what is wrong with a line."""

from pathlib import Path

import pytest

from seqloom.errors import DataError
from seqloom_handwriting.pages.documents import read
from seqloom_handwriting.pages.model import Form

SPACES = [
    "http://www.loc.gov/standards/alto/ns-v2#",
    "http://www.loc.gov/standards/alto/ns-v3#",
    "http://www.loc.gov/standards/alto/ns-v4#",
    "",
]
BOX = 'HPOS="10" VPOS="20" WIDTH="100" HEIGHT="30"'
SQUARE = ((10, 20), (110, 20), (110, 50), (10, 50))


def alto(folder: Path, lines: str, head: str = "", space: str = SPACES[2], size: str = "") -> Path:
    path = folder / "a.xml"
    size = size or 'WIDTH="900" HEIGHT="900"'
    path.write_text(
        f'<alto xmlns="{space}">{head}<Layout><Page ID="p" {size}>'
        f'<PrintSpace><ComposedBlock><TextBlock ID="b" TAGREFS="L K" TYPE="old">\n{lines}'
        "</TextBlock></ComposedBlock></PrintSpace></Page></Layout></alto>"
    )
    return path


@pytest.mark.parametrize("space", SPACES)
def test_each_version_is_read(tmp_path: Path, space: str) -> None:
    xml = alto(tmp_path, f'<TextLine ID="x" {BOX}><String CONTENT="a"/></TextLine>', space=space)
    page = read(xml)
    assert (page.form, page.width, page.height, page.unit) == (Form.alto, 900, 900, "pixel")
    (line,) = page.lines
    assert (line.id, line.region, line.kind, line.number) == ("x", "b", "old", 2)
    assert (line.text, line.polygon, line.baseline) == ("a", SQUARE, ())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('<String CONTENT="a  b &amp; c"/>', "a b & c"),
        ('<String CONTENT="a"/><SP/><String CONTENT="b"/>', "a b"),
        ('<String CONTENT="a"/><String CONTENT="b"/>', "a b"),
        ('<String CONTENT="a"/><SP/><String CONTENT="b"/><String CONTENT="c"/>', "a bc"),
        ('<String CONTENT="hy"/><HYP CONTENT="-"/>', "hy-"),
        ('<String CONTENT=""/>', None),
        ('<String CONTENT=" "/>', None),
        ("", None),
    ],
)
def test_the_strings_make_the_text(tmp_path: Path, content: str, text: str | None) -> None:
    (line,) = read(alto(tmp_path, f"<TextLine {BOX}>{content}</TextLine>")).lines
    assert line.text == text


def test_a_file_that_writes_spaces_has_none_where_it_writes_none(tmp_path: Path) -> None:
    word = '<String CONTENT="{}"/>'.format
    first = f"<TextLine {BOX}>{word('Frage')}{word('?')}</TextLine>"
    second = f"<TextLine {BOX}>{word('Was')}<SP/>{word('nun')}</TextLine>"
    assert [line.text for line in read(alto(tmp_path, first + second)).lines] == [
        "Frage?",
        "Was nun",
    ]


def test_a_line_without_a_box_has_that_around_its_strings(tmp_path: Path) -> None:
    strings = '<String CONTENT="a" HPOS="10" VPOS="25" WIDTH="30" HEIGHT="25"/><String/>'
    strings += '<String CONTENT="b" HPOS="50" VPOS="20" WIDTH="60" HEIGHT="20"/>'
    lines = f'<TextLine BASELINE="45">{strings}</TextLine><TextLine VPOS="9">{strings}</TextLine>'
    first, second = read(alto(tmp_path, lines)).lines
    assert first.polygon == second.polygon == SQUARE
    assert first.baseline == ((10, 45), (110, 45))


@pytest.mark.parametrize("points", ["1 2 30 2 30 9", "1,2 30,2 30,9", "1,2,30,2,30,9"])
def test_polygons_and_baselines_are_read_in_every_spelling(tmp_path: Path, points: str) -> None:
    shape = f'<Shape><Polygon POINTS="{points}"/></Shape>'
    (line,) = read(alto(tmp_path, f'<TextLine {BOX} BASELINE="{points}">{shape}</TextLine>')).lines
    assert line.polygon == line.baseline == ((1, 2), (30, 2), (30, 9))


def test_a_baseline_of_one_number_is_level(tmp_path: Path) -> None:
    (line,) = read(alto(tmp_path, f'<TextLine {BOX} BASELINE="45.5"/>')).lines
    assert line.baseline == ((10, 45.5), (110, 45.5))


def test_a_tag_names_the_type(tmp_path: Path) -> None:
    head = '<Tags><OtherTag ID="K" LABEL="MainZone"/><OtherTag ID="M" LABEL="x"/></Tags>'
    (line,) = read(alto(tmp_path, f"<TextLine {BOX}/>", head)).lines
    assert line.kind == "MainZone"


def test_a_polygon_is_guessed_from_the_baseline(tmp_path: Path) -> None:
    (line,) = read(alto(tmp_path, '<TextLine BASELINE="10 100 50 110"/>')).lines
    assert line.polygon == ((10, 80), (50, 90), (50, 120), (10, 110))
    assert line.problem is None


def test_lines_without_an_id_are_numbered(tmp_path: Path) -> None:
    lines = f'<TextLine {BOX}/><TextLine ID="x" {BOX}/><TextLine {BOX}/>'
    assert [line.id for line in read(alto(tmp_path, lines)).lines] == ["line_1", "x", "line_3"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (f'<TextLine {BOX} BASELINE="1 2"/>', "the baseline has 1 different point; expected at"),
        (f'<TextLine {BOX} BASELINE="1 2 1 2"/>', "the baseline has 1 different point; expected"),
        (f'<TextLine {BOX} BASELINE="1 2 3"/>', "3 coordinates in '1 2 3'; expected pairs"),
        (f'<TextLine {BOX} BASELINE="1 2 x 4"/>', "'x' is not a coordinate; expected a number"),
        (f'<TextLine {BOX} BASELINE="1 2 nan 4"/>', "'nan' is not a coordinate"),
        (
            '<TextLine><Shape><Polygon POINTS="1 2 3 4"/></Shape></TextLine>',
            "the polygon has 2 different points; expected at least 3",
        ),
        (
            '<TextLine HPOS="a" VPOS="1" WIDTH="2" HEIGHT="3"/>',
            "the polygon cannot be read: 'a'",
        ),
        ("<TextLine/>", "the line has no polygon and no box to cut it out by"),
        (
            '<TextLine><String CONTENT="a" HPOS="x" VPOS="1" WIDTH="2" HEIGHT="3"/></TextLine>',
            "the line has no polygon and no box to cut it out by",
        ),
        (
            '<TextLine HPOS="x" VPOS="1" WIDTH="2" HEIGHT="3" BASELINE="45">'
            '<Shape><Polygon POINTS="1 2 30 2 30 9"/></Shape></TextLine>',
            "1 coordinates in '45'; expected pairs of x and y",
        ),
        (f'<TextLine {BOX} BASELINE="{"1 2 " * 5001}"/>', "5001 points; expected at most 5000"),
    ],
)
def test_what_is_wrong_with_one_line_is_kept_with_it(
    tmp_path: Path, line: str, problem: str
) -> None:
    (found, good) = read(alto(tmp_path, line + f"<TextLine {BOX}/>")).lines
    assert problem in (found.problem or "")
    assert good.problem is None


@pytest.mark.parametrize(
    ("size", "head", "message"),
    [
        ('WIDTH="0" HEIGHT="5"', "", "WIDTH='0' and HEIGHT='5'; expected two numbers above 0"),
        ('WIDTH="a" HEIGHT="5"', "", "WIDTH='a' and HEIGHT='5'; expected two numbers above 0"),
        (
            "",
            "<Description><MeasurementUnit>ell</MeasurementUnit></Description>",
            "MeasurementUnit 'ell'; expected pixel, mm10, inch1200",
        ),
        ("", '<Layout><Page WIDTH="1" HEIGHT="1"/></Layout>', "the ALTO has 2 pages; expected one"),
    ],
)
def test_a_wrong_page_is_named(tmp_path: Path, size: str, head: str, message: str) -> None:
    path = alto(tmp_path, "", head, size=size)
    with pytest.raises(DataError, match=message) as error:
        read(path)
    assert str(error.value).startswith(f"{path}:1: ")


def test_two_lines_of_one_id_are_told_apart(tmp_path: Path) -> None:
    path = alto(tmp_path, f'<TextLine ID="x" {BOX}/>\n<TextLine ID="x" {BOX}/>')
    page = read(path)
    block = page.lines[0].region
    assert [line.id for line in page.lines] == [f"{block}.x", f"{block}.x.2"]
    assert page.notes == ("several lines have the same id (x); the region's id is put before it",)


@pytest.mark.parametrize("element", ["ComposedBlock", "Illustration", "TopMargin"])
def test_lines_in_any_block_are_reached(tmp_path: Path, element: str) -> None:
    line = f'<TextLine ID="in" {BOX}><String CONTENT="x"/></TextLine>'
    path = tmp_path / "a.xml"
    path.write_text(
        f'<alto><Layout><Page WIDTH="100" HEIGHT="100"><PrintSpace><{element} ID="e">{line}'
        f"</{element}></PrintSpace></Page></Layout></alto>"
    )
    assert [(one.id, one.region, one.text) for one in read(path).lines] == [("in", "e", "x")]


def test_the_rotation_of_the_nearest_block_is_that_of_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    inner = f'<TextBlock ROTATION="-90"><TextLine ID="b" {BOX}/></TextBlock>'
    path.write_text(
        '<alto><Layout><Page WIDTH="100" HEIGHT="100"><PrintSpace><ComposedBlock ROTATION="180">'
        f'<TextBlock><TextLine ID="a" {BOX}/></TextBlock>{inner}</ComposedBlock>'
        "</PrintSpace></Page></Layout></alto>"
    )
    assert [line.turn for line in read(path).lines] == [180, -90]


def test_other_xml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<html><body/></html>")
    with pytest.raises(DataError, match=r":1: the outermost element is 'html' .* expected ALTO"):
        read(path)


def ordered(folder: Path, order: str) -> list[str]:
    """The lines of two columns of two lines each, as a reading order has them."""
    path = folder / "order.xml"
    columns = "".join(
        f'<TextBlock ID="{name}">'
        f'<TextLine ID="{name}1" {BOX}><String ID="{name}s" CONTENT="x"/></TextLine>'
        f'<TextLine ID="{name}2" {BOX}/></TextBlock>'
        for name in "ab"
    )
    path.write_text(
        f'<alto xmlns="{SPACES[2]}"><ReadingOrder>{order}</ReadingOrder><Layout>'
        f'<Page ID="p" WIDTH="9" HEIGHT="9"><PrintSpace><ComposedBlock ID="c">{columns}'
        f"</ComposedBlock><TextBlock><TextLine {BOX}/></TextBlock>"
        "</PrintSpace></Page></Layout></alto>"
    )
    return [line.id for line in read(path).lines]


@pytest.mark.parametrize(
    ("order", "lines"),
    [
        ('<OrderedGroup ID="g"><ElementRef ID="r" REF="b"/></OrderedGroup>', "b1 b2 a1 a2"),
        (
            '<UnorderedGroup ID="g"><OrderedGroup ID="h"><ElementRef ID="r" REF="b2"/>'
            '<ElementRef ID="s" REF="a"/></OrderedGroup></UnorderedGroup>',
            "b2 a1 a2 b1",
        ),
        (  # of a block that is named with one of its lines, the line has its own place
            '<OrderedGroup ID="g"><ElementRef ID="r" REF="c"/><ElementRef ID="s" REF="a1"/>'
            "</OrderedGroup>",
            "a2 b1 b2 a1",
        ),
        ('<OrderedGroup ID="g"><ElementRef ID="r" REF="b2 a1"/></OrderedGroup>', "b2 a1 a2 b1"),
        ('<OrderedGroup ID="g"><ElementRef ID="r" REF="bs"/></OrderedGroup>', "b1 a1 a2 b2"),
        ('<OrderedGroup ID="g"><ElementRef ID="r" REF="gone"/></OrderedGroup>', "a1 a2 b1 b2"),
        ("", "a1 a2 b1 b2"),
    ],
)
def test_the_reading_order_is_kept(tmp_path: Path, order: str, lines: str) -> None:
    assert ordered(tmp_path, order) == [*lines.split(), "line_5"]
