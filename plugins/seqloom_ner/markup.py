"""HTML of sentences with their entities marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from seqloom_ner.spans import Span

_ENTITY = Markup('<mark class="{look}"{title}>{text} <sub>{kind}</sub></mark>')


def rendered(
    tokens: Sequence[str], predicted: Sequence[Mapping[str, Any]], gold: Sequence[Span] | None
) -> str:
    """Return HTML: the prediction, and below it the reference if it is known and differs.

    An entity's class is ``entity``, and if the reference is known also ``right``, ``wrong`` (only
    predicted) or ``missed`` (only in the reference).

    Args:
        tokens: Tokens of the sentence.
        predicted: Predicted entities.
        gold: Entities of the reference; None if it is not known.
    """
    spans = {_span(entity): entity.get("confidence") for entity in predicted}
    if gold is None:
        return _paragraph("predicted", tokens, dict.fromkeys(spans, "entity"), spans)
    looks = {span: "entity right" if span in gold else "entity wrong" for span in spans}
    html = _paragraph("predicted", tokens, looks, spans)
    if set(gold) == set(spans):
        return html
    expected = {span: "entity right" if span in spans else "entity missed" for span in gold}
    return html + _paragraph("reference", tokens, expected, {})


def _span(entity: Mapping[str, Any]) -> Span:
    return entity["type"], entity["start"], entity["end"]


def _paragraph(
    name: str,
    tokens: Sequence[str],
    looks: Mapping[Span, str],
    confidences: Mapping[Span, float | None],
) -> Markup:
    """Return the tokens as a paragraph with the spans marked; everything is escaped."""
    parts: list[str | Markup] = []
    position = 0
    for span in sorted(looks, key=lambda span: span[1]):
        kind, start, end = span
        confidence = confidences.get(span)
        title = "" if confidence is None else Markup(' title="{:.3f}"').format(confidence)
        text = " ".join(tokens[start:end])
        parts += tokens[position:start]
        parts.append(_ENTITY.format(look=looks[span], title=title, text=text, kind=kind))
        position = end
    parts += tokens[position:]
    return Markup('<p class="ner {}">{}</p>').format(name, Markup(" ").join(parts))
