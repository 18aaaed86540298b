"""A line in the report: its picture, the reading under it, mistakes marked."""

from __future__ import annotations

import html
from typing import Any

from rapidfuzz.distance import Levenshtein

from seqloom.interfaces import Example, Prediction
from seqloom_handwriting.ctc.codec import CtcCodec
from seqloom_handwriting.ctc.picture import picture

ALIGNED = 60  # characters up to which a line is short enough to show where each one stands
STYLES = {
    "replace": "background:#f6c9c4",
    "insert": "background:#f6c9c4",
    "delete": "border-left:2px solid #c0392b",
}


def render(example: Example, prediction: Prediction, codec: CtcCodec) -> str:
    """Return HTML: the picture, the reading with its mistakes, the truth, and the alignment."""
    truth = example.fields.get(codec.options.field)
    truth = codec.normal(truth) if isinstance(truth, str) else None
    read = prediction["text"]
    drawing, width = picture(example)
    parts = [drawing, _alignment(prediction, width)]
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
            wanted = html.escape(truth[edit.src_start : edit.src_end], quote=True)
            style = STYLES[edit.tag]
            found.append(f'<mark style="{style}" title="truth: {wanted}">{piece}</mark>')
    return "".join(found)


def _alignment(prediction: Prediction, width: int) -> str:
    """Return an SVG strip with each character where it was read, pale where it is unsure."""
    characters: list[dict[str, Any]] = prediction.get("characters", [])
    if not 0 < len(characters) <= ALIGNED:
        return ""
    texts = "".join(
        f'<text x="{width * (one["start"] + one["end"]) / 2:.1f}" y="13" text-anchor="middle" '
        f'opacity="{0.25 + 0.75 * one["confidence"]:.2f}">{html.escape(one["character"])}'
        f"<title>{one['confidence']:.3f}</title></text>"
        for one in characters
    )
    return (
        f'<svg viewBox="0 0 {width} 18" style="width:{width}px;max-width:100%;display:block;'
        f'overflow:visible" font-size="12">{texts}</svg>'
    )
