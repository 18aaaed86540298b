"""Filling texts into a page's XML, in its own form and in the other."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom.errors import DataError
from seqloom_handwriting.pages.documents import read
from seqloom_handwriting.pages.model import Form
from seqloom_handwriting.pages.writer import fill

Write = Callable[..., Path]

ALTO = """<?xml version="1.0" encoding="ISO-8859-1"?>
<!-- before --><a:alto xmlns:a="http://www.loc.gov/standards/alto/ns-v3#" xmlns:x="urn:x">
 <a:Layout><a:Page ID="p" WIDTH="100" HEIGHT="100" PHYSICAL_IMG_NR="1"><a:PrintSpace>
  <a:TextBlock ID="b" x:more="\xe9">
   <a:TextLine ID="one" HPOS="1" VPOS="2" WIDTH="30" HEIGHT="40"><!-- kept -->
    <a:String ID="s" CONTENT="ol" SUBS_CONTENT="old" WC="0.1" STYLEREFS="t">
     <a:Glyph/></a:String><a:SP/><a:String CONTENT="words"/><a:HYP CONTENT="-"/>
   </a:TextLine>
   <a:TextLine ID="two" HPOS="1" VPOS="50" WIDTH="30" HEIGHT="40"/>
   <a:TextLine HPOS="1" VPOS="50" WIDTH="30" HEIGHT="40"><a:String CONTENT="keep"/></a:TextLine>
  </a:TextBlock></a:PrintSpace></a:Page></a:Layout></a:alto><!-- after -->
