"""Parts that do not fit are told of when the config is composed, in words."""

from __future__ import annotations

import pytest

from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError

MISFITS = [
    (
        ["frontend=characters"],
        "head=ner needs one step for each token; frontend=characters gives steps (one step for "
        "each character).",
    ),
    (
        ["data=csv", "data.columns={text: a, label: b}"],
        "head=ner needs one tag for each token in the field 'tags' (head.field); data=csv gives "
        "text (a text), label (one class for each example).",
    ),
    (
        ["head.field=tgas"],
        "head=ner needs one tag for each token in the field 'tgas' (head.field); data=apples gives "
        "tokens (a list of tokens), text (a text), tags (one tag for each token), label (one class "
        "for each example).",
    ),
    (
        ["head.field=label"],
        "head=ner needs one tag for each token in the field 'label' (head.field); data=apples "
        "gives tokens (a list of tokens), text (a text), tags (one tag for each token), label (one "
        "class for each example).",
    ),
    (
        ["frontend.field=label"],
        "frontend=words needs a list of tokens or a text in the field 'label' (frontend.field); "
        "data=apples gives tokens (a list of tokens), text (a text), tags (one tag for each "
        "token), label (one class for each example).",
    ),
    (
        ["data=conll", "head=classification"],
        "head=classification needs one class for each example or a set of classes for each example "
        "in the field 'label' (head.field); data=conll gives tokens (a list of tokens), tags (one "
        "tag for each token).",
    ),
    (
        ["data=parallel"],
        "frontend=words needs a list of tokens or a text; data=parallel gives nothing.",
    ),
]


@pytest.mark.parametrize(("overrides", "sentence"), MISFITS, ids=lambda value: str(value)[:40])
def test_parts_that_do_not_fit(overrides: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as found:
        compose_run(overrides)
    assert str(found.value) == sentence


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["data=conll"],
        ["head=classification"],
        ["head=classification", "frontend=characters"],
        ["head=classification", "data=csv", "data.columns={text: a, label: b}"],
        [
            "head=classification",
            "data=jsonl",
            "data.columns={text: a, topics: b}",
            "data.kinds={topics: labels}",
            "head.field=topics",
            "head.multi_label=true",
        ],
    ],
    ids=str,
)
def test_parts_that_fit(overrides: list[str]) -> None:
    assert compose_run(overrides)["head"]["name"]
