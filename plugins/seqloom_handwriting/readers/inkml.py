"""Pen strokes in text: InkML, the W3C's format (https://www.w3.org/TR/InkML/), and cells of tables.

Of InkML, what recorded data sets and programs use is read: traces of numbers, some of which may be
differences, a trace format that names X and Y among them, and annotations.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET
from xml.parsers import expat

from seqloom.errors import plural


@dataclass(frozen=True)
class Ink:
    """The strokes of a file, and its annotations by type; those of the whole file go first.

    Attributes:
        strokes: The strokes.
        annotations: Text of each type.
        several: Types that only parts of the file have, with texts that differ.
    """

    strokes: Strokes
    annotations: dict[str, str]
    several: frozenset[str] = frozenset()


def parse_inkml(content: bytes) -> Ink:
    """Return what an InkML file holds; each trace with the pen down is a stroke.

    Raises:
        ValueError: The file is not well-formed, declares entities, is nested too deeply, has no
            traces, or a trace has other values than its format says.
    """
    root = _tree(content)
    channels = _channels(root)
    traces = [trace for trace in _named(root, "trace") if trace.get("type") != "penUp"]
    strokes = [_stroke(number, trace, channels) for number, trace in enumerate(traces, 1)]
    if not strokes:
        raise ValueError(f"no <trace> in <{_name(root)}>; expected InkML")
    return Ink(strokes, *_annotations(root))


DEEPEST = 100  # levels of elements
MOST_ELEMENTS = 1_000_000


def _tree(content: bytes) -> ET.Element:
    """Return the outermost element; what could fill the memory or the stack is refused.

    Raises:
        ValueError: The content is not well-formed or refused.
    """
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate(None, "}")
    parser.buffer_text = True
    depth = count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > DEEPEST or count > MOST_ELEMENTS:
            raise ValueError(
                f"elements more than {DEEPEST} deep, or more than {MOST_ELEMENTS} of them"
            )
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(name: str, *_: object) -> None:
        raise ValueError(f"it declares or uses the entity {name!r}; write the text itself")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = parser.SkippedEntityHandler = refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # encodings that are not known
        raise ValueError(f"not well-formed XML: {error}") from None
    return builder.close()


def _name(element: ET.Element) -> str:
    """Return the element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def _named(root: ET.Element, name: str) -> Iterator[ET.Element]:
    return (element for element in root.iter() if _name(element) == name)


def _channels(root: ET.Element) -> list[str]:
    """Return the names of the values of each point, in order."""
    formats = {_of_format(element) for element in _named(root, "traceFormat")} or {("X", "Y")}
    if len(formats) > 1:
        raise ValueError("traces of several formats in one file are not supported")
    channels = list(formats.pop())
    if not {"X", "Y"} <= set(channels):
        raise ValueError(f"the trace format has the channels {channels}; expected X and Y in it")
    return channels


def _of_format(element: ET.Element) -> tuple[str, ...]:
    # Only direct children: those in <intermittentChannels> come after them, if at all.
    return tuple(child.get("name", "") for child in element if _name(child) == "channel")


def _stroke(number: int, trace: ET.Element, channels: list[str]) -> list[Point]:
    places = channels.index("X"), channels.index("Y")
    x, y = _Channel(), _Channel()
    points = []
    for place, piece in enumerate((trace.text or "").strip(", \t\r\n").split(","), 1):
        values = _VALUE.findall(piece)
        where = f"trace {number}, point {place}"
        if len(values) < len(channels):
            raise ValueError(
                f"{where}: {piece.strip()[:SHOWN]!r} has {len(values)} "
                f"{plural(len(values), 'value')}, the format has "
                f"{len(channels)} ({' '.join(channels)})"
            )
        words = x.plain(values[places[0]]), y.plain(values[places[1]])
        x.value, y.value = point(piece.strip(), list(words), where)
        points.append((x.value, y.value))
    return points


_VALUE = re.compile(r"""[!'"]?\s*-*(?:[^\s!'"-]|(?<=[eE])-)+""")
"""A value; a minus begins the next one also without a space between, as in ``3-5``."""


@dataclass(slots=True)
class _Channel:
    """A channel of a trace, whose values may be differences from those before.

    Attributes:
        value: Last value.
        speed: Its difference from the one before.
        mark: ``!`` if values are plain, ``'`` if they are differences, and ``"`` if they are
            differences of differences; a mark counts until the next one.
    """

    value: float | None = None
    speed: float = 0.0
    mark: str = "!"

    def plain(self, word: str) -> str:
        """Return the value that a word stands for; a word that is no number is returned itself."""
        if word[0] in "!'\"":
            self.mark, word = word[0], word[1:].strip()
        try:
            number = float(word)
        except ValueError:
            return word
        if self.mark == "!":
            self.speed = 0.0 if self.value is None else number - self.value
            return word
        self.speed = number if self.mark == "'" else self.speed + number
        return repr((self.value or 0.0) + self.speed)


def _annotations(root: ET.Element) -> tuple[dict[str, str], frozenset[str]]:
    """Return the first annotation of each type, and the types that differ in parts of the file."""
    own = _texts(child for child in root if _name(child) == "annotation")
    inner = _texts(_named(root, "annotation"))
    several = (kind for kind, texts in inner.items() if kind not in own and len(texts) > 1)
    return {kind: texts[0] for kind, texts in (inner | own).items()}, frozenset(several)


def _texts(elements: Iterable[ET.Element]) -> dict[str, list[str]]:
    """Return the different texts of annotations by their type."""
    found: dict[str, dict[str, None]] = {}
    for element in elements:
        found.setdefault(element.get("type", ""), {})[(element.text or "").strip()] = None
    return {kind: list(texts) for kind, texts in found.items()}


SHOWN = 60  # characters of what is no point
Point = tuple[float, float]
Strokes = list[list[Point]]
"""Strokes in the order of writing; each a list of (x, y)."""


def parse_strokes(text: str) -> Strokes:
    """Return the strokes of a cell: separated by ``|``, points by spaces, each ``x,y``.

    >>> parse_strokes("1,2 3,4.5|6,7")
    [[(1.0, 2.0), (3.0, 4.5)], [(6.0, 7.0)]]

    Raises:
        ValueError: A piece is not a point, or a stroke is empty.
    """
    return [_stroke_of_cell(number, piece) for number, piece in enumerate(text.split("|"), 1)]


def flip(strokes: Strokes) -> Strokes:
    """Return the strokes with y growing the other way."""
    return [[(x, -y) for x, y in stroke] for stroke in strokes]


def point(piece: str, values: list[str], where: str) -> Point:
    """Return a point for the two numbers of a piece of text.

    Raises:
        ValueError: The values are not two finite numbers.
    """
    try:
        x, y = map(float, values)
    except ValueError:
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"{where}: {piece[:SHOWN]!r} is not a point of two finite numbers")
    return x, y


def _stroke_of_cell(number: int, text: str) -> list[Point]:
    pieces = text.split()
    if not pieces:
        raise ValueError(f"stroke {number} has no points; expected x,y x,y … and | between strokes")
    return [
        point(piece, piece.split(","), f"stroke {number}, point {place} (x,y is expected)")
        for place, piece in enumerate(pieces, 1)
    ]
