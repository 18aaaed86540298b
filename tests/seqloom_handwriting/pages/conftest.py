"""Pages that tests draw themselves, with XML written by hand."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

ALTO4 = "http://www.loc.gov/standards/alto/ns-v4#"
PAGE2019 = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"

Write = Callable[..., Path]


def _alto(name: str, size: tuple[int, int], lines: Sequence[tuple[str, int, str | None]]) -> str:
    rows = []
    for ident, y, text in lines:
        string = "" if text is None else f'<String CONTENT="{text}"/>'
        box = f'HPOS="20" VPOS="{y - 30}" WIDTH="400" HEIGHT="45"'
        polygon = f"20 {y - 30} 420 {y - 30} 420 {y + 15} 20 {y + 15}"
        rows.append(
            f'<TextLine ID="{ident}" {box} BASELINE="20 {y} 420 {y}">\n'
            f'<Shape><Polygon POINTS="{polygon}"/></Shape>{string}</TextLine>'
        )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<alto xmlns="{ALTO4}"><Description>'
        "<MeasurementUnit>pixel</MeasurementUnit><sourceImageInformation>"
        f"<fileName>{name}.png</fileName></sourceImageInformation></Description>"
        '<Tags><OtherTag ID="T1" LABEL="MainZone"/></Tags>\n'
        f'<Layout><Page ID="p" PHYSICAL_IMG_NR="1" WIDTH="{size[0]}" HEIGHT="{size[1]}">\n'
        '<PrintSpace><TextBlock ID="b1" TAGREFS="T1">\n'
        + "\n".join(rows)
        + "\n</TextBlock></PrintSpace></Page></Layout></alto>\n"
    )


@pytest.fixture
def draw_text() -> Callable[..., np.ndarray]:
    """Return a function that draws black text on white paper: (H, W) uint8."""

    def draw(width: int, height: int, lines: Sequence[tuple[int, int, str]]) -> np.ndarray:
        image = Image.new("L", (width, height), 255)
        font = ImageFont.load_default(28)
        for x, baseline, text in lines:
            ImageDraw.Draw(image).text((x, baseline), text, fill=0, font=font, anchor="ls")
        return np.asarray(image)

    return draw


@pytest.fixture
def alto_page(tmp_path: Path, draw_text: Callable[..., np.ndarray]) -> Write:
    """Return a function that writes a page and its ALTO into a folder."""

    def write(
        lines: Sequence[tuple[str, int, str | None]],
        folder: str = "pages",
        name: str = "one",
        image: bool = True,
    ) -> Path:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        if image:
            drawn = draw_text(440, 400, [(25, y, text or "?") for _, y, text in lines])
            Image.fromarray(drawn).save(place / f"{name}.png")
        xml = place / f"{name}.xml"
        xml.write_text(_alto(name, (440, 400), lines), encoding="utf-8")
        return xml

    return write


@pytest.fixture
def page_xml(tmp_path: Path) -> Write:
    """Return a function that writes PAGE XML with the given content of its Page."""

    def write(content: str, name: str = "one", space: str = PAGE2019) -> Path:
        xml = tmp_path / f"{name}.xml"
        xml.write_text(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<PcGts xmlns="{space}">\n'
            "<Metadata><Creator>c</Creator><Created>2020-01-01T00:00:00</Created>"
            "<LastChange>2020-01-01T00:00:00</LastChange></Metadata>\n"
            f'<Page imageFilename="{name}.png" imageWidth="440" imageHeight="400">\n'
            f"{content}\n</Page></PcGts>\n",
            encoding="utf-8",
        )
        return xml

    return write
