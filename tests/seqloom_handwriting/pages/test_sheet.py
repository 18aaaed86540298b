"""Pages in the frame of their XML: notes of rotation, upside-down writing, blank lines."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqloom.testing.readers import usable
from seqloom_handwriting.images.file import as_stored
from seqloom_handwriting.pages.reader import PageReader

Draw = Callable[..., np.ndarray]
LINES = [("a", 60, "some words"), ("b", 160, "and 12 more"), ("c", 230, "last")]
SPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"

Points = list[tuple[float, float]]

EXIF_ORIENTATION = 274


def write_xml(
    path: Path, size: tuple[int, int], lines: list[tuple[str, Points, Points]], more: str = ""
) -> None:
    def points(values: Points) -> str:
        return " ".join(f"{x:.0f},{y:.0f}" for x, y in values)

    rows = "".join(
        f'<TextLine id="{ident}"><Coords points="{points(polygon)}"/>'
        + (f'<Baseline points="{points(baseline)}"/>' if baseline else "")
        + f"<TextEquiv><Unicode>{ident}</Unicode></TextEquiv></TextLine>"
        for ident, polygon, baseline in lines
    )
    path.write_text(
        f'<PcGts xmlns="{SPACE}"><Page imageFilename="p.png" imageWidth="{size[0]}" '
        f'imageHeight="{size[1]}"><TextRegion id="r" {more}>{rows}</TextRegion></Page></PcGts>'
    )


def outlines(baselines: bool = True) -> list[tuple[str, Points, Points]]:
    return [
        (
            ident,
            [(20, y - 30), (300, y - 30), (300, y + 12), (20, y + 12)],
            [(20, y), (300, y)] if baselines else [],
        )
        for ident, y, _ in LINES
    ]


@pytest.fixture
def page(draw_text: Draw) -> np.ndarray:
    return draw_text(440, 400, [(25, y, text) for _, y, text in LINES])


def crops(xml: Path, straighten: bool = True) -> list[np.ndarray]:
    reader = PageReader(train=str(xml), straighten=straighten)
    return [one.fields["image"] for one in usable(reader.examples("train"))]


def likeness(found: list[np.ndarray], expected: list[np.ndarray]) -> float:
    assert [one.shape for one in found] == [one.shape for one in expected]
    pairs = zip(found, expected, strict=True)
    return min(float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) for a, b in pairs)


@pytest.fixture
def upright(tmp_path: Path, page: np.ndarray) -> list[np.ndarray]:
    """Return what is cut from the page when nothing is turned."""
    folder = tmp_path / "upright"
    folder.mkdir()
    Image.fromarray(page).save(folder / "p.png")
    write_xml(folder / "p.xml", (440, 400), outlines())
    return crops(folder / "p.xml")


def save_with_note(path: Path, stored: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(path, exif=exif)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("square", [False, True])
def test_the_xml_is_drawn_on_the_pixels_as_stored(
    tmp_path: Path, page: np.ndarray, upright: list[np.ndarray], orientation: int, square: bool
) -> None:
    page = np.pad(page, ((0, 40), (0, 0)), constant_values=255) if square else page
    save_with_note(tmp_path / "p.png", page, orientation)
    write_xml(tmp_path / "p.xml", (page.shape[1], page.shape[0]), outlines())
    assert likeness(crops(tmp_path / "p.xml"), upright) > 0.99


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("name", ["p.png", "p.jpg", "p.tif"])
def test_the_xml_is_drawn_on_the_turned_image(
    tmp_path: Path,
    page: np.ndarray,
    upright: list[np.ndarray],
    *,
    orientation: int,
    square: bool,
    name: str,
) -> None:
    page = np.pad(page, ((0, 40), (0, 0)), constant_values=255) if square else page
    save_with_note(tmp_path / name, as_stored(page, orientation), orientation)
    write_xml(tmp_path / "p.xml", (page.shape[1], page.shape[0]), outlines())
    assert likeness(crops(tmp_path / "p.xml"), upright) > 0.97


def test_what_cannot_be_decided_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page = np.full((400, 440), 255, np.uint8)
    page[100:120, 100:340] = 0  # the same upside down, but for the line's polygon
    page[280:300, 100:340] = 0
    save_with_note(tmp_path / "p.png", page, 3)
    box: Points = [(90, 90), (350, 90), (350, 130), (90, 130)]
    write_xml(tmp_path / "p.xml", (440, 400), [("a", box, [])])
    assert len(crops(tmp_path / "p.xml")) == 1
    (message,) = caplog.messages
    assert "p.xml: the image has an EXIF note of orientation 3, and whether" in message


def test_a_size_that_fits_neither_frame_names_the_note(tmp_path: Path, page: np.ndarray) -> None:
    save_with_note(tmp_path / "p.png", page, 6)
    write_xml(tmp_path / "p.xml", (440, 800), outlines())
    (error, *_) = PageReader(train=str(tmp_path / "p.xml")).examples("train")
    assert "its image has 400 x 440 pixels, other proportions" in str(error)
    assert "its EXIF note of orientation 6 was followed; without it, it has 440 x 400" in str(error)


def turned(
    page: np.ndarray, degrees: int, lines: list[tuple[str, Points, Points]]
) -> tuple[np.ndarray, list[tuple[str, Points, Points]]]:
    """Return a page and its lines turned anticlockwise, so that they must be turned clockwise."""
    height, width = page.shape

    def turn(points: Points) -> Points:
        return {
            90: [(y, width - x) for x, y in points],
            180: [(width - x, height - y) for x, y in points],
            -90: [(height - y, x) for x, y in points],
        }[degrees]

    stored = np.rot90(page, {90: 1, 180: 2, -90: 3}[degrees])
    return np.ascontiguousarray(stored), [(i, turn(p), turn(b)) for i, p, b in lines]


@pytest.mark.parametrize("degrees", [90, 180, -90])
@pytest.mark.parametrize("baselines", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
@pytest.mark.parametrize("straighten", [True, False])
def test_writing_of_a_stated_orientation_stands_upright(
    tmp_path: Path,
    page: np.ndarray,
    upright: list[np.ndarray],
    *,
    degrees: int,
    baselines: bool,
    backwards: bool,
    straighten: bool,
) -> None:
    stored, lines = turned(page, degrees, outlines(baselines))
    if backwards:
        lines = [(ident, polygon, baseline[::-1]) for ident, polygon, baseline in lines]
    Image.fromarray(stored).save(tmp_path / "p.png")
    size = (stored.shape[1], stored.shape[0])
    write_xml(tmp_path / "p.xml", size, lines, f'orientation="{degrees}"')
    assert likeness(crops(tmp_path / "p.xml", straighten), upright) > 0.95


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_lines_of_a_stated_orientation_may_have_nothing_but_baselines(
    tmp_path: Path, page: np.ndarray, degrees: int, caplog: pytest.LogCaptureFixture
) -> None:
    stored, lines = turned(page, degrees, outlines())
    Image.fromarray(stored).save(tmp_path / "p.png")
    bare = "".join(
        f'<TextLine id="{i}"><Baseline points="{b[0][0]:.0f},{b[0][1]:.0f} '
        f'{b[1][0]:.0f},{b[1][1]:.0f}"/><TextEquiv><Unicode>x</Unicode></TextEquiv></TextLine>'
        for i, _, b in lines
    )
    (tmp_path / "p.xml").write_text(
        f'<PcGts xmlns="{SPACE}"><Page imageWidth="{stored.shape[1]}" '
        f'imageHeight="{stored.shape[0]}" orientation="{degrees}"><TextRegion id="r">{bare}'
        "</TextRegion></Page></PcGts>"
    )
    (tmp_path / "q.xml").write_bytes((tmp_path / "p.xml").read_bytes().replace(b"x<", b"y<"))
    Image.fromarray(stored).save(tmp_path / "q.png")
    for image in crops(tmp_path):
        assert image.shape[1] > 15 * image.shape[0]  # 280 pixels by some 13
        assert image.min() == 0
    said = "p.xml: 3 of 3 lines have a baseline and no polygon (a, b, c); how far they reach above"
    assert said in caplog.text
    assert caplog.text.count("no polygon") == 1  # and not for each page


@pytest.mark.parametrize("straighten", [True, False])
def test_writing_that_hangs_below_a_baseline_from_right_to_left_is_upside_down(
    tmp_path: Path,
    page: np.ndarray,
    upright: list[np.ndarray],
    caplog: pytest.LogCaptureFixture,
    *,
    straighten: bool,
) -> None:
    stored, lines = turned(page, 180, outlines())
    Image.fromarray(stored).save(tmp_path / "p.png")
    write_xml(tmp_path / "p.xml", (440, 400), lines)
    assert likeness(crops(tmp_path / "p.xml", straighten), upright) > 0.97
    (message,) = caplog.messages
    assert "3 of 3 lines are taken for upside down" in message


@pytest.mark.parametrize(("text", "told"), [("x", True), ("\u0915", False), ("\u05d0", False)])
def test_a_page_that_may_be_upside_down_is_told(
    tmp_path: Path,
    page: np.ndarray,
    caplog: pytest.LogCaptureFixture,
    *,
    text: str,
    told: bool,
) -> None:
    stored, lines = turned(page, 180, outlines())
    Image.fromarray(stored).save(tmp_path / "p.png")
    rightwards = [(f"{text}{ident}", polygon, base[::-1]) for ident, polygon, base in lines]
    write_xml(tmp_path / "p.xml", (440, 400), rightwards)
    assert len(crops(tmp_path / "p.xml")) == 3
    assert ("3 of 3 lines hang below their baselines" in caplog.text) == told


def test_upright_writing_with_baselines_from_right_to_left_stays_upright(
    tmp_path: Path, page: np.ndarray, upright: list[np.ndarray]
) -> None:
    Image.fromarray(page).save(tmp_path / "p.png")
    lines = [(ident, polygon, baseline[::-1]) for ident, polygon, baseline in outlines()]
    write_xml(tmp_path / "p.xml", (440, 400), lines)
    assert likeness(crops(tmp_path / "p.xml"), upright) > 0.99


def test_toplines_of_a_script_from_right_to_left_are_not_upside_down(
    tmp_path: Path, page: np.ndarray
) -> None:
    Image.fromarray(page).save(tmp_path / "p.png")
    tops: list[tuple[str, Points, Points]] = [
        ("\u05d0", polygon, [(300, polygon[0][1] + 5), (20, polygon[0][1] + 5)])
        for _, polygon, _ in outlines()
    ]
    write_xml(tmp_path / "p.xml", (440, 400), tops)
    from_top = crops(tmp_path / "p.xml")
    level: list[tuple[str, Points, Points]] = [(i, p, []) for i, p, _ in tops]
    write_xml(tmp_path / "p.xml", (440, 400), level)
    assert likeness(from_top, crops(tmp_path / "p.xml")) > 0.99


def test_blank_lines_are_a_warning(
    tmp_path: Path, page: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    Image.fromarray(page).save(tmp_path / "p.png")
    box: Points = [(20, 300), (300, 300), (300, 340), (20, 340)]
    write_xml(tmp_path / "p.xml", (440, 400), [*outlines(), ("empty", box, [])])
    assert len(crops(tmp_path / "p.xml")) == 4
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path / 'p.xml'}: 1 of 4 lines is blank (empty); is it the")


@pytest.mark.parametrize("followed", [True, False])
def test_without_a_size_the_ink_decides_what_a_note_of_rotation_means(
    alto_page: Callable[..., Path], followed: bool
) -> None:
    xml = alto_page([("a", 60, "some words"), ("b", 160, "and more")])
    expected = crops(xml)
    xml.write_text(re.sub(r'WIDTH="440" HEIGHT="400"', "", xml.read_text()))
    image, note = Image.open(xml.with_suffix(".png")), Image.Exif()
    note[EXIF_ORIENTATION] = 3
    stored = image.rotate(180) if followed else image
    stored.save(xml.with_suffix(".png"), exif=note)
    assert likeness(crops(xml), expected) > 0.99