"""
ALTO_FILLED = (
    ALTO.replace(
        '<a:String ID="s" CONTENT="ol" SUBS_CONTENT="old" WC="0.1" STYLEREFS="t">\n'
        "     <a:Glyph/></a:String><a:SP/>"
        '<a:String CONTENT="words"/><a:HYP CONTENT="-"/>',
        '<a:String ID="s" CONTENT="a &lt; b &amp; \xe9&#8217;" HPOS="1" VPOS="2" '
        'WIDTH="30" HEIGHT="40" WC="0.1235"/>',
    )
).replace(
    '<a:TextLine ID="two" HPOS="1" VPOS="50" WIDTH="30" HEIGHT="40"/>',
    '<a:TextLine ID="two" HPOS="1" VPOS="50" WIDTH="30" HEIGHT="40">'
    '<a:String CONTENT="new" HPOS="1" VPOS="50" WIDTH="30" HEIGHT="40"/></a:TextLine>',
)


def test_alto_keeps_all_but_the_strings(tmp_path: Path) -> None:
    xml, out = tmp_path / "a.xml", tmp_path / "out" / "a.xml"
    xml.write_bytes(ALTO.encode("latin-1"))
    fill(xml, {"one": ("a < b & é’", 0.12345), "two": ("new", None)}, out)
    assert out.read_bytes().decode("latin-1") == ALTO_FILLED
    assert [line.text for line in read(out).lines] == ["a < b & é’", "new", "keep"]


def test_a_style_or_tag_of_one_word_is_not_claimed_for_the_line(tmp_path: Path) -> None:
    xml, out = tmp_path / "a.xml", tmp_path / "out.xml"
    box = 'HPOS="1" VPOS="2" WIDTH="30" HEIGHT="40"'
    xml.write_text(
        '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Layout><Page><PrintSpace>'
        f'<TextBlock ID="b"><TextLine ID="one" {box}>'
        '<String CONTENT="Ada" STYLE="bold" TAGREFS="person" LANG="en"/><SP/>'
        '<String CONTENT="wrote" LANG="en"/></TextLine>'
        f'<TextLine ID="two" {box}><String CONTENT="all" STYLE="bold" TAGREFS="person"/>'
        "</TextLine></TextBlock></PrintSpace></Page></Layout></alto>"
    )
    fill(xml, {"one": ("Ada wrote", None), "two": ("all", None)}, out)
    one, two = re.findall("<String ([^>]*) HPOS", out.read_text())
    assert one == 'LANG="en" CONTENT="Ada wrote"'
    assert two == 'STYLE="bold" TAGREFS="person" CONTENT="all"'


def test_the_reading_order_names_no_string_that_is_gone(tmp_path: Path) -> None:
    xml, out = tmp_path / "a.xml", tmp_path / "out.xml"
    box = 'HPOS="1" VPOS="2" WIDTH="30" HEIGHT="40"'
    order = "".join(f'<ElementRef ID="r{n}" REF="{n}"/>' for n in ("b2", "a2", "a3", "b1"))
    xml.write_text(
        '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#">'
        f'<ReadingOrder><OrderedGroup ID="g">{order}</OrderedGroup></ReadingOrder>'
        '<Layout><Page><PrintSpace><TextBlock ID="t">'
        + "".join(
            f'<TextLine ID="{line}" {box}>'
            + "".join(f'<String ID="{line}{n}" CONTENT="x"/>' for n in (1, 2, 3))
            + "</TextLine>"
            for line in "ab"
        )
        + "</TextBlock></PrintSpace></Page></Layout></alto>"
    )
    fill(xml, {"a": ("new", None), "b": ("", None)}, out)
    assert re.findall(' REF="(..)"', out.read_text()) == ["a2", "b1"]
    assert re.findall('<String ID="(..)"', out.read_text()) == ["a2", "b1"]


COORDS = '<Coords points="1,2 30,2 30,40"/>'
PAGE = f"""<ReadingOrder><OrderedGroup id="g"><RegionRefIndexed index="0" regionRef="r"/>
 </OrderedGroup></ReadingOrder><!-- kept -->
 <TextRegion id="r" custom="structure {{type:x;}}">{COORDS}
  <TextLine id="one">{COORDS}<Baseline points="1,30 30,30"/>
   <Word id="w">{COORDS}<TextEquiv><Unicode>old</Unicode></Word>
   <TextEquiv index="0" conf="0.1"><Unicode>old</Unicode></TextEquiv>
   <TextEquiv index="1"><Unicode>older</Unicode></TextEquiv>
   <TextStyle fontSize="3"/>
  </TextLine>
  <TextLine id="two">
   {COORDS}
  </TextLine>
  <TextEquiv><Unicode>old two</Unicode></TextEquiv>
 </TextRegion>
 <TextRegion id="s">{COORDS}<TextLine id="three">{COORDS}</TextLine>
  <TextEquiv><Unicode>kept</Unicode></TextEquiv></TextRegion>""".replace(
    "old</Unicode></Word>", "old</Unicode></TextEquiv></Word>"
)
PAGE_FILLED = f"""<ReadingOrder><OrderedGroup id="g"><RegionRefIndexed index="0" regionRef="r"/>
 </OrderedGroup></ReadingOrder><!-- kept -->
 <TextRegion id="r" custom="structure {{type:x;}}">{COORDS}
  <TextLine id="one">{COORDS}<Baseline points="1,30 30,30"/>
   <TextEquiv conf="1.0000"><Unicode>a &lt; b</Unicode></TextEquiv>
   <TextStyle fontSize="3"/>
  </TextLine>
  <TextLine id="two">
   {COORDS}
   <TextEquiv><Unicode/></TextEquiv>
  </TextLine>
 </TextRegion>
 <TextRegion id="s">{COORDS}<TextLine id="three">{COORDS}</TextLine>
  <TextEquiv><Unicode>kept</Unicode></TextEquiv></TextRegion>"""


def test_page_xml_keeps_all_but_what_contradicts(page_xml: Write, tmp_path: Path) -> None:
    xml, out = page_xml(PAGE), tmp_path / "out.xml"
    fill(xml, {"one": ("a < b", 1.0), "two": ("", None)}, out)
    expected = page_xml(PAGE_FILLED, name="expected").read_text()
    found = out.read_text().replace("<Unicode></Unicode>", "<Unicode/>")
    assert found == expected.replace("expected.png", "one.png")


# What XML can hold; the rest is tested below.
some_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12
).map(lambda text: " ".join(text.replace("\ufffe", "").replace("\uffff", "").split()))


@settings(max_examples=50, deadline=None)  # each writes files
@given(
    readings=st.dictionaries(
        st.sampled_from("abc"), st.tuples(some_texts, st.none() | st.floats(0, 1)), max_size=3
    ),
    source=st.sampled_from(Form),
    target=st.sampled_from([*Form, None]),
)
def test_what_is_filled_in_is_read_back(
    alto_folder: dict[Form, Path],
    readings: dict[str, tuple[str, float | None]],
    source: Form,
    target: Form | None,
) -> None:
    xml = alto_folder[source]
    out = xml.parent / "filled.xml"
    fill(xml, readings, out, target)
    before, after = read(xml), read(out)
    assert after.form == (target or source)
    assert (after.image, after.width, after.height) == ("one.png", 440, 400)
    for old, new in zip(before.lines, after.lines, strict=True):
        wanted = readings[old.id][0] if old.id in readings else old.text
        assert (new.id, new.text) == (old.id, wanted or None)
        assert (new.region, new.kind, new.polygon) == (old.region, old.kind, old.polygon)
        assert new.baseline == old.baseline


@pytest.fixture(scope="session")
def alto_folder(tmp_path_factory: pytest.TempPathFactory) -> dict[Form, Path]:
    """Return one page in both forms."""
    folder = tmp_path_factory.mktemp("both")
    (folder / "one.png").touch()
    forms = {Form.alto: folder / "one.xml", Form.page: folder / "one_page.xml"}
    box = 'HPOS="10" VPOS="20" WIDTH="100" HEIGHT="30" BASELINE="10 40 110 41"'
    lines = "".join(
        f'<TextLine ID="{name}" {box}><String CONTENT="old"/></TextLine>' for name in "ab"
    )
    lines += '<TextLine ID="c" BASELINE="5 100 90 99"/>'
    forms[Form.alto].write_text(
        '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Tags><OtherTag ID="T" LABEL="M"/>'
        '</Tags><Layout><Page WIDTH="440" HEIGHT="400"><PrintSpace><TextBlock ID="r" TAGREFS="T">'
        f"{lines}</TextBlock></PrintSpace></Page></Layout></alto>"
    )
    fill(forms[Form.alto], {}, forms[Form.page], Form.page)
    # The guess of a polygon is between pixels, which PAGE XML cannot say.
    fill(forms[Form.page], {}, forms[Form.alto], Form.alto)
    return forms


def names(xml: Path) -> list[str]:
    """Return each element of a document as its path."""
    root = ElementTree.parse(xml).getroot()

    def walk(node: ElementTree.Element, above: str) -> list[str]:
        path = f"{above}/{node.tag.rpartition('}')[2]}"
        return [path, *(one for child in node for one in walk(child, path))]

    return walk(root, "")


def test_a_converted_page_has_the_elements_of_its_schema(
    alto_folder: dict[Form, Path], tmp_path: Path
) -> None:
    readings = {"a": ("x", 0.5)}
    fill(alto_folder[Form.page], readings, tmp_path / "alto.xml", Form.alto)
    fill(alto_folder[Form.alto], readings, tmp_path / "page.xml", Form.page)
    alto = names(tmp_path / "alto.xml")
    sheet = "/alto/Layout/Page"
    block = f"{sheet}/PrintSpace/TextBlock"
    assert alto[: alto.index(f"{block}/TextLine") + 4] == [
        "/alto",
        "/alto/Description",
        "/alto/Description/MeasurementUnit",
        "/alto/Description/sourceImageInformation",
        "/alto/Description/sourceImageInformation/fileName",
        "/alto/Tags",
        "/alto/Tags/OtherTag",
        "/alto/Layout",
        sheet,
        f"{sheet}/PrintSpace",
        block,
        f"{block}/TextLine",
        f"{block}/TextLine/Shape",
        f"{block}/TextLine/Shape/Polygon",
        f"{block}/TextLine/String",
    ]
    page = names(tmp_path / "page.xml")
    order = "/PcGts/Page/ReadingOrder"
    region = "/PcGts/Page/TextRegion"
    assert page[: page.index(f"{region}/TextLine") + 5] == [
        "/PcGts",
        "/PcGts/Metadata",
        "/PcGts/Metadata/Creator",
        "/PcGts/Metadata/Created",
        "/PcGts/Metadata/LastChange",
        "/PcGts/Page",
        order,
        f"{order}/OrderedGroup",
        f"{order}/OrderedGroup/RegionRefIndexed",
        region,
        f"{region}/Coords",
        f"{region}/TextLine",
        f"{region}/TextLine/Coords",
        f"{region}/TextLine/Baseline",
        f"{region}/TextLine/TextEquiv",
        f"{region}/TextLine/TextEquiv/Unicode",
    ]
    assert 'WC="0.5000"' in (tmp_path / "alto.xml").read_text()
    assert 'conf="0.5000"' in (tmp_path / "page.xml").read_text()


@pytest.mark.parametrize("target", Form)
def test_what_xml_cannot_hold_is_replaced(
    alto_folder: dict[Form, Path], tmp_path: Path, target: Form
) -> None:
    out = tmp_path / "out.xml"
    fill(alto_folder[Form.alto], {"a": ("x\x0c\x00y\ufffe", None)}, out, target)
    assert read(out).lines[0].text == "x\ufffd\ufffdy\ufffd"


def test_an_unknown_line_is_refused(alto_page: Write, tmp_path: Path) -> None:
    xml = alto_page([("line_a", 60, "x")])
    with pytest.raises(DataError, match=r"no line 'line_b'\. Did you mean 'line_a'\?"):
        fill(xml, {"line_b": ("y", None)}, tmp_path / "out.xml")


def test_a_page_without_pixels_cannot_be_converted(alto_page: Write, tmp_path: Path) -> None:
    xml = alto_page([("a", 60, "x")])
    xml.write_text(xml.read_text().replace(">pixel<", ">mm10<"))
    with pytest.raises(DataError, match=r"its unit is mm10\), so it cannot be written as page"):
        fill(xml, {}, tmp_path / "out.xml", Form.page)


def test_lines_that_cannot_be_drawn_are_named(
    alto_page: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    xml = alto_page([("a", 60, "x"), ("b", 160, "y")])
    xml.write_text(xml.read_text().replace('BASELINE="20 60 420 60"', 'BASELINE="20 60"'))
    fill(xml, {}, tmp_path / "out.xml", Form.page)
    assert [line.id for line in read(tmp_path / "out.xml").lines] == ["b"]
    assert f"{xml}:5: left out: the baseline has 1 different point" in caplog.text


BARE = """<alto><Layout><Page WIDTH="440" HEIGHT="400"><PrintSpace>
<TextBlock ID="old"><TextLine ID="a" HPOS="10" VPOS="20" WIDTH="100" HEIGHT="30"/></TextBlock>
<TextBlock ID="r" ROTATION="90"><TextLine ID="b" HPOS="10" VPOS="60" WIDTH="30" HEIGHT="90"/>
</TextBlock></PrintSpace></Page></Layout></alto>"""


@pytest.mark.parametrize("form", Form)
def test_a_converted_page_keeps_its_turned_regions(tmp_path: Path, form: Form) -> None:
    (tmp_path / "one.xml").write_text(BARE)
    other = Form.page if form == Form.alto else Form.alto
    fill(tmp_path / "one.xml", {"b": ("read", 0.5)}, tmp_path / "first.xml", other)
    fill(tmp_path / "first.xml", {}, tmp_path / "second.xml", form)
    for name, made in (("first", other), ("second", form)):
        page = read(tmp_path / f"{name}.xml")
        assert page.form == made
        assert [(one.id, one.turn, one.kind) for one in page.lines] == [("a", 0, ""), ("b", 90, "")]
        assert [one.baseline for one in page.lines] == [(), ()]
    assert texts(tmp_path / "first.xml") == [None, "read"]


def texts(xml: Path) -> list[str | None]:
    return [line.text for line in read(xml).lines]
