"""An example in the report: what was read, the reading under it, mistakes marked."""

from __future__ import annotations

import html
from typing import Any

from rapidfuzz.distance import Levenshtein

from seqloom.interfaces import Prediction, View

ALIGNED = 60  # characters up to which a line is short enough to show where each one is
STYLES = {
    "replace": "background:#f6c9c4",
    "insert": "background:#f6c9c4",
    "delete": "border-left:2px solid #c0392b",
}


def render(view: View, prediction: Prediction, truth: str | None) -> str:
    """Return HTML: what was read, the reading with its mistakes, the truth, and the alignment.

    Args:
        view: View of what was read.
        prediction: Prediction for it.
        truth: Text in the codec's normal form; None if unknown.
    """
    read = prediction["text"]
    parts = [view.html, _alignment(prediction, view)]
    marked = html.escape(read) if truth is None else _marked(read, truth)
    parts.append(f'<div>read: <span style="font-size:1.1em">{marked or "(nothing)"}</span></div>')
    if truth is not None:
        parts.append(f"<div>truth: {html.escape(truth)}</div>")
    return f'<div style="margin:.4em 0">{"".join(parts)}</div>'


def _marked(read: str, truth: str) -> str:
    """Return the reading with wrong characters marked, and a bar where some are missing."""
    found = []
    for edit in Levenshtein.opcodes(truth, read):
        piece = html.escape(read[edit.dest_start : edit.dest_end]).replace(" ", "␣")
        if edit.tag == "equal":
            found.append(html.escape(read[edit.dest_start : edit.dest_end]))
        else:
            expected = html.escape(truth[edit.src_start : edit.src_end], quote=True)
            style = STYLES[edit.tag]
            found.append(f'<mark style="{style}" title="truth: {expected}">{piece}</mark>')
    return "".join(found)


def _alignment(prediction: Prediction, view: View) -> str:
    """Return an SVG strip with each character where it was read, pale where it is unsure."""
    found = prediction.get("characters", prediction.get("pieces"))
    characters: list[dict[str, Any]] = found or []
    if not 0 < len(characters) <= ALIGNED:
        return ""
    width = view.width
    texts = "".join(
        f'<text x="{_middle(one, view):.1f}" y="13" text-anchor="middle" '
        f'opacity="{0.25 + 0.75 * one["confidence"]:.2f}">{_name(one)}'
        f"<title>{one['confidence']:.3f}</title></text>"
        for one in characters
    )
    return (
        f'<svg viewBox="0 0 {width} 18" style="width:{width}px;max-width:100%;display:block;'
        f'overflow:visible" font-size="12">{texts}</svg>'
    )


def _name(unit: dict[str, Any]) -> str:
    return html.escape(str(unit.get("character", unit.get("text"))))


def _middle(character: dict[str, Any], view: View) -> float:
    """Return the middle of a character in the view, in pixels from the left."""
    start, end = float(character["start"]), float(character["end"])
    count = len(view.places)
    if not count:
        return view.width * (start + end) / 2
    first = min(round(start * count), count - 1)
    last = max(first, min(round(end * count), count) - 1)
    return (view.places[first][0] + view.places[last][1]) / 2
