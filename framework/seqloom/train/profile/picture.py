"""A picture of a profile: one bar for each stage, cut into its parts, as a file of SVG."""

from __future__ import annotations

from html import escape

from seqloom.train.profile.result import Part, Profile, Steps

WIDTH, LEFT, RIGHT = 860, 20, 840
BAR, LINE = 34, 19
SMALLEST = 0.045
"""Share of a bar from which on a part has room for its percentage."""

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222 }
.title { font-weight: 600 }
.inside { fill: #fff; text-anchor: middle }
.paper { fill: #fff }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .paper { fill: #181818 } }
"""

HUES = {
    "waiting for data": 210,
    "encoding the inputs": 210,
    "making batches": 195,
    "moving data to the device": 180,
    "frontend": 150,
    "encoder": 25,
    "head": 275,
    "writing predictions": 320,
    "clipping": 345,
    "optimizer": 0,
    "logging and callbacks": 55,
}
"""Hues of the parts; the others are grey."""


def picture(profile: Profile) -> str:
    """Return the SVG; the backward pass of a part is darker than its forward pass."""
    body: list[str] = []
    top = 30
    body.append(_text(LEFT, top, f"{profile.title} on {profile.device}", "title"))
    for stage in profile.stages:
        top += 34
        body.append(
            _text(LEFT, top, f"{stage.what}: {stage.seconds * 1e3:,.3g} ms per batch", "title")
        )
        drawn, top = _bar(stage, top + 10)
        body += drawn
    height = top + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">\n<style>{STYLE}</style>\n'
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _bar(stage: Steps, top: int) -> tuple[list[str], int]:
    """Return the bar of a stage with its legend, and where it ends."""
    found: list[str] = []
    left, legend = float(LEFT), top + BAR + LINE
    for number, part in enumerate(one for one in stage.parts if one.seconds):
        for seconds, light, phase in ((part.forward, 48, ""), (part.backward, 33, ", backward")):
            share = seconds / stage.seconds
            width = share * (RIGHT - LEFT)
            if not width:
                continue
            colour = _colour(part, light)
            tip = f"{part.name}{phase}: {seconds * 1e3:.3g} ms, {share:.1%}"
            found.append(
                f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" '
                f'fill="{colour}"><title>{escape(tip)}</title></rect>'
            )
            if share >= SMALLEST:
                found.append(_text(left + width / 2, top + BAR // 2 + 5, f"{share:.0%}", "inside"))
            left += width
        column, row = number % 2, number // 2
        x, y = LEFT + column * (RIGHT - LEFT) // 2, legend + row * LINE
        found.append(
            f'<rect x="{x}" y="{y - 10}" width="11" height="11" fill="{_colour(part, 48)}"/>'
        )
        told = f"{part.name}: {part.seconds * 1e3:.3g} ms, {part.seconds / stage.seconds:.1%}"
        found.append(_text(x + 17, y, told))
    rows = -(-sum(1 for one in stage.parts if one.seconds) // 2)
    return found, legend + (rows - 1) * LINE


def _colour(part: Part, light: int) -> str:
    kind, _, layer = part.name.partition(":")
    if kind not in HUES:
        return f"hsl(0, 0%, {light + 8}%)"
    number = int("".join(filter(str.isdigit, layer)) or 0)
    return f"hsl({HUES[kind] + 7 * number}, 62%, {light}%)"


def _text(x: float, y: int, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y}"{named}>{escape(text)}</text>'
