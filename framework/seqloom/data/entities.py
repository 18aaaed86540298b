"""The characters of predicted entities, for formats that mark them in a text."""

from __future__ import annotations

from itertools import accumulate

from seqloom.interfaces import Example, Prediction


def entity_spans(
    example: Example, prediction: Prediction
) -> tuple[str, list[tuple[int, int, str]]]:
    """Return the text of an example, and first character, end and type of its predicted entities.

    Tokens that come without the text they are from are joined by blanks.

    Args:
        example: Example, as it was predicted from.
        prediction: Prediction with ``tokens`` and ``entities``.

    >>> entities = [{"start": 1, "end": 3, "type": "LOC"}]
    >>> entity_spans(Example("a", {}), {"tokens": ["in", "New", "York"], "entities": entities})
    ('in New York', [(3, 11, 'LOC')])
    """
    tokens = prediction["tokens"]
    text, places = example.fields.get("text"), example.meta.get("offsets")
    if text is None or places is None:
        text = " ".join(tokens)
        ends = accumulate(len(one) + 1 for one in tokens)
        places = [(end - len(one) - 1, end - 1) for one, end in zip(tokens, ends, strict=True)]
    return text, [
        (int(places[one["start"]][0]), int(places[one["end"] - 1][1]), one["type"])
        for one in prediction["entities"]
    ]
