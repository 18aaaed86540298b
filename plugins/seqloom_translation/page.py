"""Markup of a translation for the report."""

from __future__ import annotations

import html
from collections.abc import Sequence

from seqloom.interfaces import Prediction, View

MOST = 60
"""Largest number of steps, and of pieces, of which the attention is drawn."""


def rendered(
    prediction: Prediction,
    text: str,
    references: Sequence[str],
    view: View,
    others: Sequence[str] = (),
) -> str:
    """Return the translation under its input and over the references.

    Args:
        prediction: Prediction, with ``attention`` and ``pieces`` if they are known.
        text: The translation.
        references: Right translations, if they are known.
        view: View of the input.
        others: The translations that come after the best.
    """
    lines = [
        ("translation", text),
        *(("alternative", one) for one in others),
        *(("reference", one) for one in references),
    ]
    rows = "".join(f"<tr><th>{name}</th><td>{html.escape(one)}</td></tr>" for name, one in lines)
    return f"{view.html}<table>{rows}</table>{_attention(prediction, view.steps)}"


def _attention(prediction: Prediction, steps: Sequence[str]) -> str:
    """Return the attention as a table of shades: a row for each piece, a column for each step."""
    weights, pieces = prediction.get("attention"), prediction.get("pieces")
    if not weights or not pieces or not steps or max(len(steps), len(weights)) > MOST:
        return ""
    names = [one["text"] for one in pieces]
    head = "".join(f"<th>{html.escape(one) or '&#x23CE;'}</th>" for one in steps)
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th>{''.join(map(_shade, line))}</tr>"
        for name, line in zip(names, weights, strict=False)
    )
    return (
        '<table class="attention"><caption>Attention of each piece to the steps of the input'
        f"</caption><tr><th></th>{head}</tr>{rows}</table>"
    )


def _shade(weight: float) -> str:
    return f'<td title="{weight:.2f}" style="background: rgba(31, 119, 180, {weight:.2f})"></td>'
