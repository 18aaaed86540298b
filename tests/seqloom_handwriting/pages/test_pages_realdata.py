"""The Peraire pages against the lines that were published of them."""

import io
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqloom_handwriting.pages.reader import PageReader

PAGES = ("test_B.12.japon3_0048", "test_D.3.eurasie-5-6_0018", "test_D.8.eurasie-15_0062")


@pytest.mark.realdata
@pytest.mark.parametrize("page", PAGES)
def test_the_lines_are_the_published_ones(real_data: Path, page: str) -> None:
    lines = real_data / "peraire_lines"
    rows = [row.split("\t") for row in (lines / "test.tsv").read_text("utf-8").splitlines()]
    rows = [row for row in rows if row[1] == page]
    xml = real_data / "peraire_pages" / f"{page}.xml"
    found = list(PageReader(test=str(xml)).examples("test"))
    texts = [" ".join(unicodedata.normalize("NFC", x.fields["text"]).split()) for x in found]
    assert texts == [row[4] for row in rows]
    ours = [example.fields["image"] for example in found]
    with zipfile.ZipFile(lines / "test.zip") as images:
        theirs = [np.asarray(Image.open(io.BytesIO(images.read(row[0])))) for row in rows]
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == pytest.approx(other.shape, rel=0.07, abs=4)
    wider = [one.shape[1] / other.shape[1] for one, other in zip(ours, theirs, strict=True)]
    assert np.median(np.abs(np.log(wider))) < 0.005
    # Alike in brightness, in the thickness of the ink, and in its place in the height.
    assert np.mean([x.mean() for x in ours]) == pytest.approx(
        np.mean([x.mean() for x in theirs]), abs=1
    )
    edges = [np.mean([np.abs(np.diff(x.astype(float))).mean() for x in s]) for s in (ours, theirs)]
    assert edges[0] == pytest.approx(edges[1], rel=0.03)
    profiles = [np.concatenate([255 - x.mean(axis=1) for x in s]) for s in (ours, theirs)]
    assert np.corrcoef(profiles)[0, 1] > 0.98
