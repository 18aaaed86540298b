"""The parameters of the data components, and the fields of their examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqloom.data import SplitConfig
from seqloom.plugins import Component

SPLITS = ("train", "val", "test")
"""Parameters of files."""
IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".pgm")
OTHER_IMAGES = (".gif", ".jp2", ".j2k", ".jpx", ".heic", ".heif", ".avif", ".jxl", ".svg", ".pdf")
"""Images that are not read."""
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "PPM")
"""What is decoded, whatever a file is called: for EPS, say, PIL would run Ghostscript."""


@dataclass
class LineImages:
    """Line images with their texts.

    Attributes:
        train: A table (.tsv, .csv) that names images and their texts; or a folder or .zip of
            images, each with its text beside it as ``name.gt.txt`` or ``name.txt``.
            Example: ``lines/train``.
        val: As ``train``, for validation; without it, ``split.val`` may cut it from ``train``.
            Example: ``lines/val``.
        test: As ``train``, for the test; without it, ``split.test`` may cut it from ``train``.
            Example: ``lines/test``.
        images: Folder or .zip with the images of tables; null stands for the .zip of the
            table's name beside it (``train.zip`` of ``train.tsv``), or else the folder of that
            name (``train``) and the table's own folder, whichever has the image.
            Example: ``images.zip``.
        columns: Field → column of a table; empty stands for {image: image, text: text}. Fields
            other than ``image``, ``label`` and ``text`` go to the examples' ``meta``.
            Example: ``{image: file, text: transcription}``.
        split: How ``train`` is cut.
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    images: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    split: SplitConfig = field(default_factory=SplitConfig)


@dataclass
class Pages:
    """Page images with ALTO or PAGE XML, cut into lines in reading order.

    Attributes:
        train: A folder of XML files beside their images, or one XML file.
            Example: ``pages/train``.
        val: As ``train``, for validation; without it, ``split.val`` may cut it from ``train``.
            Example: ``pages/val``.
        test: As ``train``, for the test; without it, ``split.test`` may cut it from ``train``.
            Example: ``pages/test``.
        height: Height of the line images in pixels; 0 keeps the page's scale.
        straighten: Whether lines are straightened along the baseline, where the XML has one.
        regions: Types of regions to read; empty: all. Example: ``[MainZone]``.
        split: How ``train`` is cut; lines of a page stay together (``group: page``).
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    height: int = 64
    straighten: bool = True
    regions: list[str] = field(default_factory=list)
    split: SplitConfig = field(default_factory=lambda: SplitConfig(group="page"))


@dataclass
class Strokes:
    """Pen trajectories: a table of strokes, or InkML.

    Attributes:
        train: A table (.tsv, .csv) with a column of strokes (strokes separated by ``|``, points
            by space, each ``x,y``); or an .inkml file, or a folder or .zip of these.
            Example: ``train.tsv``.
        val: As ``train``, for validation; without it, ``hold_out`` or ``split.val`` may take it
            from ``train``. Example: ``val.tsv``.
        test: As ``train``, for the test; without it, ``split.test`` may cut it from ``train``.
            Example: ``test.tsv``.
        columns: Field → column of a table, or type of annotation in InkML (where ``truth`` and
            ``label`` are tried as well); empty stands for {strokes: strokes, label: label}.
            Fields other than ``strokes``, ``label`` and ``text`` go to the examples' ``meta``.
            Example: ``{strokes: ink, label: digit}``.
        patterns: Field → regular expression whose first group replaces the column's cell.
            Example: ``{writer: "w([0-9]+)"}``.
        hold_out: Field → values: the examples of ``train`` with one of these values become ``val``.
            Example: ``{writer: ["25", "26"]}``.
        y_up: Whether y grows upwards; examples always have it growing downwards, as on screens.
        split: How ``train`` is cut.
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    patterns: dict[str, str] = field(default_factory=dict)
    hold_out: dict[str, list[str]] = field(default_factory=dict)
    y_up: bool = False
    split: SplitConfig = field(default_factory=SplitConfig)


@dataclass
class StrokeStrings(Strokes):
    """Strings composed of single characters of a table of strokes, each string of one writer.

    Attributes:
        group: Field whose equal values may be in one string: the writer.
        min_length: Shortest string, in characters.
        max_length: Longest string, in characters.
        min_gap: Smallest gap between two characters, as a share of their greatest height.
        max_gap: Largest gap between two characters, as a share of their greatest height.
        repeats: How often each character of ``train`` is used; those of val and test are used once.
        seed: Seed of the composition.
    """

    group: str = "writer"
    min_length: int = 3
    max_length: int = 6
    min_gap: float = 0.05
    max_gap: float = 0.5
    repeats: int = 3
    seed: int = 1


