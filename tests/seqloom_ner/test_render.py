from __future__ import annotations

from typing import Any

from seqloom.interfaces import View
from seqloom_ner.codec import NerCodec

VIEW = View("")


def prediction(*spans: tuple[str, int, int], confidence: float | None = None) -> dict[str, Any]:
    extra = {} if confidence is None else {"confidence": confidence}
    entities = [{"type": kind, "start": a, "end": b, **extra} for kind, a, b in spans]
    return {"tags": [], "entities": entities}


def test_equal_to_the_reference_is_shown_once(codec: NerCodec, example: Any) -> None:
    html = codec.render(
        example(["O", "B-LOC", "I-LOC"]), prediction(("LOC", 1, 3), confidence=0.25), VIEW
    )
    assert html == (
        '<p class="ner predicted">w0 <mark class="entity right" title="0.250">w1 w2 '
        "<sub>LOC</sub></mark></p>"
    )


def test_what_differs_is_marked_wrong_and_missed(codec: NerCodec, example: Any) -> None:
    html = codec.render(
        example(["B-PER", "B-LOC", "O"]), prediction(("PER", 0, 1), ("PER", 2, 3)), VIEW
    )
    predicted, reference = html.split("</p>")[:2]
    assert '<mark class="entity right">w0 <sub>PER</sub></mark> w1' in predicted
    assert '<mark class="entity wrong">w2 <sub>PER</sub></mark>' in predicted
    assert 'class="ner reference"' in reference
    assert '<mark class="entity missed">w1 <sub>LOC</sub></mark> w2' in reference


def test_without_a_readable_reference_nothing_is_judged(codec: NerCodec, example: Any) -> None:
    expected = '<p class="ner predicted"><mark class="entity">a <sub>LOC</sub></mark> b</p>'
    for tags in (["O", "I-LOC"], ["O"], [3, 4]):
        sentence = example(tags)
        sentence.fields["tokens"] = ["a", "b"]
        assert codec.render(sentence, prediction(("LOC", 0, 1)), VIEW) == expected
    del sentence.fields["tags"]
    assert codec.render(sentence, prediction(("LOC", 0, 1)), VIEW) == expected


def test_everything_is_escaped(codec: NerCodec, example: Any) -> None:
    sentence = example(["B-<b>", "O"])
    sentence.fields["tokens"] = ["<script>alert('&')</script>", '"><img>']
    html = codec.render(sentence, prediction(('<i onclick="x">', 0, 1), ("LOC", 1, 2)), VIEW)
    for raw in ("<script", "<img", "<i ", "<b>"):
        assert raw not in html
    assert "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;" in html
    assert "B-" not in html
    assert "&lt;b&gt;" in html
