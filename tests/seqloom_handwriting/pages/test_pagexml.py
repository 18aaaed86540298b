"""PAGE XML: reading order, nested regions, texts and types."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seqloom.errors import DataError
from seqloom_handwriting.pages.documents import _may_be_page, read
from seqloom_handwriting.pages.model import Form, _folders, regions

Write = Callable[..., Path]
COORDS = '<Coords points="10,20 110,20 110,50 10,50"/>'
YEARS = ["2010-03-19", "2013-07-15", "2016-07-15", "2017-07-15", "2018-07-15", "2019-07-15"]


def region(ident: str, *lines: str, inner: str = "", more: str = "") -> str:
    rows = "".join(f'<TextLine id="{line}">{COORDS}</TextLine>' for line in lines)
    return f'<TextRegion id="{ident}" {more}>{COORDS}{inner}{rows}</TextRegion>'


def order_of(xml: Path) -> str:
    return " ".join(line.id for line in read(xml).lines)


@pytest.mark.parametrize("year", YEARS)
def test_each_version_is_read(page_xml: Write, year: str) -> None:
    space = f"http://schema.primaresearch.org/PAGE/gts/pagecontent/{year}"
    line = f'<TextLine id="x">{COORDS}<Baseline points="10,45 110,46"/></TextLine>'
    page = read(page_xml(f'<TextRegion id="r" type="heading">{line}</TextRegion>', space=space))
    assert (page.form, page.image, page.width, page.height) == (Form.page, "one.png", 440, 400)
    (found,) = page.lines
    assert (found.id, found.region, found.kind, found.number) == ("x", "r", "heading", 5)
    assert found.polygon == ((10, 20), (110, 20), (110, 50), (10, 50))
    assert (found.baseline, found.text) == (((10, 45), (110, 46)), None)


def test_without_a_reading_order_the_document_says_it(page_xml: Write) -> None:
    inner = region("c", "c1")
    assert order_of(page_xml(region("b", "b1", "b2", inner=inner) + region("a", "a1"))) == (
        "b1 b2 c1 a1"
    )


def test_custom_attributes_give_the_order_that_the_reading_order_leaves_open(
    page_xml: Write,
) -> None:
    def placed(ident: str, index: int | None) -> str:
        custom = "" if index is None else f' custom="readingOrder {{index:{index};}} x {{y:0;}}"'
        return f'<TextLine id="{ident}"{custom}><Coords points="1,2 3,4 5,2"/></TextLine>'

    def placed_region(ident: str, index: int, *lines: str) -> str:
        custom = f'custom="structure {{type:a;}} readingOrder {{index:{index};}}"'
        return f'<TextRegion id="{ident}" {custom}>{"".join(lines)}</TextRegion>'

    last = placed_region("r", 2, placed("e", 10), placed("d", 9), placed("f", None))
    first = placed_region("s", 0, placed("b", 1), placed("a", 0))
    second = placed_region("t", 1, placed("c", 0))
    assert order_of(page_xml(last + first + second)) == "a b c d e f"


def test_points_may_be_elements_as_before_2013(page_xml: Write) -> None:
    corners = "".join(f'<Point x="{x}" y="{y}"/>' for x, y in ((1, 2), (30, 2), (30, 9)))
    line = f"<TextLine><Coords>{corners}</Coords><Baseline>{corners}</Baseline></TextLine>"
    (found,) = read(page_xml(f'<TextRegion id="r">{line}</TextRegion>')).lines
    assert found.polygon == found.baseline == ((1, 2), (30, 2), (30, 9))


def test_ordered_groups_go_by_index_and_unordered_ones_by_the_document(page_xml: Write) -> None:
    order = """<ReadingOrder><OrderedGroup id="g">
      <RegionRefIndexed index="10" regionRef="a"/>
      <UnorderedGroupIndexed id="u" index="9">
        <RegionRef regionRef="d"/><OrderedGroup id="o">
          <RegionRefIndexed index="1" regionRef="b"/><RegionRefIndexed index="0" regionRef="c"/>
        </OrderedGroup></UnorderedGroupIndexed>
    </OrderedGroup></ReadingOrder>"""
    regions = "".join(region(name, f"{name}1") for name in "abcde")
    assert order_of(page_xml(order + regions)) == "d1 c1 b1 a1 e1"


def test_inner_regions_follow_theirs_unless_named(page_xml: Write) -> None:
    order = """<ReadingOrder><OrderedGroup id="g">
      <RegionRefIndexed index="0" regionRef="late"/><RegionRefIndexed index="1" regionRef="table"/>
      <RegionRefIndexed index="2" regionRef="nowhere"/>
    </OrderedGroup></ReadingOrder>"""
    inner = region("cell", "cell1", inner=region("deep", "deep1")) + region("late", "late1")
    table = f'<TableRegion id="table">{COORDS}{inner}</TableRegion>'
    assert order_of(page_xml(order + region("other", "other1") + table)) == (
        "late1 cell1 deep1 other1"
    )


def test_a_group_may_stand_for_a_region_itself(page_xml: Write) -> None:
    order = """<ReadingOrder><OrderedGroup id="g">
      <OrderedGroupIndexed id="h" index="1" regionRef="a">
        <RegionRefIndexed index="0" regionRef="b"/></OrderedGroupIndexed>
      <RegionRefIndexed index="0" regionRef="c"/>
    </OrderedGroup></ReadingOrder>"""
    regions = region("b", "b1") + region("a", "a1") + region("c", "c1")
    assert order_of(page_xml(order + regions)) == "c1 a1 b1"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<TextEquiv><Unicode>a  b</Unicode></TextEquiv>", "a b"),
        ("<TextEquiv><PlainText>p</PlainText><Unicode>u</Unicode></TextEquiv>", "u"),
        ("<TextEquiv><PlainText>p</PlainText></TextEquiv>", "p"),
        ("<TextEquiv><PlainText>p</PlainText><Unicode/></TextEquiv>", "p"),
        ("<TextEquiv/><TextEquiv><Unicode>second</Unicode></TextEquiv>", "second"),
        (
            '<TextEquiv index="1"><Unicode>b</Unicode></TextEquiv>'
            '<TextEquiv index="0" conf="0.1"><Unicode>a</Unicode></TextEquiv>',
            "a",
        ),
        (
            '<TextEquiv conf="0.2"><Unicode>a</Unicode></TextEquiv>'
            '<TextEquiv conf="0.9"><Unicode>b</Unicode></TextEquiv>',
            "b",
        ),
        (
            '<TextEquiv conf="0.9"><Unicode>a</Unicode></TextEquiv>'
            "<TextEquiv><Unicode>corrected</Unicode></TextEquiv>",
            "corrected",
        ),
        (
            '<Word id="w"><TextEquiv><Unicode>a</Unicode></TextEquiv></Word>'
            '<Word id="v"><TextEquiv><Unicode>b</Unicode></TextEquiv></Word>',
            "a b",
        ),
        (
            '<Word id="w"><TextEquiv><Unicode>word</Unicode></TextEquiv></Word>'
            "<TextEquiv><Unicode>line</Unicode></TextEquiv>",
            "line",
        ),
        ("<TextEquiv><Unicode/></TextEquiv>", None),
        ("", None),
    ],
)
def test_the_main_text_is_taken(page_xml: Write, content: str, text: str | None) -> None:
    line = f'<TextLine id="x">{COORDS}{content}</TextLine>'
    (found,) = read(page_xml(f'<TextRegion id="r">{line}</TextRegion>')).lines
    assert found.text == text


def test_a_structure_type_goes_before_the_region_s_own(page_xml: Write) -> None:
    more = 'type="paragraph" custom="readingOrder {index:0;} structure {type:MainZone;}"'
    (line,) = read(page_xml(region("r", "x", more=more))).lines
    assert line.kind == "MainZone"


def test_lines_in_cells_of_tables_are_reached(page_xml: Write) -> None:
    def cell(ident: str, more: str = "") -> str:
        line = f'<TextLine id="{ident}l">{COORDS}</TextLine>'
        return f'<TableCell id="{ident}" {more}>{COORDS}{line}<CornerPts>0</CornerPts></TableCell>'

    cells = cell("c1") + cell("c2", 'custom="structure {type:sum;}"')
    table = f'<TableRegion id="t" type="list">{COORDS}{cells}</TableRegion>'
    lines = read(page_xml(region("a", "a1") + table + region("b", "b1"))).lines
    assert [(line.id, line.region, line.kind) for line in lines] == [
        ("a1", "a", ""),
        ("c1l", "c1", "list"),
        ("c2l", "c2", "sum"),
        ("b1", "b", ""),
    ]


def test_a_named_table_brings_its_cells(page_xml: Write) -> None:
    order = """<ReadingOrder><OrderedGroup id="g"><RegionRefIndexed index="0" regionRef="t"/>
    </OrderedGroup></ReadingOrder>"""
    line = f'<TextLine id="c1">{COORDS}</TextLine>'
    table = f'<TableRegion id="t">{COORDS}<TableCell id="c">{line}</TableCell></TableRegion>'
    assert order_of(page_xml(order + region("a", "a1") + table)) == "c1 a1"


def test_lines_outside_regions_are_reached(page_xml: Write) -> None:
    line = f'<TextLine id="x">{COORDS}</TextLine>'
    wrapped = f'<TextRegion id="r" type="heading"><Part>{line}</Part></TextRegion>'
    found = read(page_xml(wrapped + line.replace('"x"', '"y"'))).lines
    assert {line.id: (line.region, line.kind) for line in found} == {
        "x": ("r", "heading"),
        "y": ("", ""),
    }


def test_lines_outside_the_page_are_counted(page_xml: Write) -> None:
    xml = page_xml(region("a", "a1"))
    text = xml.read_text().replace("</PcGts>", f"<TextLine>{COORDS}</TextLine></PcGts>")
    xml.write_text(text)
    page = read(xml)
    assert [line.id for line in page.lines] == ["a1"]
    assert page.notes == ("1 TextLine is left out, outside the Page",)


def test_equal_ids_of_lines_are_told_apart_by_region(page_xml: Write) -> None:
    page = read(page_xml(region("a", "x", "y") + region("b", "x", "x")))
    assert [line.id for line in page.lines] == ["a.x", "y", "b.x", "b.x.2"]
    (note,) = page.notes
    assert note == "several lines have the same id (x); the region's id is put before it"


@pytest.mark.parametrize(
    ("more", "turn"),
    [
        ("", 0),
        ('orientation="180.0"', 180),
        ('orientation="-179.2"', 180),
        ('orientation="90"', 90),
        ('orientation="-90"', -90),
        ('orientation="2.5"', 0),
        ('orientation="wrong"', 0),
        ('orientation="1" readingOrientation="90"', 90),
    ],
)
def test_the_orientation_of_a_region_is_that_of_its_lines(
    page_xml: Write, more: str, turn: int
) -> None:
    (line,) = read(page_xml(region("r", "x", more=more))).lines
    assert line.turn == turn


def test_the_orientation_of_the_page_is_that_of_regions_without_one(page_xml: Write) -> None:
    xml = page_xml(region("a", "a1") + region("b", "b1", more='orientation="0"'))
    xml.write_text(xml.read_text().replace("<Page ", '<Page orientation="180" '))
    assert [line.turn for line in read(xml).lines] == [180, 0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f'{COORDS}<Baseline points="1,2"/>', "the baseline has 1 different point"),
        ('<Coords points="1,2 3"/>', "3 coordinates in '1,2 3'; expected pairs of x and y"),
        ("", "the line has no polygon and no box to cut it out by"),
    ],
)
def test_what_is_wrong_with_one_line_is_kept_with_it(
    page_xml: Write, content: str, problem: str
) -> None:
    lines = f'<TextLine id="x">{content}</TextLine><TextLine id="y">{COORDS}</TextLine>'
    bad, good = read(page_xml(f'<TextRegion id="r">{lines}</TextRegion>')).lines
    assert problem in (bad.problem or "")
    assert good.problem is None


def test_a_page_without_a_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    space = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
    path.write_text(f'<PcGts xmlns="{space}">\n<Page imageFilename="a.png"/></PcGts>')
    with pytest.raises(DataError, match=r":2: the page has imageWidth='' and imageHeight=''"):
        read(path)
    path.write_text(f'<PcGts xmlns="{space}"/>')
    with pytest.raises(DataError, match=r":1: the PAGE XML has 0 pages; expected one"):
        read(path)


def test_regions_get_ids_that_nothing_else_has() -> None:
    names = [("region_1", "b"), ("", ""), ("", "note"), ("region_1", "c")]
    lines = [SimpleNamespace(id=f"l{n}", region=r, kind=k) for n, (r, k) in enumerate(names)]
    lines.append(SimpleNamespace(id="region_3", region="last", kind=""))
    page: Any = SimpleNamespace(lines=lines)
    found = [ident for ident, _, _ in regions(page)]
    assert found == ["region_1", "region_2", "region_3_", "region_4", "last"]


def test_what_cannot_be_listed_or_read_is_left_to_whoever_needs_it(tmp_path: Path) -> None:
    assert _folders(tmp_path / "gone") == []
    assert _may_be_page(tmp_path / "gone.xml")  # reading it says why it cannot be read