@dataclass
class DigitLines:
    """Lines composed of the handwritten digits that scikit-learn ships; no digit in two splits.

    Attributes:
        train: Number of lines to train on.
        val: Number of lines for validation.
        test: Number of lines for the test.
        min_length: Shortest line, in digits.
        max_length: Longest line, in digits.
        height: Height of the images in pixels.
        seed: Seed of the composition.
    """

    train: int = 3000
    val: int = 300
    test: int = 500
    min_length: int = 3
    max_length: int = 10
    height: int = 32
    seed: int = 1


@dataclass
class Series:
    """Series of vectors, (T, D) each, in .npy or .npz files.

    Attributes:
        train: A table (.tsv, .csv) that names .npy files, or arrays of the .npz of its name.
            Example: ``train.tsv``.
        val: As ``train``, for validation; without it, ``split.val`` may cut it from ``train``.
            Example: ``val.tsv``.
        test: As ``train``, for the test; without it, ``split.test`` may cut it from ``train``.
            Example: ``test.tsv``.
        arrays: The folder or .npz that the arrays are in; null is the .npz of the table's own name
            beside it, or else the folder of that name and the table's own folder.
            Example: ``arrays.npz``.
        columns: Field → column of the table; empty stands for {features: features, text: text}.
            Fields other than ``features``, ``label`` and ``text`` go to the examples' ``meta``.
            Example: ``{features: file, label: gesture}``.
        split: How ``train`` is cut.
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    arrays: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    split: SplitConfig = field(default_factory=SplitConfig)


def _stroke_fields(params: Mapping[str, Any]) -> dict[str, str]:
    columns = params.get("columns") or {"label": "label"}
    return {"strokes": "strokes"} | {name: name for name in ("label", "text") if name in columns}


def _series_fields(params: Mapping[str, Any]) -> dict[str, str]:
    columns = params.get("columns") or {"text": "text"}
    return {"features": "features"} | {name: name for name in ("label", "text") if name in columns}


_READERS = "seqloom_handwriting.readers"
_PAGES = "seqloom_handwriting.pages"
_SAMPLES = "seqloom_handwriting.samples"
DATA = (
    Component(
        "data",
        "line_images",
        LineImages,
        f"{_READERS}.line_images:LineImageReader",
        files=(*SPLITS, "images"),
        gives={"image": "image", "text": "text"},
        suffixes=(*IMAGES, ".zip", "/", ".tsv", ".csv"),
        extra="handwriting",
        sample=f"{_SAMPLES}:line_images",
    ),
    Component(
        "data",
        "pages",
        Pages,
        f"{_PAGES}.reader:PageReader",
        files=SPLITS,
        gives={"image": "image", "text": "text"},
        suffixes=(".xml", "/"),
        writers={"alto": f"{_PAGES}.writer:AltoWriter", "page": f"{_PAGES}.writer:PageXmlWriter"},
        extra="handwriting",
        sample=f"{_SAMPLES}:pages",
    ),
    Component(
        "data",
        "strokes",
        Strokes,
        f"{_READERS}.strokes:StrokeReader",
        files=SPLITS,
        gives=_stroke_fields,
        suffixes=(".inkml", "/", ".tsv", ".csv"),
        sample=f"{_SAMPLES}:strokes",
    ),
    Component(
        "data",
        "stroke_strings",
        StrokeStrings,
        f"{_READERS}.strings:StringReader",
        files=SPLITS,
        gives={"strokes": "strokes", "text": "text"},
        sample=f"{_SAMPLES}:stroke_strings",
    ),
    Component(
        "data",
        "digit_lines",
        DigitLines,
        f"{_READERS}.digit_lines:DigitLineReader",
        files=(),
        gives={"image": "image", "text": "text"},
        extra="handwriting",
        sample=f"{_SAMPLES}:digit_lines",
    ),
    Component(
        "data",
        "series",
        Series,
        f"{_READERS}.series:SeriesReader",
        files=(*SPLITS, "arrays"),
        gives=_series_fields,
        suffixes=(".npy", ".npz", "/", ".tsv", ".csv"),
        sample=f"{_SAMPLES}:series",
    ),
)
