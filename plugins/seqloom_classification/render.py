"""One example with its prediction as HTML."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from seqloom.interfaces import Prediction, View


def render(view: View, prediction: Prediction, truth: Any = None) -> str:
    """Return HTML: what was read, and the predicted label beside the true one where they differ.

    The outer element has the class ``right`` or ``wrong``, or neither if the truth is not known.

    >>> render(View("<div>1 &lt; 2</div>"), {"label": "maths"}, "maths")  # doctest: +ELLIPSIS
    '<div class="classified right"><div>1 &lt; 2</div>...<b class="predicted">maths</b>...'
    """
    predicted = _names(prediction["labels"] if "labels" in prediction else prediction["label"])
    verdict = Markup('predicted <b class="predicted">{}</b>').format(", ".join(predicted) or "none")
    if (confidence := prediction.get("confidence")) is not None:
        verdict += Markup(' <span class="confidence">{:.1f} %</span>').format(100 * confidence)
    kind = ""
    if truth is not None:
        right = set(_names(truth)) == set(predicted)
        kind = " right" if right else " wrong"
        if not right:
            names = ", ".join(_names(truth)) or "none"
            verdict += Markup(', truth <b class="truth">{}</b>').format(names)
    page = Markup('<div class="classified{}">{}<p class="verdict">{}</p></div>')
    return str(page.format(kind, Markup(view.html), verdict))


def _names(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str) else [str(name) for name in value]
