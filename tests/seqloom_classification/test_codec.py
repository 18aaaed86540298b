from __future__ import annotations

import json
import pickle
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example, FrontendCodec, View
from seqloom_classification.codec import render


def test_state_is_plain_and_enough(fit: Any, example: Any, three: Any) -> None:
    state = three.fit([example(v) for v in ["b", "a", "c", "a"]])
    assert state == {"classes": ["a", "b", "c"], "counts": [2, 1, 1], "weights": [1.0, 1.0, 1.0]}
    again = pickle.loads(pickle.dumps(three))
    again.restore(json.loads(json.dumps(state)))
    target = again.encode(example("c"))["target"]
    assert target.shape == ()
    assert target.dtype == np.int64
    assert target == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([f"T-{n}" for n in range(30)], "30 of the 30 training examples have a class of their own"),
        (["a"] * 9 + [f"T-{n}" for n in range(11)], "11 of the 20 training examples"),
        (["a"] * 10 + [f"T-{n}" for n in range(10)], ""),
        (["a", "b", "c"], ""),
    ],
)
def test_ids_in_place_of_classes(
    values: list[str], said: str, fit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fit(values)
    assert said in caplog.text
    assert ("such as 'T-0', which cannot be learned" in caplog.text) == bool(said)


def test_classes_that_may_mean_that_there_is_none(
    fit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fit(["a", "nan", "None", "nan", "none"])
    assert "may mean that a label is missing: 'None' (1), 'nan' (2). If they do" in caplog.text
    caplog.clear()
    fit(["a", "none"])
    assert not caplog.text


def test_sets_of_labels_are_many_hot(sets: Any, example: Any) -> None:
    rows = {v: sets.encode(example(list(v)))["target"].tolist() for v in ["", "b", "ca", "aa"]}
    assert rows == {"": [0, 0, 0], "b": [0, 1, 0], "ca": [1, 0, 1], "aa": [1, 0, 0]}
    assert sets.encode(example([]))["target"].dtype == np.float32


@pytest.mark.parametrize(
    ("params", "values", "weights"),
    [
        ({"class_weights": {"spam": 3}}, ["ham", "spam"], [1.0, 3.0]),
        ({"balanced": True}, ["ham", "ham", "ham", "spam"], [4 / 6, 4 / 2]),
        ({"balanced": True, "multi_label": True}, [["a"], [], [], ["a", "b"]], [1.0, 3.0]),
        ({"balanced": True, "multi_label": True}, [["a"], ["a"]], [0.5]),
    ],
)
def test_weights(fit: Any, params: Any, values: Any, weights: list[float]) -> None:
    assert fit(values, **params).weights == pytest.approx(weights)


@pytest.mark.parametrize(
    ("params", "value", "text"),
    [
        ({}, None, r"data\.csv:7: the field 'label', .* is missing; .* fields are: label, text"),
        ({}, ["a"], r"\['a'\] \(list\); expected one label.*head\.multi_label=true"),
        ({}, 3, r"is 3 \(int\); expected a text"),
        ({"multi_label": True}, "a", r"expects a list of labels.*head\.multi_label=false"),
        ({"multi_label": True}, ["a", 1], r"expected a list of texts"),
    ],
)
def test_wrong_labels_are_named(params: Any, value: Any, text: str, fit: Any, example: Any) -> None:
    codec = fit([["a"], ["b"]] if params else ["a", "b"], **params)
    with pytest.raises(ExampleError, match=text):
        codec.encode(example(value, 7))
    with pytest.raises(ExampleError, match=text):
        codec.fit([example(value, 7)])


def test_unseen_label_suggests_a_known_one(fit: Any, example: Any) -> None:
    codec = fit(["PlayMusic", "GetWeather"])
    text = r"data\.csv:3: the label 'PlayMusik' is in no training .* Did you mean 'PlayMusic'\?"
    with pytest.raises(ExampleError, match=text):
        codec.encode(example("PlayMusik", 3))


@pytest.mark.parametrize(
    ("params", "values", "text"),
    [
        ({}, ["a", "a"], "The 2 training examples all have the label 'a' in the field 'label'"),
        ({}, [], "The 0 training examples have no label"),
        ({"multi_label": True}, [[], []], "The 2 training examples have no label"),
    ],
)
def test_too_few_classes(params: Any, values: Any, text: str, fit: Any) -> None:
    with pytest.raises(DataError, match=text):
        fit(values, **params)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"class_weights": {"spamm": 2.0}}, r"'spamm', which is not .* Did you mean 'spam'\?"),
        ({"class_weights": {"spam": 0.0}}, r"'spam' is 0\.0; expected a positive number"),
        ({"class_weights": {"spam": float("nan")}}, r"'spam' is nan"),
        ({"class_weights": {"spam": 2.0}, "balanced": True}, r"both set the weights"),
    ],
)
def test_wrong_weights(params: Any, text: str, fit: Any) -> None:
    with pytest.raises(ConfigError, match=text):
        fit(["ham", "spam"], **params)


HOSTILE = '<script>alert("1")</script>'


class _Page(HTMLParser):
    """Collects the tags and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.classes: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.classes += (dict(attrs).get("class") or "").split()

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("truth", "prediction", "kind"),
    [
        ("a", {"label": "a"}, "right"),
        ("a", {"label": "b"}, "wrong"),
        (None, {"label": "b"}, None),
        (["b", "a"], {"labels": ["a", "b"]}, "right"),
        ([], {"labels": []}, "right"),
        (["a"], {"labels": []}, "wrong"),
    ],
)
def test_right_and_wrong_differ(truth: Any, prediction: Any, kind: str | None) -> None:
    page = _Page(render(View("so it is"), prediction, truth))
    assert {"right", "wrong"} & set(page.classes) == ({kind} if kind else set())
    assert ("truth" in page.classes) == (kind == "wrong")
    assert "so it is" in page.text


def test_confidence_is_shown() -> None:
    page = render(View("x"), {"label": "a", "confidence": 0.875})
    assert "87.5 %" in page


@pytest.mark.parametrize("where", ["text", "tokens", "truth", "label", "labels"])
def test_texts_are_escaped(where: str) -> None:
    fields: dict[str, Any] = {"text": HOSTILE, "tokens": [HOSTILE], "truth": HOSTILE}
    wanted = fields if where == "truth" else {where: fields.get(where)}
    prediction = {"labels": [HOSTILE]} if where == "labels" else {"label": HOSTILE}
    view = FrontendCodec.show(None, Example("1", wanted))  # type: ignore[arg-type]
    page = _Page(render(view, prediction, wanted.get("truth")))
    assert "script" not in page.tags
    assert HOSTILE in page.text
