"""Drawings of the cells of encoders, as SVG in the colours of the theme."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

Point = tuple[float, float]
MARK = 'd="M0 0L8 4L0 8z"'
BOX = (46, 28)
RADIUS = 12


class Drawing:
    """Lines, boxes and circles with labels.

    Args:
        width: Width in pixels at full size.
        height: Height.
        title: What the drawing shows, for screen readers.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self.size = (width, height)
        self.title = title
        self.below: list[str] = []
        self.above: list[str] = []

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        """Draw the border of a cell."""
        place = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="10"'
        self.below.insert(0, f'<rect {place} class="frame"/>')

    def line(self, *points: Point, arrow: bool = True) -> None:
        """Draw a line through points, with an arrowhead at the end."""
        path = "L".join(f"{x:g} {y:g}" for x, y in points)
        end = ' marker-end="url(#cell-arrow)"' if arrow else ""
        self.below.append(f'<path d="M{path}" class="wire"{end}/>')

    def box(self, at: Point, text: str, width: float = BOX[0], kind: str = "gate") -> None:
        """Draw a box with weights or a function in it."""
        x, y = at[0] - width / 2, at[1] - BOX[1] / 2
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{BOX[1]}" rx="5"'
        self.above.append(f'<rect {place} class="{kind}"/>')
        self.text(at, text)

    def operation(self, at: Point, sign: str) -> None:
        """Draw an operation on two vectors, element by element."""
        self.above.append(f'<circle cx="{at[0]:g}" cy="{at[1]:g}" r="{RADIUS}" class="operation"/>')
        self.text(at, sign)

    def dot(self, at: Point) -> None:
        """Draw the point where a line branches."""
        self.above.append(f'<circle cx="{at[0]:g}" cy="{at[1]:g}" r="3" class="branch"/>')

    def text(self, at: Point, text: str, anchor: str = "middle", kind: str = "") -> None:
        """Write a text; what follows ``_`` is a subscript."""
        name, _, index = text.partition("_")
        low = f'<tspan dy="4" font-size="70%">{escape(index)}</tspan>' if index else ""
        place = f'x="{at[0]:g}" y="{at[1] + 5:g}" text-anchor="{anchor}"'
        named = f' class="{kind}"' if kind else ""
        self.above.append(f"<text {place}{named}>{escape(name)}{low}</text>")

    def svg(self) -> str:
        """Return the drawing as an SVG element."""
        width, height = self.size
        head = (
            f'<svg class="cell-drawing" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{escape(self.title)}" style="max-width:{width}px">'
        )
        marker = (
            '<defs><marker id="cell-arrow" markerWidth="8" markerHeight="8" refX="7" refY="4" '
            f'orient="auto"><path {MARK} class="arrowhead"/></marker></defs>'
        )
        return "\n".join([head, marker, *self.below, *self.above, "</svg>"])


def rnn() -> Drawing:
    """Return the cell of a simple recurrent network."""
    made = Drawing(480, 196, "RNN cell: the sum of W x and U h, plus a bias, through tanh")
    made.frame(90, 25, 300, 120)
    made.line((35, 85), (138, 85))
    made.line((150, 175), (150, 97))
    made.line((162, 85), (245, 85))
    made.line((295, 85), (435, 85))
    made.operation((150, 85), "+")
    made.box((270, 85), "tanh", 52)
    made.text((118, 72), "U", kind="soft")
    made.text((163, 125), "W", kind="soft")
    made.text((18, 85), "h_t−1")
    made.text((150, 183), "x_t", "end")
    made.text((455, 85), "h_t")
    return made


def lstm() -> Drawing:
    """Return the cell of long short-term memory."""
    made = Drawing(580, 245, "LSTM cell: forget, input and output gates around a memory c")
    made.frame(80, 25, 420, 165)
    made.line((35, 55), (138, 55))
    made.line((162, 55), (278, 55))
    made.line((302, 55), (545, 55))
    made.line((35, 165), (380, 165), arrow=False)
    made.line((100, 225), (100, 165), arrow=False)
    for x in (150, 220, 290, 380):
        made.line((x, 165), (x, 149), arrow=True)
    made.line((150, 121), (150, 67))
    made.line((220, 121), (220, 92), (278, 92))
    made.line((290, 121), (290, 104))
    made.line((290, 80), (290, 67))
    made.line((430, 55), (430, 75))
    made.line((430, 103), (430, 123))
    made.line((403, 135), (418, 135))
    made.line((430, 147), (430, 165), (545, 165))
    for at, sign in (((150, 55), "×"), ((290, 55), "+"), ((290, 92), "×"), ((430, 135), "×")):
        made.operation(at, sign)
    for x, gate in ((150, "σ f"), (220, "σ i"), (290, "tanh g"), (380, "σ o")):
        made.box((x, 135), gate, 54 if "g" in gate else BOX[0])
    made.box((430, 89), "tanh", kind="function")
    for at in ((430, 55), (150, 165), (220, 165), (290, 165), (100, 165)):
        made.dot(at)
    made.text((18, 55), "c_t−1")
    made.text((18, 165), "h_t−1")
    made.text((100, 230), "x_t", "end")
    made.text((562, 55), "c_t")
    made.text((562, 165), "h_t")
    return made


