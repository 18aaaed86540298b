"""Each kind of file that is parsed, damaged at random: it is read, or an error of seqloom says why.

Every other exception is a bug, and so are warnings.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seqloom.data.content import load_contents
from seqloom.errors import ExampleError, SeqloomError
from seqloom.files import read_json, read_jsonl
from seqloom.interfaces import FrontendCodec, Reader
from seqloom.sweep.folder import read_plan
from seqloom.sweep.trials import read_trial
from seqloom.yaml_file import read_yaml
from seqloom_ctc.language import NGram
from seqloom_handwriting.demo.pads import image_of, strokes_of
from seqloom_handwriting.images.codec import LineImageCodec
from seqloom_handwriting.pages.reader import PageReader
from seqloom_handwriting.readers.line_images import LineImageReader
from seqloom_handwriting.readers.series import SeriesReader
from seqloom_handwriting.readers.strokes import StrokeReader
from seqloom_handwriting.strokes import StrokeCodec
from seqloom_handwriting.vectors import VectorCodec
from seqloom_text.readers.conll import ConllReader
from seqloom_text.readers.csv import CsvReader
from seqloom_text.readers.jsonl import JsonlReader
from seqloom_text.readers.spans import SpansReader
from seqloom_text.vectors import load_vectors

Read = Callable[[Path], object]
Codecs = dict[str, FrontendCodec]

TEXTS = ["one, line", 'and "another"', "the last"]
TRACES = "<trace>0 0, 1 2.5, 3 -1e1</trace><trace type='penDown'>2 2</trace>"
ALTO = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description>
<MeasurementUnit>pixel</MeasurementUnit><sourceImageInformation><fileName>page.png</fileName>
</sourceImageInformation></Description><Layout><Page WIDTH="90" HEIGHT="60" ID="p"><PrintSpace>
<TextBlock ID="b"><TextLine ID="l" HPOS="5" VPOS="10" WIDTH="60" HEIGHT="20" BASELINE="5,25 60,26">
<Shape><Polygon POINTS="5,10 65,10 65,30 5,30"/></Shape><String CONTENT="a &amp; b"/><SP/>
<String CONTENT="c"/></TextLine></TextBlock></PrintSpace></Page></Layout></alto>
"""
PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="page.png" imageWidth="90" imageHeight="60"><ReadingOrder>
<OrderedGroup id="g"><RegionRefIndexed index="0" regionRef="r"/></OrderedGroup></ReadingOrder>
<TextRegion id="r" orientation="1.5" custom="structure {type:MainZone;}">
<TextLine id="l"><Coords points="5,10 65,10 65,30 5,30"/><Baseline points="5,25 60,26"/>
<TextEquiv index="0" conf="0.9"><Unicode>a line</Unicode></TextEquiv></TextLine></TextRegion>
</Page></PcGts>
"""


def picture(kind: str) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (12, 40), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 3
    more = {"exif": exif} if kind in ("JPEG", "PNG") else {}
    Image.fromarray(pixels).save(stream, kind, **more)
    return stream.getvalue()


def page_image() -> bytes:
    """Return a page of 90 x 60 pixels with a black line."""
    pixels = np.full((60, 90), 250, np.uint8)
    pixels[14:24, 8:60:3] = 10
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


PAGE_IMAGE = page_image()


def npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ones((5, 3), np.float32))
    return stream.getvalue()


def npz() -> bytes:
    stream = io.BytesIO()
    hashes = np.arange(4, dtype=np.uint64)
    np.savez_compressed(stream, **{"train.whole": hashes, "train.inputs": hashes})
    return stream.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def series_codec() -> FrontendCodec:
    codec = VectorCodec()
    codec.restore({"mean": [0.0] * 3, "deviation": [1.0] * 3})
    return codec


def stroke_codec() -> FrontendCodec:
    codec = StrokeCodec(spacing=0.3)
    codec.restore({"step": 0.3})
    return codec


def inputs(make: Callable[[], Reader], codec: Callable[[], FrontendCodec]) -> Read:
    """Return what predicts from a file up to the model."""

    def read(path: Path) -> None:
        encoder = codec()
        for one in make().inputs([str(path)]):
            if not isinstance(one, ExampleError):
                try:
                    encoder.encode(encoder.prepare(one))
                except ExampleError:
                    continue  # the others are still read

    return read


def training(make: Callable[..., Reader], **params: Any) -> Read:
    """Return what reads a file with its targets, as for a training."""
    return lambda path: list(make(train=str(path), **params).examples("train"))


def pages(path: Path) -> None:
    (path.parent / "page.png").write_bytes(PAGE_IMAGE)
    list(PageReader(height=24).inputs([str(path)]))


def ngram(path: Path) -> None:
    try:
        NGram.from_bytes(path.read_bytes())
    except ValueError as error:  # what it promises to raise
        raise SeqloomError(str(error)) from error


GRAMS = NGram.fit(["abba", "ab"], 3, "ab").to_bytes()
PLAN = {
    "version": 1,
    "kind": "grid",
    "command": ["seed=1"],
    "cwd": "/",
    "trials": [{"number": 0, "overrides": ["seed=1"]}],
}
RECORD = {"state": "done", "metrics": {"val": {"f1": 0.5}}, "monitor": "f1", "overrides": ["a=1"]}
ROWS = "".join(json.dumps({"text": text, "label": "x"}) + "\n" for text in TEXTS)
SPANS = "".join(json.dumps({"text": t, "label": [[0, 1, "X"]]}) + "\n" for t in TEXTS)
TABLE = "text,label\n" + "".join('"{}",x\n'.format(t.replace('"', '""')) for t in TEXTS)
CONLL = "a\tO\nb\tB-X\n\nc\tI-X\n"
STROKES = "strokes\ttext\n1,2 3,4.5|6,7\ta\n0,0 1,1\tb\n"

KINDS: dict[str, tuple[str, bytes, Read]] = {
    **{
        f"line of {kind}": (f"a.{end}", picture(kind), inputs(LineImageReader, LineImageCodec))
        for kind, end in {
            "PNG": "png",
            "JPEG": "jpg",
            "TIFF": "tif",
            "BMP": "bmp",
            "WEBP": "webp",
            "PPM": "pgm",
        }.items()
    },
    "zip of images": (
        "a.zip",
        zipped({"1.png": picture("PNG"), "1.gt.txt": b"text"}),
        inputs(LineImageReader, LineImageCodec),
    ),
    "npy": ("a.npy", npy(), inputs(SeriesReader, series_codec)),
    "npz": ("a.npz", zipped({"a.npy": npy(), "b.npy": npy()}), inputs(SeriesReader, series_codec)),
    "ALTO": ("a.xml", ALTO.encode(), pages),
    "PAGE": ("a.xml", PAGE.encode(), pages),
    "InkML": ("a.inkml", f"<ink>{TRACES}</ink>".encode(), inputs(StrokeReader, stroke_codec)),
    "strokes": ("a.tsv", STROKES.encode(), inputs(StrokeReader, stroke_codec)),
    "CSV": ("a.csv", TABLE.encode(), training(CsvReader)),
    "CSV by gzip": ("a.csv.gz", gzip.compress(TABLE.encode(), mtime=0), training(CsvReader)),
    "JSON Lines": ("a.jsonl", ROWS.encode(), training(JsonlReader)),
    "spans": ("a.jsonl", SPANS.encode(), training(SpansReader)),
    "array of spans": (
        "a.json",
        f"[{','.join(SPANS.splitlines())}]".encode(),
        training(SpansReader),
    ),
    "CoNLL": ("a.conll", CONLL.encode(), training(ConllReader)),
    "lists in cells": (
        "a.csv",
        b"tokens,tags\n\"['a', 'b']\",O O\n\"['c\\n' \"\"d\"\"]\",\"['O', 'O']\"\n",
        training(CsvReader, columns={"tokens": "tokens", "tags": "tags"}),
    ),
    "word vectors": (
        "a.vec",
        b"2 3\na 1 2.5 3\nb -1 0 1e3\n",
        lambda p: load_vectors(str(p), "ab"),
    ),
    "n-grams": ("a.ngram", GRAMS, ngram),
    "hashes": ("contents.npz", npz(), load_contents),
    "JSON": ("a.json", json.dumps(RECORD).encode(), read_json),
    "metrics": ("a.jsonl", b'{"step": 1, "a": 0.5}\n{"step": 2, "a": null}\n', read_jsonl),
    "YAML": ("a.yaml", b"a: {b: [1, x, null], 'c': 1.5}\nd: |\n  text\n", read_yaml),
    "plan": ("sweep.json", json.dumps(PLAN).encode(), lambda path: read_plan(path.parent)),
    "record": ("run.json", json.dumps(RECORD).encode(), lambda path: read_trial(path.parent)),
    "sent strokes": (
        "a",
        b'{"strokes": [[[1, 2], [3.5, 4]], [[0, 0]]]}',
        lambda path: strokes_of(path.read_bytes()),
    ),
    "sent image": ("a", picture("PNG"), lambda path: image_of(path.read_bytes())),
}

SPLICES = (
    b"\0",
    b"\xff",
    b'"',
    b"'",
    b"[" * 300,
    b"<a>",
    b"&a;",
    b"{",
    b"9" * 30,
    b"-1",
    b"9" * 5000,
    b"1e999",
    b"NaN",
    b"\n",
    b"\xed\xa0\x80",
    b"\\ud800",
)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return the content with one to three damages: bits flipped, bytes lost, doubled or new."""
    found = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(found) + 1)
        size = rng.choice((1, 1, 2, 4, 20))
        match rng.randrange(6):
            case 0 | 1 if place < len(found):
                found[place] ^= 1 << rng.randrange(8)
            case 2:
                del found[place : place + size]
            case 3:
                found[place:place] = found[place : place + size]
            case 4:
                found[place : place + size] = rng.choice(SPLICES)
            case 5 if rng.random() < 0.3:
                del found[place:]
            case _:
                found[place : place + size] = rng.randbytes(size)
    return bytes(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [15, pytest.param(3000, marks=pytest.mark.slow)])
def test_a_damaged_file_is_read_or_an_error_says_why(tmp_path: Path, kind: str, count: int) -> None:
    name, content, read = KINDS[kind]
    path = tmp_path / name
    path.write_bytes(content)
    read(path)  # whole, it is read
    rng = random.Random(f"{kind} {count}")
    for number in range(count):
        found = damaged(content, rng)
        path.write_bytes(found)
        try:
            with suppress(SeqloomError):
                read(path)
        except Exception as error:
            raise AssertionError(f"damage {number}: {found[:3000]!r}") from error
