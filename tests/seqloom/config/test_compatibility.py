"""Parts that do not fit are told of when the config is composed, in words."""

from __future__ import annotations

import pytest

from seqloom.config.compatibility import check_compatible
from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError

MISFITS = [
    (
        ["frontend=characters"],
        "head=ner needs one step for each token; frontend=characters provides steps (one step for "
        "each character). Choose frontend=words.",
    ),
    (
        ["data=csv", "data.columns={text: a, label: b}"],
        "head=ner needs one tag for each token in the field 'tags' (head.field); data=csv provides "
        "text (a text), label (one class for each example). head=ner is the default. Choose "
        "head=classification, or read such data by data=conll or data=spans.",
    ),
    (
        ["head.field=tgas"],
        "head=ner needs one tag for each token in the field 'tgas' (head.field); data=apples "
        "provides tokens (a list of tokens), text (a text), tags (one tag for each token), label "
        "(one class for each example). Name it: head.field=tags",
    ),
    (
        ["head.field=label"],
        "head=ner needs one tag for each token in the field 'label' (head.field); data=apples "
        "provides tokens (a list of tokens), text (a text), tags (one tag for each token), label "
        "(one class for each example). Name it: head.field=tags",
    ),
    (
        [
            "data=csv",
            "head=classification",
            "head.multi_label=true",
            "data.columns={text: a, labels: b}",
        ],
        "head=classification needs one class for each example or a set of classes for each example "
        "in the field 'label' (head.field); data=csv provides text (a text), labels (a set of "
        "classes for each example). Name it: head.field=labels",
    ),
    (
        ["frontend.field=label"],
        "frontend=words needs a list of tokens or a text in the field 'label' (frontend.field); "
        "data=apples provides tokens (a list of tokens), text (a text), tags (one tag for each "
        "token), label (one class for each example).",
    ),
    (
        ["data=conll", "head=classification"],
        "head=classification needs one class for each example or a set of classes for each example "
        "in the field 'label' (head.field); data=conll provides tokens (a list of tokens), tags "
        "(one tag for each token). Choose head=ner.",
    ),
    (
        ["data=parallel"],
        "frontend=words needs a list of tokens or a text; data=parallel provides nothing.",
    ),
    (
        ["data=line_images", "data.train=lines", "head=ctc"],
        "head=ctc needs one step for each frame; frontend=words provides steps (one step for each "
        "token). Choose frontend=line_image.",
    ),
    (
        ["data=strokes", "data.train=pen", "head=classification"],
        "frontend=words needs a list of tokens or a text; data=strokes provides strokes (pen "
        "strokes), label (one class for each example). Choose frontend=strokes.",
    ),
    (
        ["data=csv", "data.columns.text=a", "head=classification"],
        "head=classification needs one class for each example or a set of classes for each example "
        "in the field 'label' (head.field); data=csv provides text (a text). Where data.columns is "
        "set, it names all columns: add data.columns.label=COLUMN",
    ),
    (
        ["data=csv", "data.columns.tags=ner"],
        "frontend=words needs a list of tokens or a text; data=csv provides tags (one tag for each "
        "token). Where data.columns is set, it names all columns: add data.columns.tokens=COLUMN",
    ),
    (
        ["data=jsonl", "data.columns.tokens=words"],
        "head=ner needs one tag for each token in the field 'tags' (head.field); data=jsonl "
        "provides tokens (a list of tokens). Where data.columns is set, it names all columns: add "
        "data.columns.tags=COLUMN",
    ),
    (
        ["data=csv", "data.columns.label=b", "head=classification"],
        "frontend=words needs a list of tokens or a text; data=csv provides label (one class for "
        "each example). Where data.columns is set, it names all columns: add "
        "data.columns.tokens=COLUMN or data.columns.text=COLUMN",
    ),
    (
        ["data=csv", "data.columns={text: a, label: b}", "frontend=line_image"],
        "frontend=line_image needs an image in the field 'image' (frontend.field); data=csv "
        "provides text (a text), label (one class for each example). Choose frontend=words.",
    ),
    (
        ["data=csv", "data.train=pairs.csv", "head=translation", "frontend=subwords"],
        "head=translation needs one or more texts or a text in the field 'translation' "
        "(head.field); data=csv provides text (a text), label (one class for each example). Name "
        "the columns of the data: data.columns='{text: COLUMN, translation: COLUMN}'.",
    ),
    (
        ["data=csv"],
        "head=ner needs one tag for each token in the field 'tags' (head.field); data=csv provides "
        "text (a text), label (one class for each example). head=ner is the default. Choose "
        "head=classification, or read such data by data=conll or data=spans, or name the columns "
        "of the data: data.columns='{tokens: COLUMN, tags: COLUMN}', and data.group_column=COLUMN "
        "if each row is one token.",
    ),
    (
        ["data=sounds", "data.train=folder", "frontend=log_mel", "head=ctc"],
        "head=ctc needs a text in the field 'text' (head.field); data=sounds provides sound "
        "(sound), label (one class for each example). Name the columns of the data: "
        "data.columns='{text: COLUMN}'.",
    ),
]


@pytest.mark.parametrize(("overrides", "sentence"), MISFITS, ids=lambda value: str(value)[:40])
def test_parts_that_do_not_fit(overrides: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as found:
        compose_run(overrides)
    assert str(found.value) == sentence


def test_a_model_cannot_choose_another_frontend() -> None:
    config = {
        "data": {"name": "line_images"},
        "frontend": {"name": "words", "field": None},
        "head": {"name": "ctc", "field": "text"},
    }
    with pytest.raises(ConfigError, match=r"\. Choose frontend=line_image\.$"):
        check_compatible(config)
    with pytest.raises(ConfigError) as found:
        check_compatible(config, trained=True)
    assert str(found.value).endswith("provides steps (one step for each token).")


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
    assert compose_run(overrides).head["name"]