def gru() -> Drawing:
    """Return the cell of a gated recurrent unit."""
    made = Drawing(580, 245, "GRU cell: a reset gate and an update gate around the state h")
    made.frame(80, 25, 420, 165)
    made.line((35, 55), (308, 55))
    made.line((332, 55), (408, 55))
    made.line((432, 55), (545, 55))
    made.line((100, 55), (100, 165), (320, 165), arrow=False)
    made.line((130, 225), (130, 165), arrow=False)
    for x, y in ((150, 149), (260, 114), (320, 149)):
        made.line((x, 165), (x, y))
    made.line((150, 121), (150, 100), (188, 100))
    made.line((200, 55), (200, 88))
    made.line((212, 100), (235, 100))
    made.line((285, 100), (408, 100))
    made.line((320, 121), (320, 67))
    made.line((343, 135), (357, 135))
    made.line((393, 135), (420, 135), (420, 112))
    made.line((420, 88), (420, 67))
    for at, sign in (((200, 100), "×"), ((320, 55), "×"), ((420, 100), "×"), ((420, 55), "+")):
        made.operation(at, sign)
    made.box((150, 135), "σ r")
    made.box((260, 100), "tanh n", 54)
    made.box((320, 135), "σ z")
    made.box((375, 135), "1 −", 36, kind="function")
    for at in ((100, 55), (200, 55), (130, 165), (150, 165), (260, 165)):
        made.dot(at)
    made.text((18, 55), "h_t−1")
    made.text((130, 230), "x_t", "end")
    made.text((562, 55), "h_t")
    return made


def mingru() -> Drawing:
    """Return the cell of a minimal gated recurrent unit."""
    made = Drawing(480, 245, "minGRU cell: gate and candidate depend on x only, not on h")
    made.frame(80, 25, 320, 165)
    made.line((35, 55), (188, 55))
    made.line((212, 55), (308, 55))
    made.line((332, 55), (445, 55))
    made.line((200, 225), (200, 149))
    made.line((200, 170), (320, 170), (320, 149))
    made.line((200, 121), (200, 109))
    made.line((200, 81), (200, 67))
    made.line((223, 135), (262, 135), (262, 95), (308, 95))
    made.line((320, 121), (320, 107))
    made.line((320, 83), (320, 67))
    for at, sign in (((200, 55), "×"), ((320, 55), "+"), ((320, 95), "×")):
        made.operation(at, sign)
    made.box((200, 135), "σ z")
    made.box((320, 135), "c")
    made.box((200, 95), "1 −", 36, kind="function")
    made.dot((200, 170))
    made.text((18, 55), "h_t−1")
    made.text((200, 230), "x_t", "end")
    made.text((462, 55), "h_t")
    return made


def transformer() -> Drawing:
    """Return one block of a Transformer."""
    made = Drawing(660, 150, "Transformer layer: attention and a feed-forward block, each added")
    made.frame(60, 20, 540, 115)
    stops = (35, 85, 131, 155, 275, 308, 332, 355, 401, 425, 525, 548, 572, 620)
    for start, end in zip(stops[::2], stops[1::2], strict=True):
        made.line((start, 60), (end, 60))
    made.line((70, 60), (70, 112), (320, 112), (320, 72))
    made.line((342, 60), (342, 112), (560, 112), (560, 72))
    made.box((108, 60), "norm", kind="function")
    made.box((215, 60), "self-attention", 120)
    made.operation((320, 60), "+")
    made.box((378, 60), "norm", kind="function")
    made.box((475, 60), "feed-forward", 100)
    made.operation((560, 60), "+")
    made.dot((70, 60))
    made.dot((342, 60))
    made.text((20, 60), "x_t")
    made.text((640, 60), "h_t")
    return made


def both_directions(cell: str) -> Drawing:
    """Return a layer that reads in both directions, three steps of it."""
    made = Drawing(560, 290, f"Two {cell} layers, one in each direction, merged at every step")
    made.frame(55, 75, 470, 150)
    names = ("x_1", "x_2", "x_3")
    for number, x in enumerate((130, 290, 450)):
        made.line((x, 272), (x, 204))
        made.line((x, 245), (x - 58, 245), (x - 58, 145), (x - 15, 145), (x - 15, 124))
        made.line((x + 35, 190), (x + 52, 190), (x + 52, 50), (x + 30, 50))
        made.line((x, 96), (x, 62))
        made.line((x, 38), (x, 18))
        made.dot((x, 245))
        made.box((x, 190), cell, 70)
        made.box((x, 110), cell, 70)
        made.box((x, 50), "merge", 60, kind="function")
        made.text((x, 280), names[number])
        made.text((x, 8), f"h_{number + 1}")
    for x in (130, 290):
        made.line((x + 35, 190), (x + 125, 190))
        made.line((x + 125, 110), (x + 35, 110))
    made.text((30, 190), "→", kind="soft")
    made.text((30, 110), "←", kind="soft")
    return made


CELLS: dict[str, Callable[[], Drawing]] = {
    "rnn": rnn,
    "lstm": lstm,
    "gru": gru,
    "mingru": mingru,
    "transformer": transformer,
}
"""Drawing by the name of the encoder."""
LABELS = {"birnn": "RNN", "bilstm": "LSTM", "bigru": "GRU", "bimingru": "minGRU"}


def draw(encoder: str) -> str:
    """Return the drawing of an encoder as SVG.

    Raises:
        KeyError: There is no drawing for this encoder.
    """
    return (both_directions(LABELS[encoder]) if encoder in LABELS else CELLS[encoder]()).svg()
